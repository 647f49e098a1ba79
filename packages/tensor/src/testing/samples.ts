import type { DType, TypedArray } from '../dtype.js';
import { fillRandom, philox } from '../random.js';

/*
 * Seeded data for the suites: the same on every run and machine.
 */

/** `n` numbers spread evenly over [low, high). */
export function uniformSample(seed: number, n: number, low = -2, high = 2): Float32Array {
  const out = new Float32Array(n);
  fillRandom(out, { kind: 'uniform', seed, counter: 0, p: 0 });
  return out.map((u) => low + (high - low) * u);
}

/** `n` integers from `low` to `high`, both included. */
export function integerSample(seed: number, n: number, low: number, high: number): Int32Array {
  const words = new Uint32Array(4);
  return Int32Array.from({ length: n }, (_, i) => {
    if (i % 4 === 0) philox(words, seed, i / 4);
    return low + Math.floor((words[i % 4]! / 2 ** 32) * (high - low + 1));
  });
}

export function booleanSample(seed: number, n: number, p = 0.5): Uint8Array {
  const out = new Uint8Array(n);
  fillRandom(out, { kind: 'bernoulli', seed, counter: 0, p });
  return out;
}

/** Data of any dtype, small enough that nothing overflows. */
export function sampleOf(dtype: DType, seed: number, n: number): TypedArray {
  if (dtype === 'int32') return integerSample(seed, n, -9, 9);
  if (dtype === 'bool') return booleanSample(seed, n);
  return dtype === 'float64' ? Float64Array.from(uniformSample(seed, n)) : uniformSample(seed, n);
}

/** Lengths around every vector width and block, the empty and the single one included. */
export const oddSizes: readonly number[] = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 257, 1027];

const largest = 3.4028234663852886e38;
const leastNormal = 1.1754943508222875e-38;

/** Where float32 arithmetic goes wrong if it goes wrong: signed zeros, infinities, NaN, limits, halves. Normal numbers otherwise. */
// biome-ignore format: a table
export const specialValues: Float32Array = Float32Array.from([
  Number.NaN, Infinity, -Infinity, 0, -0, 1, -1, 0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 3.5, 0.49999997, -0.49999997, 2, -2, 3, -3,
  largest, -largest, leastNormal, -leastNormal, 1e-30, -1e-30, 1e-8, -1e-8, 1e-4, -1e-4, 0.1, -0.1, Math.PI, -Math.PI, Math.E, 10, -10,
  17.5, -17.5, 88, -88, 88.8, -88.8, -104, 1e4, -1e4, 16777216, -16777216, 8388607.5, -8388607.5, 2147483648, 1e10, -1e10, 1e19, -1e19,
  1e20, 1e30, -1e30, 0.99999994, 1.0000001, -0.99999994, 0.3333333, 5e-20, -5e-20,
]);

/** Numbers below the smallest normal one, which some devices take for 0. */
export const denormals: Float32Array = Float32Array.from([1e-45, -1e-45, 1e-40, -1e-40, 5.9e-39, -5.9e-39, 1.1754942e-38, -1.1754942e-38]);
