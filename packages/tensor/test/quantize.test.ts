import {
  add,
  dequantize,
  getBackend,
  grad,
  linear,
  linearQ,
  matmul,
  noGrad,
  quantize,
  quantizeData,
  Rng,
  randn,
  ShapeError,
  sub,
  tensor,
  transpose,
  ValueError,
} from '@multihead/tensor';
import { failOnLeak } from '@multihead/tensor/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Scope, scope } from '@multihead/tensor';

failOnLeak();

let open: Scope;
beforeEach(() => {
  open = scope();
});
afterEach(() => open.close());

const rootMeanSquare = (x: ArrayLike<number>): number => Math.sqrt(Array.from(x).reduce((sum, v) => sum + v * v, 0) / x.length);

describe('quantize', () => {
  it.each([
    [8, 127],
    [4, 7],
  ] as const)('to %i bits changes no weight by more than half its scale', async (bits, most) => {
    const weight = randn([7, 96], { rng: new Rng(1) });
    const w = await quantize(weight, { bits, group: 32 });
    const error = (await sub(dequantize(w), weight).data()) as Float32Array;
    const [data, scales] = [await weight.data(), await w.scales.data()];
    scales.forEach((scale, g) => {
      const group = data.subarray(g * 32, g * 32 + 32);
      expect(scale).toBeCloseTo(Math.max(...Array.from(group, Math.abs)) / most, 6);
      for (let i = 0; i < 32; i++) expect(Math.abs(error[g * 32 + i]!)).toBeLessThanOrEqual(scale / 2 + 1e-6);
    });
  });

  it('gives back exactly what was representable, zeros included', async () => {
    const weight = tensor(
      Float32Array.from({ length: 64 }, (_, i) => (i < 32 ? 0 : (i % 15) - 7)),
      { shape: [1, 64] },
    );
    const w = await quantize(weight, { bits: 4 });
    expect(await dequantize(w).toArray()).toEqual(await weight.toArray());
  });

  it('with scales that fit: a smaller error of all, and the same of what is representable', async () => {
    const weight = randn([64, 256], { rng: new Rng(1) });
    const errorOf = async (fit: boolean) => rootMeanSquare(await sub(dequantize(await quantize(weight, { bits: 4, fit })), weight).data());
    expect(await errorOf(true)).toBeLessThan(0.9 * (await errorOf(false)));
    const exact = tensor(Float32Array.from({ length: 64 }, (_, i) => (i < 32 ? 0 : (i % 16) - 8)), { shape: [1, 64] }); // biome-ignore format: one line
    const w = await quantize(exact, { bits: 4, fit: true });
    expect(await dequantize(w).toArray()).toEqual(await exact.toArray());
  });

  it('refuses what does not fit', async () => {
    await expect(quantize(randn([2, 33], { rng: new Rng(1) }))).rejects.toThrow(ValueError);
    await expect(quantize(randn([2, 64], { rng: new Rng(1) }), { group: 48 })).rejects.toThrow(
      'group: expected a multiple of 32 that divides the 64 columns, got 48',
    );
    await expect(quantize(randn([64], { rng: new Rng(1) }))).rejects.toThrow(ShapeError);
  });
});

describe('linearQ', () => {
  // Rounding errors are uniform within half a step: of normal numbers in groups of 32, whose greatest is about 2.1, the relative error of
  // a product is about 2.1 / (127 √12) = 0.5 % for 8 bits and 8.7 % for 4; of x in steps of 1/63 of the greatest, 1 % more.
  it.each([
    [8, false, 0.01],
    [8, true, 0.02],
    [4, false, 0.12],
    [4, true, 0.13],
  ] as const)('with %i bits, dynamic %s, is within %f of the exact product', async (bits, dynamic, bound) => {
    const [x, weight, bias] = [
      randn([5, 256], { rng: new Rng(1) }),
      randn([64, 256], { rng: new Rng(2) }),
      randn([64], { rng: new Rng(3) }),
    ];
    const w = await quantize(weight, { bits });
    const exact = linear(x, weight);
    const error = rootMeanSquare(
      await sub(
        noGrad(() => linearQ(x, w, bias, { dynamic })),
        add(exact, bias),
      ).data(),
    );
    expect(error / rootMeanSquare(await exact.data())).toBeLessThan(bound);
    const own = matmul(x, transpose(dequantize(w)));
    const difference = rootMeanSquare(
      await sub(
        noGrad(() => linearQ(x, w, null, { dynamic })),
        own,
      ).data(),
    );
    expect(difference / rootMeanSquare(await own.data())).toBeLessThan(dynamic ? 0.012 : 1e-6);
  });

  it('lets gradients pass the rounding of x, and keeps no weight in between', async () => {
    const w = await quantize(randn([64, 256], { rng: new Rng(2) }), { bits: 4 });
    const x = randn([5, 256], { rng: new Rng(1), requiresGrad: true });
    const dy = randn([5, 64], { rng: new Rng(4) });
    const before = getBackend().memory().bytes;
    const y = linearQ(x, w, null, { dynamic: true });
    expect(getBackend().memory().bytes - before).toBe(4 * 5 * 64);
    const [dx] = grad(y, [x], { seed: dy });
    expect(await dx!.toArray()).toEqual(await matmul(dy, dequantize(w)).toArray());
  });
});

describe('quantizeData', () => {
  it('is quantize of an array', async () => {
    const weight = randn([7, 96], { rng: new Rng(1) });
    const [a, b] = [await quantize(weight, { bits: 4 }), quantizeData(await weight.data(), [7, 96], { bits: 4 })];
    expect(await b.packed.toArray()).toEqual(await a.packed.toArray());
    expect(await b.scales.toArray()).toEqual(await a.scales.toArray());
    expect(() => quantizeData(new Float32Array(5), [1, 32])).toThrow('expected 1 x 32 numbers, got 5');
  });
});
