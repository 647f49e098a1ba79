import { contiguous, record } from '../autograd.js';
import type { WindowArgs } from '../backend.js';
import { ShapeError, ValueError } from '../errors.js';
import { noGrad } from '../mode.js';
import { tidy } from '../scope.js';
import { show, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { div } from './arithmetic.js';
import { tensor } from './create.js';
import { fold, unfold } from './im2col.js';
import { mean, sum } from './reduce.js';
import { fewTaps, resample } from './resample.js';
import { expand, reshape, unsqueeze } from './view.js';
import { batched, type PerAxis, perAxis, type Slide, slidesOf, type WindowPadding, windowArgs } from './window.js';

export interface AvgPoolOptions {
  kernel: PerAxis;
  /** From one window to the next; `kernel` if left out, so that windows do not overlap. */
  stride?: PerAxis;
  padding?: WindowPadding;
  dilation?: PerAxis;
  /** True keeps a last window that reaches beyond the padding, if it begins before. */
  ceilMode?: boolean;
  /** False divides by the elements of x in a window instead of by all that are not beyond the padding. */
  countIncludePad?: boolean;
  /** Divides every sum by this instead. */
  divisorOverride?: number;
}

/**
 * The mean of every window: out[n, c, i] = Σ x[n, c, i·stride - padding + j] / kernel, where elements of the padding count as zeros.
 *
 * x is [N, C, L] or [C, L], of a float type; the result [N, C, M] with M = ⌊(L + padding - kernel) / stride⌋ + 1, where padding is that of
 * both sides. `torch.nn.functional.avg_pool1d`, with the `dilation` of ONNX's AveragePool.
 * Throws a ShapeError where the kernel does not fit, a ValueError for an option out of range.
 *
 * @example
 * avgPool1d(tensor([[1, 3, 5, 9]]), { kernel: 2 }); // [[2, 7]]
 * avgPool1d(tensor([[1, 3, 5, 9]]), { kernel: 2, padding: 1, countIncludePad: false }); // [[1, 4, 9]]
 */
export function avgPool1d(x: Tensor, options: AvgPoolOptions): Tensor {
  return avgPool('avgPool1d', ['N', 'C', 'L'], x, options);
}

/**
 * As `avgPool1d` over two axes: x [N, C, H, W] or [C, H, W] gives [N, C, H′, W′]. Numbers in the options stand for both axes.
 * `torch.nn.functional.avg_pool2d`. Types and errors are those of `avgPool1d`.
 *
 * @example
 * avgPool2d(tensor([[[1, 2, 3, 4], [5, 6, 7, 8]]]), { kernel: 2 }); // [[[3.5, 5.5]]]
 */
export function avgPool2d(x: Tensor, options: AvgPoolOptions): Tensor {
  return avgPool('avgPool2d', ['N', 'C', 'H', 'W'], x, options);
}

function avgPool(op: string, axes: readonly string[], x: Tensor, options: AvgPoolOptions): Tensor {
  const { countIncludePad = true, divisorOverride } = options;
  if (divisorOverride === 0) throw new ValueError(`${op}: divisorOverride: expected a number other than 0, got 0`);
  return batched(op, 'x', x, axes, (samples) => {
    const [batch, channels, ...input] = samples.shape as [number, number, ...number[]];
    const slides = poolSlides(op, input, options);
    const sums = windowSums(samples, windowArgs(batch, channels, slides));
    const shaped = reshape(sums, [batch, channels, ...slides.map(({ output }) => output)]);
    return div(shaped, divisorOverride ?? divisors(x, slides, countIncludePad));
  });
}

/** The slides of pooling, whose windows stand side by side if no stride is given. */
export function poolSlides(op: string, input: number[], options: Omit<AvgPoolOptions, 'countIncludePad' | 'divisorOverride'>): Slide[] {
  const kernel = perAxis(op, 'kernel', options.kernel, input.length, 1);
  return slidesOf(op, input, kernel, { ...options, stride: options.stride ?? kernel });
}

/** [N, C, L] */
function windowSums(x: Tensor, window: WindowArgs): Tensor {
  const images = contiguous(x);
  const { batch, channels, kernel, output } = window;
  const [taps, windows] = [sizeOf(kernel), sizeOf(output)];
  const columns = () => reshape(unfold(images, window), [batch, channels, taps, windows]);
  const out = noGrad(() => tidy(() => sum(columns(), { axis: 2 }).storage.retain()));
  return record('avgPool', out, [batch, channels, windows], [images], (dy) => [
    () => {
      const repeated = expand(unsqueeze(dy, 2), [batch, channels, taps, windows]);
      return reshape(fold(reshape(repeated, [batch, channels * taps, windows]), window), images.shape);
    },
  ]);
}

/** How many elements each window counts, as one number where they are all the same. */
function divisors(x: Tensor, slides: readonly Slide[], countIncludePad: boolean): Tensor | number {
  const counts = slides.map((slide) => Array.from({ length: slide.output }, (_, i) => counted(slide, i, countIncludePad)));
  if (counts.every((list) => list.every((n) => n === list[0]))) return counts.reduce((product, list) => product * list[0]!, 1);
  const all = counts.reduce((rows, list) => rows.flatMap((n) => list.map((m) => n * m)), [1]);
  return tensor(all, { shape: slides.map(({ output }) => output), dtype: x.dtype, backend: x.backend });
}

function counted({ input, kernel, stride, dilation, before, after }: Slide, i: number, countIncludePad: boolean): number {
  const [least, end] = countIncludePad ? [-before, input + after] : [0, input];
  const places = Array.from({ length: kernel }, (_, j) => i * stride - before + j * dilation);
  return places.filter((place) => place >= least && place < end).length;
}

/**
 * Means of `size` windows that cover the axis: out[n, c, i] is the mean of x[n, c] from ⌊i·L / size⌋ to ⌈(i + 1)·L / size⌉.
 *
 * x is [N, C, L] or [C, L], of a float type; the result [N, C, size]. `adaptiveAvgPool1d(x, 1)` is the global mean.
 * `torch.nn.functional.adaptive_avg_pool1d`. Throws a ShapeError where there is nothing to average, a ValueError for a size below 1.
 *
 * @example
 * adaptiveAvgPool1d(tensor([[1, 2, 3, 4, 5]]), 2); // [[2, 4]]
 */
export function adaptiveAvgPool1d(x: Tensor, size: number): Tensor {
  return adaptiveAvgPool('adaptiveAvgPool1d', ['N', 'C', 'L'], x, size);
}

/**
 * As `adaptiveAvgPool1d` over two axes: x [N, C, H, W] or [C, H, W] gives [N, C, ...size], where one number stands for both axes.
 * `torch.nn.functional.adaptive_avg_pool2d`. Types and errors are those of `adaptiveAvgPool1d`.
 *
 * @example
 * adaptiveAvgPool2d(tensor([[[1, 2], [3, 4], [5, 6]]]), [1, 2]); // [[[3, 4]]]
 */
export function adaptiveAvgPool2d(x: Tensor, size: PerAxis): Tensor {
  return adaptiveAvgPool('adaptiveAvgPool2d', ['N', 'C', 'H', 'W'], x, size);
}

function adaptiveAvgPool(op: string, axes: readonly string[], x: Tensor, size: PerAxis): Tensor {
  const sizes = perAxis(op, 'size', size, axes.length - 2, 1);
  return batched(op, 'x', x, axes, (samples) => sizes.reduce((y, n, i) => averaged(op, y, 2 + i, n), samples));
}

function averaged(op: string, x: Tensor, axis: number, size: number): Tensor {
  const length = x.shape[axis]!;
  if (length === 0) throw new ShapeError(`${op}: x: expected at least one element along the axis, got ${show(x.shape)}`);
  if (length % size === 0) return mean(reshape(x, x.shape.toSpliced(axis, 1, size, length / size)), { axis: axis + 1 });
  const rows = Array.from({ length: size }, (_, i) => {
    const [from, to] = [Math.floor((i * length) / size), Math.ceil(((i + 1) * length) / size)];
    return Array.from({ length: to - from }, (_, j) => [from + j, 1 / (to - from)] as const);
  });
  return resample(x, axis, fewTaps(length, rows));
}
