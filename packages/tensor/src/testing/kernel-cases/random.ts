import type { RandomArgs } from '../../backend.js';
import { allocArray } from '../../dtype.js';
import { fillRandom } from '../../random.js';
import type { BackendCase } from '../backend-case.js';
import type { Lab } from '../backend-lab.js';
import { exact } from '../closeness.js';
import { oddSizes } from '../samples.js';

const dtypes = { uniform: 'float32', normal: 'float32', bernoulli: 'bool', bits: 'int32' } as const;

/** Seeds and counters on both sides of 2³². */
// biome-ignore format: a table
const streams: readonly (readonly [seed: number, counter: number])[] = [
  [0, 0], [1, 0], [42, 7], [0xdeadbeef, 0xffffffff], [2 ** 40 + 5, 2 ** 33 + 1], [2 ** 53 - 1, 2 ** 52],
];

async function draws(lab: Lab, kind: RandomArgs['kind']): Promise<void> {
  for (const [seed, counter] of streams) {
    for (const n of oddSizes) {
      const args = { kind, seed, counter, p: 0.3 };
      const want = allocArray(dtypes[kind], n);
      fillRandom(want, args);
      const out = lab.out(dtypes[kind], n);
      lab.backend.kernels.random(out, args);
      await lab.check(`${n} × ${kind}, seed ${seed}, counter ${counter}`, out, want, exact);
    }
  }
}

export const randomCases: readonly BackendCase[] = (['uniform', 'normal', 'bernoulli', 'bits'] as const).map((kind) => ({
  name: `random ${kind}: equal to fillRandom, bit for bit`,
  run: (lab) => draws(lab, kind),
}));
