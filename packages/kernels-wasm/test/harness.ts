import { type Backend, type DeviceBuffer, type DType, Rng } from '@multihead/tensor';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { wasm } from '../src/index.js';

export interface Bench {
  readonly backend: Backend;
  /** A buffer holding `data`. */
  put(data: ArrayLike<number>, dtype?: DType): DeviceBuffer;
  /** A buffer of zeros. */
  out(length: number, dtype?: DType): DeviceBuffer;
  get(buffer: DeviceBuffer): number[];
}

const arrays = { float32: Float32Array, int32: Int32Array, bool: Uint8Array, float64: Float64Array };

/** Runs the tests on both builds. */
export function onBothBuilds(name: string, tests: (bench: Bench) => void): void {
  describe.each([
    ['relaxed', true],
    ['plain', false],
  ])(`${name} (%s)`, (_, relaxedSimd) => {
    let backend: Backend;
    beforeAll(async () => {
      backend = await wasm({ relaxedSimd });
    });
    afterAll(() => backend.dispose());
    tests({
      get backend() {
        return backend;
      },
      put(data, dtype = 'float32') {
        const buffer = backend.alloc(data.length, dtype);
        backend.write(buffer, arrays[dtype].from(data));
        return buffer;
      },
      out(length, dtype = 'float32') {
        const buffer = backend.alloc(length, dtype);
        backend.kernels.fill(buffer, 0);
        return buffer;
      },
      get: (buffer) => Array.from(backend.readSync!(buffer)),
    });
  });
}

/** Float32 numbers in [-scale, scale), the same for the same seed. */
export function numbers(n: number, seed = 1, scale = 1): number[] {
  const rng = new Rng(seed);
  return Array.from({ length: n }, () => Math.fround((rng.uniform() * 2 - 1) * scale));
}

/** |actual - expected| ≤ atol + rtol |expected|, NaN and infinities equal; names the first place that differs. */
export function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, rtol = 1e-5, atol = 1e-6): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    const a = actual[i]!;
    const e = expected[i]!;
    const close = Object.is(a, e) || (Number.isNaN(e) ? Number.isNaN(a) : a === e || Math.abs(a - e) <= atol + rtol * Math.abs(e));
    if (!close) throw new Error(`element ${i}: ${a}, expected ${e}`);
  }
}

export const oddSizes = [1, 2, 3, 4, 5, 7, 8, 31, 33, 127, 129, 383];
