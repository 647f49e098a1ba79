import {
  arange,
  cast,
  einsum,
  embedding,
  grad,
  index,
  indexPut,
  mul,
  pad,
  reshape,
  scatter,
  scatterReduce,
  scope,
  slice,
  slidingWindowView,
  sort,
  sum,
  type Tensor,
  tensor,
  topk,
  zeros,
} from '@multihead/tensor';
import { describe, expect, it } from 'vitest';

/* Results that NumPy 2.4 gave, and gradients by hand. */

const ints = (...numbers: number[]): Tensor => tensor(Int32Array.from(numbers));
/** 0, 1, 2 … in `shape`, int32. */
const counted = (...shape: number[]): Tensor => reshape(arange(shape.reduce((n, m) => n * m, 1)), shape);
const floats = (x: Tensor): Tensor => cast(x, 'float32');

describe('as NumPy', () => {
  // biome-ignore format: a table
  const results: Record<string, [run: () => Tensor, expected: unknown]> = {
    'x[[0, 1], :, [3, 0]]: apart, so the ids come first': [() => index(counted(2, 3, 4), [ints(0, 1), null, ints(3, 0)]), [[3, 7, 11], [12, 16, 20]]],
    'x[:, [0, 2], [3, 0]]: neighbours, so they stay in place': [() => index(counted(2, 3, 4), [null, ints(0, 2), ints(3, 0)]), [[3, 8], [15, 20]]],
    'x[1, [[0], [2]], [3, 0]]: ids that broadcast': [() => index(counted(2, 3, 4), [ints(1), reshape(ints(0, 2), [2, 1]), ints(3, 0)]), [[15, 12], [23, 20]]],
    'x[[0, 0, 1], [1, 1, 2]] = [5, 6, 7]: the last one wins': [() => indexPut(zeros([2, 3]), [ints(0, 0, 1), ints(1, 1, 2)], tensor([5, 6, 7])), [[0, 6, 0], [0, 0, 7]]],
    'pad, reflect': [() => pad(counted(2, 3), [[1, 0], [2, 1]], { mode: 'reflect' }), [[5, 4, 3, 4, 5, 4], [2, 1, 0, 1, 2, 1], [5, 4, 3, 4, 5, 4]]],
    'pad, edge': [() => pad(counted(2, 3), [[1, 0], [2, 1]], { mode: 'edge' }), [[0, 0, 0, 1, 2, 2], [0, 0, 0, 1, 2, 2], [3, 3, 3, 4, 5, 5]]],
    'pad, wrap': [() => pad(counted(2, 3), [[1, 0], [2, 1]], { mode: 'wrap' }), [[4, 5, 3, 4, 5, 3], [1, 2, 0, 1, 2, 0], [4, 5, 3, 4, 5, 3]]],
    'pad, as far as can be': [() => pad(arange(3), [[2, 2]], { mode: 'reflect' }), [2, 1, 0, 1, 2, 1, 0]],
    'einsum of three': [() => einsum('ij,jk,kl->li', [counted(2, 3), counted(3, 4), counted(4, 2)].map(floats)), [[324, 1008], [422, 1304]]],
    'einsum, implicit': [() => einsum('ij,jk', [counted(2, 3), counted(3, 4)].map(floats)), [[20, 23, 26, 29], [56, 68, 80, 92]]],
    'einsum, an ellipsis behind a letter': [() => einsum('...j,kj->k...', [counted(2, 3), counted(2, 3)].map(floats)), [[5, 14], [14, 50]]],
    'einsum, a diagonal summed': [() => einsum('aab->b', [floats(counted(2, 2, 2))]), [6, 8]],
  };
  for (const [name, [run, expected]] of Object.entries(results)) {
    it(name, async () => {
      using _ = scope();
      expect(await run().toArray()).toEqual(expected);
    });
  }

  it('NaN comes last, equals in the order of their places, in both directions', async () => {
    using _ = scope();
    const x = tensor([2, Number.NaN, 1, 2, -0, 0]);
    expect(await sort(x).indices.toArray()).toEqual([4, 5, 2, 0, 3, 1]);
    expect(await sort(x, { descending: true }).indices.toArray()).toEqual([1, 0, 3, 2, 4, 5]);
    expect(await topk(x, 3, { largest: false }).indices.toArray()).toEqual([4, 5, 2]);
  });
});

describe('gradients', () => {
  it('of what is written twice go to the last one alone', async () => {
    using _ = scope();
    const [x, source] = [tensor([1, 2, 3], { requiresGrad: true }), tensor([7, 8, 9], { requiresGrad: true })];
    const y = scatter(x, 0, ints(1, 0, 1), source);
    const [dx, ds] = grad(sum(mul(y, tensor([10, 20, 30]))), [x, source]);
    expect([await dx!.toArray(), await ds!.toArray()]).toEqual([[0, 0, 30], [0, 10, 20]]); // biome-ignore format: a pair
  });

  it('of elements that tie in a maximum are shared, with the one that was there', async () => {
    using _ = scope();
    const [x, source] = [tensor([5, 0], { requiresGrad: true }), tensor([5, 5, 1], { requiresGrad: true })];
    const y = scatterReduce(x, 0, ints(0, 0, 1), source, { reduce: 'amax' });
    const [dx, ds] = grad(sum(mul(y, tensor([6, 1]))), [x, source]);
    expect([await dx!.toArray(), await ds!.toArray()]).toEqual([[2, 0], [2, 2, 1]]); // biome-ignore format: a pair
  });

  it('do not reach the padding row of an embedding, and reach the others as often as they were looked up', async () => {
    using _ = scope();
    const weight = tensor([[1], [2], [3]], { requiresGrad: true });
    const [dw] = grad(sum(embedding(weight, ints(2, 0, 2, 1, 2), { paddingIdx: -2 })), [weight]);
    expect(await dw!.toArray()).toEqual([[1], [0], [3]]);
  });

  it('of windows add up where they overlap', async () => {
    using _ = scope();
    const x = tensor([1, 2, 3, 4, 5], { requiresGrad: true });
    const [dx] = grad(sum(slidingWindowView(x, 0, 3)), [x]);
    expect(await dx!.toArray()).toEqual([1, 2, 3, 2, 1]);
  });

  it('of a slice backwards come back in their places', async () => {
    using _ = scope();
    const x = tensor([1, 2, 3, 4, 5], { requiresGrad: true });
    const [dx] = grad(sum(mul(slice(x, 0, -1, 0, -2), tensor([10, 20]))), [x]);
    expect(await dx!.toArray()).toEqual([0, 0, 20, 0, 10]);
  });
});
