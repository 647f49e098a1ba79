import {
  col2im,
  composed,
  type ConvOptions,
  conv1d,
  conv2d,
  convTranspose1d,
  convTranspose2d,
  cpu,
  flatten,
  grad,
  im2col,
  mul,
  ones,
  Rng,
  randn,
  reshape,
  scope,
  select,
  sum,
  type Tensor,
  tensor,
} from '@multihead/tensor';
import { describe, expect, it, vi } from 'vitest';
import { expectClose } from './expectations.js';

const random = (shape: readonly number[], seed: number) => randn(shape, { rng: new Rng(seed), dtype: 'float64' });
const range = (...shape: number[]) => tensor(Float64Array.from({ length: shape.reduce((n, s) => n * s) }, (_, i) => i), { shape }); // biome-ignore format: one call

interface Geometry {
  stride: [number, number];
  padding: [[number, number], [number, number]];
  dilation: [number, number];
  groups: number;
}

/** The definition, element by element. */
function direct(x: Tensor, weight: Tensor, bias: Tensor | null, { stride, padding, dilation, groups }: Geometry): number[] {
  const [data, w, b] = [x.dataSync(), weight.dataSync(), bias?.dataSync()];
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  const [outs, , kh, kw] = weight.shape as [number, number, number, number];
  const length = (n: number, k: number, axis: 0 | 1) =>
    Math.floor((n + padding[axis][0] + padding[axis][1] - dilation[axis] * (k - 1) - 1) / stride[axis]) + 1;
  const [oh, ow, inGroup] = [length(height, kh, 0), length(width, kw, 1), channels / groups];
  const result: number[] = [];
  for (let n = 0; n < batch; n++)
    for (let o = 0; o < outs; o++)
      for (let i = 0; i < oh; i++)
        for (let j = 0; j < ow; j++) {
          let total = b ? b[o]! : 0;
          for (let c = 0; c < inGroup; c++)
            for (let p = 0; p < kh; p++)
              for (let q = 0; q < kw; q++) {
                const [y, z] = [i * stride[0] - padding[0][0] + p * dilation[0], j * stride[1] - padding[1][0] + q * dilation[1]];
                if (y < 0 || y >= height || z < 0 || z >= width) continue;
                const channel = Math.floor((o * groups) / outs) * inGroup + c;
                total += data[((n * channels + channel) * height + y) * width + z]! * w[((o * inGroup + c) * kh + p) * kw + q]!;
              }
          result.push(total);
        }
  return result;
}

/** Forty geometries in which the kernel fits. */
function geometries(): { x: number[]; weight: number[]; geometry: Geometry }[] {
  const rng = new Rng(9);
  const from = (low: number, high: number) => low + rng.integer(high - low + 1);
  return Array.from({ length: 40 }, () => {
    const [groups, kernel] = [from(1, 3), [from(1, 3), from(1, 3)] as const];
    const dilation: [number, number] = [from(1, 3), from(1, 2)];
    const padding: Geometry['padding'] = [[from(0, 2), from(0, 2)], [from(0, 2), from(0, 2)]]; // biome-ignore format: a pair
    const size = [0, 1].map((axis) => dilation[axis]! * (kernel[axis]! - 1) + from(1, 4));
    const [inGroup, outs] = [from(1, 2), groups * from(1, 2)];
    const geometry = { stride: [from(1, 3), from(1, 2)] as [number, number], padding, dilation, groups };
    return { x: [from(1, 2), inGroup * groups, ...size], weight: [outs, inGroup, ...kernel], geometry };
  });
}

describe('conv2d', () => {
  it('is its definition, for any stride, padding, dilation and groups', async () => {
    for (const [i, { x: shape, weight: kernel, geometry }] of geometries().entries()) {
      using _ = scope();
      const [x, weight] = [random(shape, i), random(kernel, i + 100)];
      const bias = i % 2 === 0 ? random([kernel[0]!], i + 200) : null;
      const y = conv2d(x, weight, bias, geometry);
      expectClose(await y.data(), direct(x, weight, bias, geometry), 1e-12);
    }
  });

  it('has the values of the ONNX examples', async () => {
    using _ = scope();
    const y = conv2d(range(1, 1, 5, 5), ones([1, 1, 3, 3], { dtype: 'float64' }), null, { padding: 1 });
    // biome-ignore format: a matrix
    expect(Array.from(await y.data())).toEqual([
      12, 21, 27, 33, 24, 33, 54, 63, 72, 51, 63, 99, 108, 117, 81, 93, 144, 153, 162, 111, 72, 111, 117, 123, 84,
    ]);
  });

  it('takes one sample without a batch, as a batch of one', async () => {
    using _ = scope();
    const [x, weight] = [random([3, 5, 4], 1), random([2, 3, 2, 2], 2)];
    const y = conv2d(x, weight);
    expect(y.shape).toEqual([2, 4, 3]);
    expect(await y.data()).toEqual(await conv2d(reshape(x, [1, 3, 5, 4]), weight).data());
  });

  it('needs no columns where the kernel is one pixel', () => {
    using _ = scope();
    const backend = cpu();
    const { unfold } = backend.kernels;
    const spy = vi.fn(unfold);
    const watched = Object.assign(backend, { kernels: { ...backend.kernels, unfold: spy } });
    const x = ones([1, 2, 3, 3], { backend: watched, requiresGrad: true });
    const run = (options: ConvOptions) => grad(sum(conv2d(x, ones([2, 2, 1, 1], { backend: watched }), null, options)), [x]);
    run({});
    expect(spy).not.toHaveBeenCalled();
    run({ stride: 2 });
    expect(spy).toHaveBeenCalledTimes(1);
  });

  it('keeps no columns: the result is all that it leaves in memory, on the tape too', () => {
    using _ = scope();
    const backend = cpu();
    const [x, weight] = [ones([1, 2, 8, 8], { backend }), ones([2, 2, 3, 3], { backend, requiresGrad: true })];
    const before = backend.memory().bytes;
    conv2d(x, weight);
    expect(backend.memory().bytes).toBe(before + 4 * 2 * 6 * 6);
  });
});

describe('conv1d', () => {
  it('is conv2d with a height of 1', async () => {
    using _ = scope();
    const [x, weight, bias] = [random([2, 4, 9], 1), random([6, 2, 3], 2), random([6], 3)];
    const line = conv1d(x, weight, bias, { stride: 2, padding: [[3, 1]], dilation: 2, groups: 2 });
    const options = { stride: [1, 2], padding: [0, [3, 1]] as const, dilation: [1, 2], groups: 2 };
    const plane = conv2d(reshape(x, [2, 4, 1, 9]), reshape(weight, [6, 2, 1, 3]), bias, options);
    expect(await line.data()).toEqual(await plane.data());
  });

  it("'same' keeps the length, with the odd zero at the end", async () => {
    using _ = scope();
    const y = conv1d(tensor([[1, 2, 3, 4]]), tensor([[[1, 10]]]), null, { padding: 'same' });
    expect(await y.toArray()).toEqual([[21, 32, 43, 4]]);
    for (const [kernel, dilation] of [
      [3, 1],
      [4, 3],
      [2, 2],
    ] as const) {
      // biome-ignore format: a table
      expect(conv1d(random([2, 1, 11], 1), random([1, 1, kernel], 2), null, { padding: 'same', dilation }).shape).toEqual([2, 1, 11]);
    }
  });

  it('[before, 0] is a causal convolution: no output sees what comes after it', async () => {
    using _ = scope();
    const x = random([1, 1, 6], 4);
    x.requiresGrad = true;
    const y = conv1d(x, random([1, 1, 3], 5), null, { padding: [[2, 0]] });
    expect(y.shape).toEqual(x.shape);
    const [dx] = grad(select(flatten(y), 0, 2), [x]);
    expect(Array.from(await dx!.data(), (v) => v !== 0)).toEqual([true, true, true, false, false, false]);
  });
});

describe('transposed convolutions', () => {
  it('are the adjoints of convolutions: ⟨conv(x), y⟩ = ⟨x, convTranspose(y)⟩', async () => {
    for (const [i, { x: shape, weight: kernel, geometry }] of geometries().entries()) {
      using _ = scope();
      const [x, weight] = [random(shape, i), random(kernel, i + 100)];
      const y = conv2d(x, weight, null, geometry);
      const dy = random(y.shape, i + 300);
      const outputPadding = [0, 1].map((axis) => {
        const { stride, padding, dilation } = geometry;
        const [n, k] = [shape[2 + axis]!, kernel[2 + axis]!];
        return (n + padding[axis]![0] + padding[axis]![1] - dilation[axis]! * (k - 1) - 1) % stride[axis]!;
      });
      const back = convTranspose2d(dy, weight, null, { ...geometry, outputPadding });
      expect(back.shape).toEqual(shape);
      const [left, right] = [await sum(mul(y, dy)).item(), await sum(mul(x, back)).item()];
      expectClose([right], [left], 1e-11);
    }
  });

  it('have the values of the ONNX examples', async () => {
    using _ = scope();
    const y = convTranspose2d(range(1, 1, 3, 3), ones([1, 1, 3, 3], { dtype: 'float64' }));
    // biome-ignore format: a matrix
    expect(Array.from(await y.data())).toEqual([0, 1, 3, 3, 2, 3, 8, 15, 12, 7, 9, 21, 36, 27, 15, 9, 20, 33, 24, 13, 6, 13, 21, 15, 8]);
    const line = convTranspose1d(range(1, 1, 3), ones([1, 2, 3], { dtype: 'float64' }), tensor(Float64Array.of(0, 10)));
    expect(await line.toArray()).toEqual([[[0, 1, 3, 3, 2], [10, 11, 13, 13, 12]]]); // biome-ignore format: a matrix
  });

  it('outputPadding chooses among the lengths that a stride rounds to one', () => {
    using _ = scope();
    for (const length of [7, 8]) {
      const y = conv1d(random([1, 1, length], 1), random([1, 1, 3], 2), null, { stride: 2 });
      expect(y.shape).toEqual([1, 1, 3]);
      const back = convTranspose1d(y, random([1, 1, 3], 2), null, { stride: 2, outputPadding: length - 7 });
      expect(back.shape).toEqual([1, 1, length]);
    }
  });
});

describe('im2col and col2im', () => {
  it('a convolution is a product with the columns, col2im counts how often each pixel is seen', async () => {
    using _ = scope();
    const x = ones([1, 1, 3, 3]);
    expect(im2col(x, { kernel: 2 }).shape).toEqual([1, 4, 4]);
    const counts = col2im(im2col(x, { kernel: 2 }), { size: 3, kernel: 2 });
    expect(await counts.toArray()).toEqual([[[[1, 2, 1], [2, 4, 2], [1, 2, 1]]]]); // biome-ignore format: a matrix
  });
});

it('a convolution can be differentiated twice, inside composed() or not', async () => {
  using _ = scope();
  const w = tensor([[[2, 3]]], { requiresGrad: true });
  const x = tensor([[1, 2, 4]], { requiresGrad: true });
  for (const wrap of [composed, <T>(fn: () => T) => fn()]) {
    const [dx] = wrap(() => grad(sum(conv1d(x, w)), [x], { createGraph: true })); // [w₀, w₀ + w₁, w₁]
    const [dw] = grad(sum(mul(dx!, x)), [w]);
    expect(await dw!.toArray()).toEqual([[[3, 6]]]);
  }
});
