import { type Fused, fillRandom, type Kernels } from '@multihead/tensor';
import type { Exports } from './exports.js';
import type { Heap, WasmBuffer } from './heap.js';
import { pieces, shares } from './pieces.js';
import type { Team } from './team.js';

const kinds = { bits: 0, uniform: 1, bernoulli: 2 } as const;
const dtypes = { bits: 'int32', uniform: 'float32', bernoulli: 'bool' } as const;
const high = (value: number): number => Math.floor(value / 2 ** 32);

/** ⌈p · 2²⁴⌉: a 24-bit draw is below p exactly if it is below this. */
const threshold = (p: number): number => Math.ceil(Math.min(Math.max(p, 0), 1) * 2 ** 24);

/** Elements that are worth another thread. */
const WORTHWHILE = 2 ** 15;

type Draws = Pick<Kernels<WasmBuffer>, 'random'> & Pick<Fused<WasmBuffer>, 'dropout'>;

export function draws(heap: Heap, exports: Exports, team: Team): Draws {
  return {
    random(out, args) {
      const { kind, seed, counter, p } = args;
      if (kind === 'normal') {
        // Logarithms and sines of float64: the definition itself, so that the bits are equal.
        heap.at('random', 'out', out, 'float32', 0);
        fillRandom(heap.view(out, 'random'), args);
        return;
      }
      const to = heap.at('random', 'out', out, dtypes[kind], 0);
      exports.random(kinds[kind], to, out.length, high(seed), seed, high(counter), counter, threshold(p), heap.small);
    },

    dropout(out, x, { p, seed, counter }) {
      const n = out.length;
      const to = heap.at('dropout', 'out', out, 'float32', n);
      const from = heap.at('dropout', 'x', x, 'float32', n);
      // Sixteen numbers are four blocks of the stream.
      const calls = pieces(n, 16, shares(team, n / WORTHWHILE, 4)).map(([first, last]) => {
        const block = counter + first / 4;
        return [to + first * 4, from + first * 4, last - first, high(seed), seed, high(block), block, threshold(p), 1 - p, 0];
      });
      team.run('dropout', calls, 9);
      return true;
    },
  };
}
