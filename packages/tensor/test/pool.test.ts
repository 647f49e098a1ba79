import {
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  avgPool1d,
  avgPool2d,
  grad,
  maxPool1d,
  maxPool1dWithIndices,
  maxPool2d,
  maxPool2dWithIndices,
  Rng,
  randn,
  ShapeError,
  scope,
  sum,
  tensor,
} from '@multihead/tensor';
import { describe, expect, it } from 'vitest';
import { expectClose } from './expectations.js';

const nan = Number.NaN;
const infinity = Number.POSITIVE_INFINITY;

/** The elements that each window sees, null for padding, window by window. */
function windows(
  data: ArrayLike<number>,
  [height, width]: [number, number],
  kernel: number,
  stride: number,
  padding: number,
  ceil: boolean,
) {
  const count = (n: number) => {
    const room = (n + 2 * padding - kernel) / stride;
    const windows = (ceil ? Math.ceil(room) : Math.floor(room)) + 1;
    return ceil && (windows - 1) * stride >= n + padding ? windows - 1 : windows;
  };
  const seen: { inside: number[]; size: number }[] = [];
  for (let i = 0; i < count(height); i++) {
    for (let j = 0; j < count(width); j++) {
      const inside: number[] = [];
      let size = 0;
      for (let y = i * stride - padding; y < Math.min(i * stride - padding + kernel, height + padding); y++) {
        for (let x = j * stride - padding; x < Math.min(j * stride - padding + kernel, width + padding); x++) {
          size++;
          if (y >= 0 && y < height && x >= 0 && x < width) inside.push(data[y * width + x]!);
        }
      }
      seen.push({ inside, size });
    }
  }
  return seen;
}

describe('pooling over two axes', () => {
  it('is the mean or the maximum of what each window sees', async () => {
    for (const [kernel, stride, padding] of [
      [2, 2, 0],
      [3, 2, 1],
      [3, 1, 1],
      [2, 3, 1],
      [4, 3, 2],
    ] as const) {
      // biome-ignore format: a table
      for (const ceilMode of [false, true]) {
        using _ = scope();
        const x = randn([1, 7, 6], { rng: new Rng(kernel), dtype: 'float64' });
        const seen = windows(await x.data(), [7, 6], kernel, stride, padding, ceilMode);
        const options = { kernel, stride, padding, ceilMode };
        const total = ({ inside }: (typeof seen)[number]) => inside.reduce((a, b) => a + b, 0);
        expectClose(await maxPool2d(x, options).data(), seen.map(({ inside }) => Math.max(...inside)));
        expectClose(await avgPool2d(x, options).data(), seen.map((w) => total(w) / w.size)); // biome-ignore format: one call
        expectClose(
          await avgPool2d(x, { ...options, countIncludePad: false }).data(),
          seen.map((w) => total(w) / w.inside.length),
        );
        expectClose(await avgPool2d(x, { ...options, divisorOverride: 3 }).data(), seen.map((w) => total(w) / 3)); // biome-ignore format: one call
      }
    }
  });
});

describe('maxPool', () => {
  it('gives the gradient to the first of equals, once for each window', async () => {
    using _ = scope();
    const x = tensor([[5, 5, 1, 7, 7, 7]], { requiresGrad: true });
    const [dx] = grad(sum(maxPool1d(x, { kernel: 2, stride: 1 })), [x]);
    expect(await dx!.toArray()).toEqual([[1, 1, 0, 2, 1, 0]]);
  });

  it('lets padding never win, not even over -∞', async () => {
    using _ = scope();
    const x = tensor([[-infinity, -infinity, -3]]);
    const { values, indices } = maxPool1dWithIndices(x, { kernel: 3, stride: 2, padding: 1 });
    expect(await values.toArray()).toEqual([[-infinity, -3]]);
    expect(await indices.toArray()).toEqual([[0, 2]]);
  });

  it('lets NaN win, as in PyTorch', async () => {
    using _ = scope();
    expect(await maxPool1d(tensor([[1, nan, 3, 4]]), { kernel: 2 }).toArray()).toEqual([[nan, 4]]);
  });

  it('counts places in each image', async () => {
    using _ = scope();
    const x = tensor([[[1, 2], [4, 3]], [[9, 8], [7, 6]]]); // biome-ignore format: a matrix
    const { values, indices } = maxPool2dWithIndices(x, { kernel: 2 });
    expect([await values.toArray(), await indices.toArray()]).toEqual([[[[4]], [[9]]], [[[2]], [[0]]]]); // biome-ignore format: a pair
    expect([indices.dtype, indices.requiresGrad]).toEqual(['int32', false]);
  });
});

describe('averages', () => {
  it('ceilMode keeps a last window only if it begins inside', async () => {
    using _ = scope();
    const lengths = (n: number, kernel: number, stride: number, padding: number) =>
      [false, true].map((ceilMode) => avgPool1d(tensor([Array(n).fill(1)]), { kernel, stride, padding, ceilMode }).shape[1]);
    expect(lengths(5, 2, 2, 0)).toEqual([2, 3]);
    expect(lengths(2, 1, 2, 0)).toEqual([1, 1]); // the second would begin behind the end
    expect(lengths(4, 3, 3, 1)).toEqual([2, 2]);
    // One window that begins inside and is longer than all there is.
    expect(() => lengths(4, 5, 2, 0)).toThrow(ShapeError);
    const y = avgPool1d(tensor([[1, 2, 3, 6]]), { kernel: 5, stride: 2, ceilMode: true });
    expect([y.shape, await y.item()]).toEqual([[1, 1], 3]);
    expect(await maxPool1d(tensor([[1, 2, 3, 6]]), { kernel: 5, stride: 2, ceilMode: true }).item()).toBe(6);
  });

  it('adaptive windows cover the axis as evenly as they can', async () => {
    using _ = scope();
    const x = tensor([[1, 2, 3, 4, 5, 6, 7]], { requiresGrad: true });
    expect(await adaptiveAvgPool1d(x, 3).toArray()).toEqual([[2, 4, 6]]); // 1 2 3, 3 4 5, 5 6 7
    expect(await adaptiveAvgPool1d(x, 1).toArray()).toEqual([[4]]);
    const [dx] = grad(sum(adaptiveAvgPool1d(x, 3)), [x]);
    expectClose(await dx!.data(), [1 / 3, 1 / 3, 2 / 3, 1 / 3, 2 / 3, 1 / 3, 1 / 3]);
    expect(await adaptiveAvgPool2d(tensor([[[1, 2], [3, 4], [5, 6]]]), [2, 1]).toArray()).toEqual([[[2.5], [4.5]]]); // biome-ignore format: a matrix
  });
});
