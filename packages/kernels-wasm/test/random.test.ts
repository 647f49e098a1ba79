import { type DType, fillRandom, type RandomArgs, type TypedArray } from '@multihead/tensor';
import { expect, it } from 'vitest';
import { numbers, oddSizes, onBothBuilds } from './harness.js';

const kinds: [RandomArgs['kind'], DType, (n: number) => TypedArray][] = [
  ['bits', 'int32', (n) => new Int32Array(n)],
  ['uniform', 'float32', (n) => new Float32Array(n)],
  ['normal', 'float32', (n) => new Float32Array(n)],
  ['bernoulli', 'bool', (n) => new Uint8Array(n)],
];
// Counters whose low word overflows within a few blocks, and a high word in both.
const states = [
  { seed: 42, counter: 0 },
  { seed: 2 ** 52 + 12345, counter: 2 ** 32 - 2 },
  { seed: 7, counter: 2 ** 40 + 3 },
];

onBothBuilds('random', (bench) => {
  it.each(kinds)('%s has the bits of fillRandom', (kind, dtype, make) => {
    for (const n of [0, ...oddSizes]) {
      for (const state of states) {
        for (const p of [0, 0.1, 0.5, 1]) {
          const args = { kind, p, ...state };
          const expected = make(n);
          fillRandom(expected, args);
          const out = bench.out(n, dtype);
          bench.backend.kernels.random(out, args);
          expect(bench.get(out)).toEqual(Array.from(expected));
        }
      }
    }
  });

  it('dropout drops where the uniform numbers are below p', () => {
    for (const n of [0, ...oddSizes]) {
      for (const p of [0, 0.1, 0.5]) {
        const uniform = new Float32Array(n);
        fillRandom(uniform, { kind: 'uniform', p, ...states[1]! });
        const x = numbers(n, 3);
        const out = bench.put(x);
        bench.backend.fused.dropout!(out, out, { p, ...states[1]! });
        expect(bench.get(out)).toEqual(x.map((v, i) => (uniform[i]! >= p ? Math.fround(v / Math.fround(1 - p)) : 0)));
      }
    }
  });
});
