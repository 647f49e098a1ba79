import { backend, outcome, times, useBackend } from '../pages/pronounce-state.js';
import type { BackendName } from '../worker/backends.js';
import type { ModelFacts } from '../worker/pronounce-calls.js';
import { megabytes } from './model-status.js';

const backends: readonly { name: BackendName; title: string; what: string }[] = [
  { name: 'wasm', title: 'WebAssembly', what: '128-bit SIMD kernels' },
  { name: 'cpu', title: 'CPU', what: 'plain, readable JavaScript' },
];

/** On which backend the model runs, and how long each takes for the same word. */
export function BackendSwitch({ facts }: { facts: ModelFacts }) {
  const known = times.value;
  const slowest = Math.max(...Object.values(known), 1);
  const word = outcome.value.kind === 'answers' ? outcome.value.word : null;
  return (
    <section class="card speed" aria-labelledby="speed-title">
      <div class="card-head">
        <div>
          <h2 id="speed-title">Backend</h2>
          <p>One word, beam 5: the median of three runs after a warm-up, both measured here and now{word && <> for “{word}”</>}.</p>
        </div>
        <Ratio />
      </div>
      <fieldset class="tiles">
        <legend class="visually-hidden">Backend</legend>
        {backends.map(({ name, title, what }) => {
          const missing = name === 'wasm' ? facts.noWasm : null;
          const time = known[name];
          return (
            <label key={name} class="tile" data-disabled={missing !== null}>
              <input
                type="radio"
                name="backend"
                value={name}
                checked={backend.value === name}
                disabled={missing !== null}
                onChange={() => useBackend(name)}
              />
              <span class="tile-title">
                {title} <small>{missing === null ? what : 'not available here'}</small>
              </span>
              <span class="tile-time" data-testid={`time-${name}`}>
                {missing === null ? duration(time) : '–'}
              </span>
              <span class="bar" aria-hidden="true">
                <i style={{ width: `${time === undefined ? 0 : (100 * time) / slowest}%` }} />
              </span>
            </label>
          );
        })}
      </fieldset>
      {facts.noWasm && <p class="problem">The CPU does it: {facts.noWasm}</p>}
      <p class="note">
        {(facts.parameters / 1e6).toFixed(1)} million parameters, {megabytes(facts.bytes)} MB in half precision, {facts.layers} layers of{' '}
        {facts.heads} heads on each side. Both backends compute the same functions: the answers agree.
      </p>
    </section>
  );
}

function Ratio() {
  const { wasm, cpu } = times.value;
  if (wasm === undefined || cpu === undefined) return null;
  return (
    <p class="ratio">
      <b>{(cpu / wasm).toFixed(cpu / wasm < 10 ? 1 : 0)} ×</b> as fast with WebAssembly
    </p>
  );
}

function duration(milliseconds: number | undefined): string {
  if (milliseconds === undefined) return outcome.value.kind === 'answers' ? 'measuring …' : '–';
  return `${milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms`;
}
