import type { AdamArgs } from '../../backend.js';
import { fillRandom } from '../../random.js';
import type { BackendCase } from '../backend-case.js';
import type { Lab } from '../backend-lab.js';
import { exact } from '../closeness.js';
import { oddSizes, uniformSample } from '../samples.js';

/** Exactly the elements that the random stream says, whatever the number of threads. */
async function drops(lab: Lab): Promise<void | false> {
  let taken = false;
  for (const n of oddSizes) {
    for (const p of [0, 0.1, 0.5, 0.99]) {
      const args = { p, seed: 2 ** 34 + n, counter: 2 ** 32 + 3 };
      const x = uniformSample(1, n);
      const out = lab.out('float32', n);
      if (!lab.backend.fused.dropout!(out, lab.put(x), args)) {
        await lab.check('dropout declined, so out', out, lab.rubbish('float32', n), exact);
        continue;
      }
      taken = true;
      const draws = new Float32Array(n);
      fillRandom(draws, { kind: 'uniform', ...args });
      const want = Float64Array.from(x, (v, i) => (draws[i]! >= p ? v / (1 - p) : 0));
      await lab.check(`dropout of ${n}, p = ${p}`, out, want, { rtol: 3e-7 });
    }
  }
  return taken ? undefined : false;
}

export interface AdamState {
  readonly param: Float64Array;
  readonly m: Float64Array;
  readonly v: Float64Array;
}

export function adamReference(state: AdamState, grad: Float32Array, args: AdamArgs): AdamState {
  const { lr, beta1, beta2, eps, weightDecay, decoupled, step } = args;
  const [bias1, bias2] = [1 - beta1 ** step, 1 - beta2 ** step];
  const next = { param: state.param.slice(), m: state.m.slice(), v: state.v.slice() };
  grad.forEach((raw, i) => {
    const p = state.param[i]!;
    const g = decoupled ? raw : raw + weightDecay * p;
    next.m[i] = beta1 * state.m[i]! + (1 - beta1) * g;
    next.v[i] = beta2 * state.v[i]! + (1 - beta2) * g * g;
    next.param[i] =
      p * (decoupled ? 1 - lr * weightDecay : 1) - ((lr / bias1) * next.m[i]!) / (Math.sqrt(next.v[i]!) / Math.sqrt(bias2) + eps);
  });
  return next;
}

async function adam(lab: Lab, more: Partial<AdamArgs>): Promise<void | false> {
  let taken = false;
  for (const n of oddSizes) {
    const zeros = new Float32Array(n);
    const param = lab.out('float32', n, uniformSample(1, n));
    const m = lab.out('float32', n, zeros);
    const v = lab.out('float32', n, zeros);
    let want: AdamState = { param: Float64Array.from(uniformSample(1, n)), m: new Float64Array(n), v: new Float64Array(n) };
    for (let step = 1; step <= 3; step++) {
      const args = { lr: 0.05, beta1: 0.9, beta2: 0.98, eps: 1e-9, weightDecay: 0, decoupled: true, step, ...more };
      const grad = uniformSample(10 + step, n);
      if (n > 4) grad[3] = 0;
      if (!lab.backend.fused.adamStep!(param, lab.put(grad), m, v, args)) {
        await lab.check('adamStep declined, so the parameter', param, want.param, exact);
        break;
      }
      taken = true;
      want = adamReference(want, grad, args);
      const what = `adamStep of ${n}, step ${step}`;
      await lab.check(what, param, want.param, { rtol: 3e-6, atol: 1e-6 });
      await lab.check(`${what}: m`, m, want.m, { rtol: 2e-6, atol: 3e-7 });
      await lab.check(`${what}: v`, v, want.v, { rtol: 2e-6, atol: 3e-7 });
    }
  }
  return taken ? undefined : false;
}

export const updateCases: readonly BackendCase[] = [
  { name: 'dropout: the elements that the stream says', needs: 'dropout', run: drops },
  { name: 'adamStep: without decay', needs: 'adamStep', run: (lab) => adam(lab, {}) },
  { name: 'adamStep: decoupled decay', needs: 'adamStep', run: (lab) => adam(lab, { weightDecay: 0.1 }) },
  { name: 'adamStep: decay in the gradient', needs: 'adamStep', run: (lab) => adam(lab, { weightDecay: 0.1, decoupled: false }) },
  { name: 'adamStep: large eps', needs: 'adamStep', run: (lab) => adam(lab, { eps: 0.1, beta1: 0, beta2: 0.5 }) },
];
