import { ValueError } from '../errors.js';
import type { WindowArgs } from '../backend.js';
import { noGrad } from '../mode.js';
import { tidy } from '../scope.js';
import { show, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { add, mul } from './arithmetic.js';
import { arange, full, tensor } from './create.js';
import { unfold } from './im2col.js';
import { indexSelect, takeAlong } from './indexing.js';
import { assign } from './optim.js';
import { poolSlides } from './pool.js';
import { argmax } from './extreme.js';
import { reshape } from './view.js';
import { slice } from './slice.js';
import { batched, type PerAxis, reach, type Slide, type WindowPadding, windowArgs } from './window.js';

export interface MaxPoolOptions {
  kernel: PerAxis;
  /** From one window to the next; `kernel` if left out, so that windows do not overlap. */
  stride?: PerAxis;
  /** Elements that never win. */
  padding?: WindowPadding;
  dilation?: PerAxis;
  /** True keeps a last window that reaches beyond the padding, if it begins before. */
  ceilMode?: boolean;
}

/**
 * The greatest element of every window: out[n, c, i] = max x[n, c, i·stride - padding + j·dilation] over j.
 *
 * x is [N, C, L] or [C, L], of a float type; the result [N, C, M] with M = ⌊(L + padding - dilation·(kernel - 1) - 1) / stride⌋ + 1, where
 * padding is that of both sides. The gradient goes to the first of equal elements; NaN wins. `torch.nn.functional.max_pool1d`.
 * Throws a ShapeError where the kernel does not fit, a ValueError for an option out of range or a window that sees padding only.
 *
 * @example
 * maxPool1d(tensor([[1, 3, 2, 9, 4]]), { kernel: 2 }); // [[3, 9]]
 * maxPool1d(tensor([[1, 3, 2, 9, 4]]), { kernel: 3, stride: 2, padding: 1 }); // [[3, 9, 9]]
 */
export function maxPool1d(x: Tensor, options: MaxPoolOptions): Tensor {
  return elementsAt(x, 1, places('maxPool1d', ['N', 'C', 'L'], x, options));
}

/**
 * As `maxPool1d` over two axes: x [N, C, H, W] or [C, H, W] gives [N, C, H′, W′]. Numbers in the options stand for both axes.
 * `torch.nn.functional.max_pool2d`. Types, gradients and errors are those of `maxPool1d`.
 *
 * @example
 * maxPool2d(tensor([[[1, 2, 3, 4], [8, 7, 6, 5]]]), { kernel: 2 }); // [[[8, 6]]]
 */
export function maxPool2d(x: Tensor, options: MaxPoolOptions): Tensor {
  return elementsAt(x, 2, places('maxPool2d', ['N', 'C', 'H', 'W'], x, options));
}

/**
 * `maxPool1d` and where its elements were found: int32 places on the axis of x, of the shape of the result. `torch.nn.functional.max_pool1d` with
 * `return_indices=True`. Types, gradients and errors are those of `maxPool1d`; the indices have no gradient.
 *
 * @example
 * maxPool1dWithIndices(tensor([[1, 3, 2, 9, 4]]), { kernel: 2 }).indices; // [[1, 3]]
 */
export function maxPool1dWithIndices(x: Tensor, options: MaxPoolOptions): { values: Tensor; indices: Tensor } {
  const indices = places('maxPool1dWithIndices', ['N', 'C', 'L'], x, options);
  return { values: elementsAt(x, 1, indices), indices };
}

/**
 * `maxPool2d` and where its elements were found: int32 places in each image, y·W + x, of the shape of the result.
 * `torch.nn.functional.max_pool2d` with `return_indices=True`. Types, gradients and errors are those of `maxPool1d`; the indices have no gradient.
 *
 * @example
 * maxPool2dWithIndices(tensor([[[1, 2, 3, 4], [8, 7, 6, 5]]]), { kernel: 2 }).indices; // [[[4, 6]]]
 */
export function maxPool2dWithIndices(x: Tensor, options: MaxPoolOptions): { values: Tensor; indices: Tensor } {
  const indices = places('maxPool2dWithIndices', ['N', 'C', 'H', 'W'], x, options);
  return { values: elementsAt(x, 2, indices), indices };
}

/** The elements of x at places counted over its last `axes` axes. */
function elementsAt(x: Tensor, axes: number, indices: Tensor): Tensor {
  const flat = (t: Tensor) => reshape(t, [...t.shape.slice(0, -axes), sizeOf(t.shape.slice(-axes))]);
  return reshape(takeAlong(flat(x), flat(indices)), indices.shape);
}

function places(op: string, axes: readonly string[], x: Tensor, options: MaxPoolOptions): Tensor {
  return batched(op, 'x', x, axes, (samples) => {
    const [batch, channels, ...input] = samples.shape as [number, number, ...number[]];
    const slides = poolSlides(op, input, options);
    const window = windowArgs(batch, channels, slides);
    const [rows, taps, windows] = [batch * channels, sizeOf(window.kernel), sizeOf(window.output)];
    const table = placeOfTaps(op, window);
    return noGrad(() =>
      tidy(() => {
        const { backend } = x;
        const columns = reshape(unfold(surrounded(samples, slides), paddedWindow(window, slides)), [rows, taps, windows]);
        const tap = argmax(columns, 1); // [N·C, L]
        const entry = add(mul(tap, windows), arange(0, windows, 1, { backend, dtype: 'int32' }));
        const found = indexSelect(tensor(table, { backend }), 0, reshape(entry, [rows * windows]));
        return reshape(found, [batch, channels, ...slides.map(({ output }) => output)]);
      }),
    );
  });
}

/** Where each tap of each window lies in an image, [K, L]. For taps in the padding, which tie only with -∞, it is where the first other lies. */
function placeOfTaps(op: string, { input, output, kernel, stride, dilation, padding }: WindowArgs): Int32Array {
  const windows = sizeOf(output);
  const table = new Int32Array(sizeOf(kernel) * windows);
  for (let window = 0; window < windows; window++) {
    const top = Math.floor(window / output[1]) * stride[0] - padding[0];
    const left = (window % output[1]) * stride[1] - padding[1];
    const inside: number[] = [];
    const outside: number[] = [];
    for (let tap = 0; tap < sizeOf(kernel); tap++) {
      const y = top + Math.floor(tap / kernel[1]) * dilation[0];
      const x = left + (tap % kernel[1]) * dilation[1];
      const seen = y >= 0 && y < input[0] && x >= 0 && x < input[1];
      (seen ? inside : outside).push(tap);
      table[tap * windows + window] = y * input[1] + x;
    }
    if (inside.length === 0) throw new ValueError(`${op}: padding: window ${window} of ${show(output)} sees padding only`);
    for (const tap of outside) table[tap * windows + window] = table[inside[0]! * windows + window]!;
  }
  return table;
}

/** The samples with -∞ around them, as far as a window reaches. */
function surrounded(x: Tensor, slides: readonly Slide[]): Tensor {
  if (slides.every((slide) => paddedLength(slide) === slide.input)) return x;
  const room = full([...x.shape.slice(0, 2), ...slides.map(paddedLength)], Number.NEGATIVE_INFINITY, {
    dtype: x.dtype,
    backend: x.backend,
  });
  assign(slides.reduce((view, { before, input }, i) => slice(view, 2 + i, before, before + input), room), x); // biome-ignore format: one call
  return room;
}

function paddedLength({ input, output, kernel, stride, dilation, before }: Slide): number {
  return Math.max(before + input, (output - 1) * stride + reach(kernel, dilation));
}

function paddedWindow(window: WindowArgs, slides: readonly Slide[]): WindowArgs {
  const lengths = slides.map(paddedLength);
  return { ...window, input: [lengths.at(-2) ?? 1, lengths.at(-1)!], padding: [0, 0] };
}
