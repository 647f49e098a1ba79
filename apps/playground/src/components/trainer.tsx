import { plan } from '../it/plan.js';
import { course, type ItState, itState, pause, reset, seed, statements, train } from '../pages/it-state.js';
import type { Begun } from '../worker/it-calls.js';
import { percent } from './percent.js';

/** Start, pause and reset, how far the training is, and what it has reached. */
export function Trainer() {
  const state = itState.value;
  const begun = state.kind === 'resting' || state.kind === 'training' ? state.begun : null;
  const { step, milliseconds, scores } = course.value;
  const score = scores.at(-1);
  return (
    <section class="card trainer" aria-labelledby="trainer-title">
      <h2 id="trainer-title" class="visually-hidden">
        Training
      </h2>
      <div class="trainer-buttons">
        <MainButton state={state} step={step} />
        <button type="button" onClick={() => void reset()} disabled={step === 0}>
          Reset
        </button>
      </div>
      <div class="trainer-progress">
        <p>
          Step <b data-testid="step">{step}</b> of {plan.steps}
          <small>{step > 0 ? `${(milliseconds / step).toFixed(0)} ms a step` : ' '}</small>
        </p>
        <progress value={step} max={plan.steps} aria-label="Training steps" />
      </div>
      <dl class="scores">
        <div>
          <dt>nouns of the training</dt>
          <dd class="seen" data-testid="seen">
            {score ? percent(score.seen) : '–'}
          </dd>
        </div>
        <div>
          <dt>nouns held out</dt>
          <dd class="unseen" data-testid="unseen">
            {score ? percent(score.unseen) : '–'}
          </dd>
        </div>
      </dl>
      <Settings />
      {begun && <Facts {...begun} />}
    </section>
  );
}

function MainButton({ state, step }: { state: ItState; step: number }) {
  if (state.kind === 'training') {
    return (
      <button type="button" class="primary" onClick={pause}>
        Pause
      </button>
    );
  }
  const done = step >= plan.steps;
  return (
    <button type="button" class="primary" onClick={() => void train()} disabled={state.kind !== 'resting' || done}>
      {done ? 'Trained' : step > 0 ? 'Go on' : 'Train'}
    </button>
  );
}

/** They begin a new model. */
function Settings() {
  return (
    <div class="settings">
      <label class="check">
        <input
          type="checkbox"
          checked={statements.value}
          onChange={(event) => {
            statements.value = event.currentTarget.checked;
            void reset();
          }}
        />
        <span>
          let it read the plain statements, too <small>(without them nothing tells what a held-out noun is: a check)</small>
        </span>
      </label>
      <label class="field seed">
        <span>Seed</span>
        <input
          type="number"
          min={0}
          max={9999}
          value={seed.value}
          onChange={(event) => {
            seed.value = Math.min(9999, Math.max(0, Math.floor(event.currentTarget.valueAsNumber || 0)));
            void reset();
          }}
        />
      </label>
    </div>
  );
}

function Facts({ backend, noWasm, parameters }: Begun) {
  return (
    <p class="note">
      Two layers of four heads, {Math.round(parameters / 1000)},000 parameters, trained in a worker of this page on the {backend} backend.
      {noWasm && ` That takes some minutes: ${noWasm}`}
    </p>
  );
}
