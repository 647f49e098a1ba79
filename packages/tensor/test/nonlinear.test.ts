import {
  dropout,
  embedding,
  indexSelect,
  layerNorm,
  linear,
  matmul,
  mul,
  ones,
  permute,
  Rng,
  randn,
  reshape,
  rmsNorm,
  scope,
  slice,
  sum,
  type Tensor,
  takeAlong,
  tensor,
  transpose,
  tril,
  triu,
  ValueError,
} from '@multihead/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectClose, messageOf } from './expectations.js';

const random = (shape: number[], seed = 1) => randn(shape, { rng: new Rng(seed), dtype: 'float64', requiresGrad: true });

describe('matmul', () => {
  it('sums products over the inner axis, for any batches and layouts', async () => {
    // The same [batch, rows, columns] as it lies by itself, transposed, with its axes in another order, and as a part of something larger.
    const layouts: ((shape: [number, number, number], seed: number) => Tensor)[] = [
      (shape, seed) => random(shape, seed),
      ([b, m, n], seed) => transpose(random([b, n, m], seed)),
      ([b, m, n], seed) => permute(random([m, b, n], seed), [1, 0, 2]),
      ([b, m, n], seed) => slice(random([b, m, n + 2], seed), 2, 1, n + 1),
      ([b, m, n], seed) => slice(random([b, m + 1, n], seed), 1, 0, m),
    ];
    const size = fc.integer({ min: 1, max: 4 });
    const operand = fc.record({ repeated: fc.boolean(), layout: fc.constantFrom(...layouts) });
    await fc.assert(
      fc.asyncProperty(fc.tuple(size, size, size, size), operand, operand, async ([batch, m, k, n], left, right) => {
        using _ = scope();
        const a = left.layout([left.repeated ? 1 : batch, m, k], 1);
        const b = right.layout([right.repeated ? 1 : batch, k, n], 2);
        const expected = sum(mul(reshape(a, [a.shape[0]!, m, k, 1]), reshape(b, [b.shape[0]!, 1, k, n])), { axis: 2 });
        const y = matmul(a, b);
        expect(y.shape).toEqual([left.repeated && right.repeated ? 1 : batch, m, n]);
        expectClose(await y.data(), await expected.data(), 1e-12);
      }),
      { numRuns: 200 },
    );
  });

  it('takes vectors as a row on the left, as a column on the right', async () => {
    using _ = scope();
    const [row, matrix] = [tensor([1, 10]), tensor([[1, 2, 3], [4, 5, 6]])]; // biome-ignore format: a pair
    expect(await matmul(row, matrix).toArray()).toEqual([41, 52, 63]);
    expect(await matmul(transpose(matrix), row).toArray()).toEqual([41, 52, 63]);
    expect(await matmul(row, row).toArray()).toBe(101);
  });

  it('of nothing is 0', async () => {
    using _ = scope();
    expect(await matmul(ones([2, 0]), ones([0, 2])).toArray()).toEqual([[0, 0], [0, 0]]); // biome-ignore format: a matrix
  });
});

describe('linear', () => {
  it('is x · weightᵀ + bias, and with `transposed` x · weight + bias', async () => {
    using _ = scope();
    const [x, w, b] = [random([2, 3, 4]), random([5, 4], 2), random([5], 3)];
    const expected = await matmul(x, transpose(w)).data();
    const withBias = expected.map((value, i) => value + b.backend.readSync!(b.buffer)[i % 5]!);
    expectClose(await linear(x, w, b).data(), withBias, 1e-12);
    expectClose(await linear(x, permute(w, [1, 0]), b, { transposed: true }).data(), withBias, 1e-12);
    expectClose(
      await linear(x, w, b, { activation: 'relu' }).data(),
      withBias.map((value) => Math.max(0, value)),
      1e-12,
    );
    expect(linear(reshape(random([4]), [4]), w).shape).toEqual([5]);
  });
});

describe('norms', () => {
  it('layerNorm gives mean 0 and variance 1, then weight and bias', async () => {
    using _ = scope();
    const x = tensor([[1, 2, 3, 6]], { dtype: 'float64' });
    const expected = [-2, -1, 0, 3].map((d) => d / Math.sqrt(3.5 + 1e-5));
    expectClose(await layerNorm(x).data(), expected, 1e-12);
    const [weight, bias] = [tensor([1, 2, 3, 4], { dtype: 'float64' }), tensor([0, 0, 1, 1], { dtype: 'float64' })];
    expectClose(
      await layerNorm(x, weight, bias).data(),
      expected.map((y, i) => y * (i + 1) + (i > 1 ? 1 : 0)),
      1e-12,
    );
    expect(layerNorm(random([2, 3, 4]), null, null, { shape: [3, 4] }).shape).toEqual([2, 3, 4]);
  });

  it('rmsNorm gives mean square 1', async () => {
    using _ = scope();
    const x = tensor([[3, 4]], { dtype: 'float64' });
    expectClose(
      await rmsNorm(x, null, { eps: 0 }).data(),
      [3, 4].map((v) => v / Math.sqrt(12.5)),
      1e-12,
    );
  });

  it('of equal numbers and of huge ones: finite', async () => {
    using _ = scope();
    expectClose(await layerNorm(tensor([[5, 5, 5], [1e18, -1e18, 0]])).data(), [0, 0, 0, Math.sqrt(1.5), -Math.sqrt(1.5), 0]); // biome-ignore format: one call
    expectClose(await rmsNorm(tensor([0, 0])).data(), [0, 0]);
  });
});

describe('indexing', () => {
  const ids = (...values: number[]) => tensor(Int32Array.from(values));

  it('embedding picks rows, and adds the gradients of rows that were picked twice', async () => {
    using _ = scope();
    const table = tensor([[1, 2], [3, 4], [5, 6]], { requiresGrad: true }); // biome-ignore format: a matrix
    const y = embedding(table, reshape(ids(2, 0, 2, 2), [2, 2]));
    expect(await y.toArray()).toEqual([[[5, 6], [1, 2]], [[5, 6], [5, 6]]]); // biome-ignore format: a cube
    sum(y).backward();
    expect(await table.grad!.toArray()).toEqual([[1, 1], [0, 0], [3, 3]]); // biome-ignore format: a matrix
    expect(messageOf(ValueError, () => embedding(table, ids(0, 3)))).toMatch(/3/);
    expect(messageOf(ValueError, () => embedding(table, ids(-1)))).toMatch(/-1/);
  });

  it('indexSelect picks along any axis', async () => {
    using _ = scope();
    const x = tensor([[1, 2, 3], [4, 5, 6]], { requiresGrad: true }); // biome-ignore format: a matrix
    const y = indexSelect(x, 1, ids(2, 0, 2));
    expect(await y.toArray()).toEqual([[3, 1, 3], [6, 4, 6]]); // biome-ignore format: a matrix
    sum(y).backward();
    expect(await x.grad!.toArray()).toEqual([[1, 0, 2], [1, 0, 2]]); // biome-ignore format: a matrix
  });

  it('takeAlong picks one element for each id, and refuses ids outside its axis', async () => {
    using _ = scope();
    const x = tensor([[1, 2, 3], [4, 5, 6]], { requiresGrad: true }); // biome-ignore format: a matrix
    const y = takeAlong(x, reshape(ids(2, 0), [2, 1]));
    expect(await y.toArray()).toEqual([[3], [4]]);
    sum(y).backward();
    expect(await x.grad!.toArray()).toEqual([[0, 0, 1], [1, 0, 0]]); // biome-ignore format: a matrix
    expect(await takeAlong(transpose(x), reshape(ids(1, 0), [1, 2]), 0).toArray()).toEqual([[2, 4]]);
    for (const wrong of [3, -1]) expect(() => takeAlong(x, reshape(ids(0, wrong), [2, 1]))).toThrow(ValueError);
  });

  it('triu and tril keep their side of the diagonal', async () => {
    using _ = scope();
    const x = ones([2, 3]);
    expect(await triu(x).toArray()).toEqual([[1, 1, 1], [0, 1, 1]]); // biome-ignore format: a matrix
    expect(await triu(x, 1).toArray()).toEqual([[0, 1, 1], [0, 0, 1]]); // biome-ignore format: a matrix
    expect(await tril(x, 0).toArray()).toEqual([[1, 0, 0], [1, 1, 0]]); // biome-ignore format: a matrix
  });
});

describe('dropout', () => {
  it('does nothing without an rng, everything at 1, and refuses what is no probability', async () => {
    using _ = scope();
    const x = ones([4]);
    expect(dropout(x, 0.5)).toBe(x);
    expect(dropout(x, 0, new Rng(1))).toBe(x);
    expect(await dropout(x, 1, new Rng(1)).toArray()).toEqual([0, 0, 0, 0]);
    for (const p of [-0.1, 1.1, Number.NaN]) expect(messageOf(ValueError, () => dropout(x, p))).toMatch(/dropout: p/);
  });

  it('scales what is left, so that the expectation stays, and its gradient has the same holes', async () => {
    using _ = scope();
    const x = tensor(new Float32Array(10_000).fill(1), { requiresGrad: true });
    const y: Tensor = dropout(x, 0.2, new Rng(3));
    const data = await y.data();
    expect(new Set(data)).toEqual(new Set([0, 1.25]));
    const mean = Array.from(data).reduce((a, b) => a + b, 0) / data.length;
    expect(Math.abs(mean - 1)).toBeLessThan(0.02); // four standard errors
    sum(y).backward();
    expect(await x.grad!.data()).toEqual(data);
  });

  it('draws anew at each call, and the same again from the same seed', async () => {
    using _ = scope();
    const x = ones([100]);
    const rng = new Rng(5);
    const [first, second] = [await dropout(x, 0.5, rng).data(), await dropout(x, 0.5, rng).data()];
    expect(first).not.toEqual(second);
    expect(await dropout(x, 0.5, new Rng(5)).data()).toEqual(first);
  });
});
