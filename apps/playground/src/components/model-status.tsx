import type { ModelState } from '../pages/pronounce-state.js';

interface ModelStatusProps {
  state: Exclude<ModelState, { kind: 'ready' }>;
  onRetry: () => void;
}

/** In place of the result, while there is no model: how far loading is, or why it failed. */
export function ModelStatus({ state, onRetry }: ModelStatusProps) {
  if (state.kind === 'failed') {
    return (
      <section class="card empty" role="alert">
        <h2>The model could not be loaded</h2>
        <p>{state.message}</p>
        <button type="button" class="primary" onClick={onRetry}>
          Try again
        </button>
      </section>
    );
  }
  const { received, total } = state.progress;
  const share = total > 0 ? received / total : 0;
  return (
    <section class="card empty" aria-live="polite">
      <label class="loading">
        <span>
          {share < 1 ? 'Loading the model' : 'Preparing the model'}
          <small>{total > 0 ? `${megabytes(received)} of ${megabytes(total)} MB` : ' '}</small>
        </span>
        <progress value={share} max={1} />
      </label>
    </section>
  );
}

export function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
