import {
  amax,
  amin,
  argmax,
  argmin,
  DTypeError,
  logsumexp,
  mean,
  prod,
  Rng,
  randn,
  scope,
  ShapeError,
  std,
  sum,
  type Tensor,
  tensor,
  transpose,
  variance,
  zeros,
} from '@multihead/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectClose, messageOf } from './expectations.js';

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

describe('reductions', () => {
  it('over any axes of any layout, as loops would give them', async () => {
    const cases = fc
      .array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 })
      .chain((shape) =>
        fc.record({ shape: fc.constant(shape), axes: fc.subarray([...shape.keys()]), keepDims: fc.boolean(), seed: fc.nat(99) }),
      );
    await fc.assert(
      fc.asyncProperty(cases, async ({ shape, axes, keepDims, seed }) => {
        using _ = scope();
        const x = randn(shape, { rng: new Rng(seed), dtype: 'float64' });
        const data = await x.data();
        // The group of each element is what its index is without the reduced axes.
        const groups = new Map<string, number[]>();
        data.forEach((value, flat) => {
          let rest = flat;
          const index = shape.toReversed().map((n) => {
            const i = rest % n;
            rest = Math.floor(rest / n);
            return i;
          });
          const key = String(index.toReversed().filter((_, axis) => !axes.includes(axis)));
          groups.set(key, [...(groups.get(key) ?? []), value]);
        });
        const expected = (f: (values: number[]) => number) => [...groups.values()].map(f);
        const reversed = transpose(transpose(x, 0, -1), 0, -1);
        for (const [f, naive] of [
          [sum, (v: number[]) => v.reduce((a, b) => a + b, 0)],
          [prod, (v: number[]) => v.reduce((a, b) => a * b, 1)],
          [amax, (v: number[]) => Math.max(...v)],
          [amin, (v: number[]) => Math.min(...v)],
          [mean, (v: number[]) => v.reduce((a, b) => a + b, 0) / v.length],
          [logsumexp, (v: number[]) => Math.log(v.reduce((a, b) => a + Math.exp(b), 0))],
        ] as const) {
          const y = f(reversed, { axis: axes, keepDims });
          expect(y.shape).toEqual(keepDims ? shape.map((n, i) => (axes.includes(i) ? 1 : n)) : shape.filter((_, i) => !axes.includes(i)));
          expectClose(await y.data(), expected(naive), 1e-10);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('all axes when none is named; several that lie apart; negative ones', async () => {
    using _ = scope();
    const x = tensor([[[1, 2], [3, 4]], [[5, 6], [7, 8]]]); // biome-ignore format: a cube
    expect(await sum(x).item()).toBe(36);
    expect(await sum(x, { axis: [0, -1] }).toArray()).toEqual([14, 22]);
    expect(sum(x, { axis: [0, 2], keepDims: true }).shape).toEqual([1, 2, 1]);
  });

  it('the transpose is read as it shows, not as it lies', async () => {
    using _ = scope();
    const x = tensor([[1, 2, 3], [4, 5, 6]]); // biome-ignore format: a matrix
    expect(await sum(transpose(x), { axis: 1 }).toArray()).toEqual([5, 7, 9]);
    expect(await argmax(transpose(x), 0).toArray()).toEqual([2, 2]);
  });

  it('integers sum and compare as integers', async () => {
    using _ = scope();
    const x = tensor(Int32Array.of(5, -2, 9));
    expect([sum(x).dtype, amax(x).dtype, argmin(x).dtype]).toEqual(['int32', 'int32', 'int32']);
    expect([await sum(x).item(), await amax(x).item(), await argmin(x).item()]).toEqual([12, 9, 1]);
  });

  it("variance and standard deviation, with PyTorch's correction and without", async () => {
    using _ = scope();
    const x = tensor([[1, 2, 4], [3, 3, 3]]); // biome-ignore format: a matrix
    expectClose(await variance(x, { axis: 1 }).data(), [7 / 3, 0]);
    expectClose(await variance(x, { axis: 1, correction: 0 }).data(), [14 / 9, 0]);
    expectClose(await std(x, { axis: 1, correction: 0 }).data(), [Math.sqrt(14 / 9), 0]);
    expect(await variance(tensor([1])).item()).toBe(nan);
  });
});

describe('edges', () => {
  it('over nothing: sum 0, product 1, mean NaN; extremes throw', async () => {
    using _ = scope();
    const empty = zeros([2, 0]);
    expect(await sum(empty, { axis: 1 }).toArray()).toEqual([0, 0]);
    expect(await prod(empty, { axis: 1 }).toArray()).toEqual([1, 1]);
    expect(await mean(empty).item()).toBe(nan);
    expect(await logsumexp(empty, { axis: 1 }).toArray()).toEqual([-inf, -inf]);
    for (const f of [(x: Tensor) => amax(x, { axis: 1 }), (x: Tensor) => amin(x), (x: Tensor) => argmax(x, 1)]) {
      expect(messageOf(ShapeError, () => f(empty))).toMatch(/expected at least one element along.*\[2, 0\]/);
    }
    expect(sum(empty, { axis: 0 }).shape).toEqual([0]);
  });

  it('logsumexp neither overflows nor turns infinities into NaN', async () => {
    using _ = scope();
    const x = tensor([[1000, 1000], [-1000, -1001], [-inf, -inf], [inf, 0], [-inf, 3]]); // biome-ignore format: a matrix
    const expected = [1000 + Math.LN2, -1000 + Math.log1p(Math.exp(-1)), -inf, inf, 3];
    expectClose(await logsumexp(x, { axis: 1 }).data(), expected, 1e-7);
  });

  it('argmax takes the first of equals, and NaN counts as the extreme', async () => {
    using _ = scope();
    const x = tensor([[1, 3, 3], [nan, 9, nan], [0, -0, 0]]); // biome-ignore format: a matrix
    expect(await argmax(x).toArray()).toEqual([1, 0, 0]);
    expect(await argmin(x).toArray()).toEqual([0, 0, 0]);
  });

  it('says what it cannot do', () => {
    using _ = scope();
    const x = zeros([2, 3]);
    expect(messageOf(ShapeError, () => sum(x, { axis: 2 }))).toMatch(
      /^sum: axis: expected an integer from -2 to 1 for 2 dimensions, got 2/,
    );
    expect(messageOf(ShapeError, () => mean(x, { axis: [0, -2] }))).toMatch(/^(mean|sum): axis: 0 is named twice/);
    expect(messageOf(DTypeError, () => sum(zeros([1], { dtype: 'bool' })))).toMatch(/^sum: x: expected numbers, got bool/);
    expect(messageOf(DTypeError, () => mean(zeros([1], { dtype: 'int32' })))).toMatch(/^mean: x: expected a float type, got int32/);
  });
});

it('the gradients of mean, variance and logsumexp are those of the formulas', async () => {
  using _ = scope();
  const x = tensor([1, 2, 4], { requiresGrad: true, dtype: 'float64' });
  const gradient = async (y: Tensor) => {
    y.backward();
    const data = await x.grad!.data();
    x.grad!.dispose();
    x.grad = null;
    return data;
  };
  expectClose(await gradient(mean(x)), [1 / 3, 1 / 3, 1 / 3], 1e-12);
  expectClose(
    await gradient(variance(x)),
    [1, 2, 4].map((v) => v - 7 / 3),
    1e-12,
  );
  const total = Math.exp(1) + Math.exp(2) + Math.exp(4);
  expectClose(
    await gradient(logsumexp(x)),
    [1, 2, 4].map((v) => Math.exp(v) / total),
    1e-12,
  );
});
