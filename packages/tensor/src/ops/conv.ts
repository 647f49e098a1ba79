import { contiguous, record } from '../autograd.js';
import type { WindowArgs } from '../backend.js';
import { DTypeError, ShapeError, ValueError } from '../errors.js';
import { noGrad } from '../mode.js';
import { tidy } from '../scope.js';
import { sameShape, show } from '../shape.js';
import { commonBackend, type Tensor } from '../tensor.js';
import { add } from './arithmetic.js';
import { fold, unfold } from './im2col.js';
import { matmul } from './matmul.js';
import { reshape, transpose } from './view.js';
import { batched, type PerAxis, perAxis, type Slide, slidesOf, type WindowPadding, windowArgs } from './window.js';

export interface ConvOptions {
  /** From one window to the next; 1 if left out. */
  stride?: PerAxis;
  /** Zeros around x; 'same' keeps its lengths (stride 1 only), 'valid' is 0, the default. */
  padding?: WindowPadding | 'same' | 'valid';
  /** From one element of the kernel to the next on x; 1 if left out. */
  dilation?: PerAxis;
  /** Into how many parts the channels fall, each with kernels of its own; 1 if left out, C is a depthwise convolution. */
  groups?: number;
}

/**
 * out[n, o, i] = bias[o] + Σ weight[o, c, j] · x[n, c, i·stride - padding + j·dilation] over the channels c of the group of o and the kernel's
 * elements j: the cross-correlation that is called a convolution in networks.
 *
 * x is [N, C, L], or [C, L] for a single sample, weight [O, C/groups, K], bias [O]; the result [N, O, M] with
 * M = ⌊(L + padding - dilation·(K - 1) - 1) / stride⌋ + 1, where padding is that of both sides. One float type. `torch.nn.functional.conv1d`.
 * Throws a ShapeError where the shapes do not fit one another or the kernel not into x, a ValueError for an option out of range.
 *
 * @example
 * conv1d(tensor([[1, 2, 3, 4]]), tensor([[[1, 0, -1]]])); // [[-2, -2]]
 * conv1d(tensor([[1, 2, 3, 4]]), tensor([[[1, 1, 1]]]), tensor([10]), { padding: 'same' }); // [[13, 16, 19, 17]]
 * conv1d(tensor([[1, 2, 3, 4]]), tensor([[[1, 1]]]), null, { padding: [[1, 0]] }); // [[1, 3, 5, 7]]
 */
export function conv1d(x: Tensor, weight: Tensor, bias: Tensor | null = null, options: ConvOptions = {}): Tensor {
  return conv('conv1d', ['N', 'C', 'L'], { x, weight, bias }, options);
}

/**
 * As `conv1d` over two axes: out[n, o, y, x] = bias[o] + Σ weight[o, c, i, j] · x[n, c, y·stride - padding + i·dilation, …].
 *
 * x is [N, C, H, W], or [C, H, W] for a single sample, weight [O, C/groups, kh, kw], bias [O]; the result [N, O, H′, W′]. Numbers in the options
 * stand for both axes, [height, width] for each. One float type. `torch.nn.functional.conv2d`; Dumoulin and Visin, "A guide to
 * convolution arithmetic for deep learning", 2016. It is computed as a product of the kernels with the columns of `im2col`.
 * Throws a ShapeError where the shapes do not fit one another or the kernel not into x, a ValueError for an option out of range.
 *
 * @example
 * conv2d(tensor([[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]), tensor([[[[1, 0], [0, 1]]]])); // [[[6, 8], [12, 14]]]
 * conv2d(tensor([[[1, 2], [3, 4]], [[5, 6], [7, 8]]]), tensor([[[[1, 1]]], [[[1, -1]]]]), null, { groups: 2 }); // [[[3], [7]], [[-1], [-1]]]
 */
export function conv2d(x: Tensor, weight: Tensor, bias: Tensor | null = null, options: ConvOptions = {}): Tensor {
  return conv('conv2d', ['N', 'C', 'H', 'W'], { x, weight, bias }, options);
}

/** What a convolution is given, of one float type and with bias [channels out]. */
export interface ConvInputs {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly bias: Tensor | null;
}

function conv(op: string, axes: readonly string[], { x, weight, bias }: ConvInputs, options: ConvOptions): Tensor {
  commonBackend(op, { x, weight, bias });
  return batched(op, 'x', x, axes, (samples) => {
    const [batch, channels, ...input] = samples.shape as [number, number, ...number[]];
    const groups = groupsOf(op, options.groups);
    const [out, inGroup, ...kernel] = weight.shape as [number, number, ...number[]];
    if (weight.rank !== axes.length || inGroup * groups !== channels || out % groups !== 0) {
      const wanted = `[O, ${channels}/${groups}, ${axes.length === 3 ? 'K' : 'kh, kw'}] with O a multiple of ${groups}`;
      throw new ShapeError(`${op}: weight: expected ${wanted} for x ${show(x.shape)} in ${groups} groups, got ${show(weight.shape)}`);
    }
    checkParameters(op, { x, weight, bias }, out);
    const slides = convSlides(op, input, kernel, options);
    const plan: ConvPlan = { window: windowArgs(batch, channels, slides), groups, pointwise: isPointwise(slides) };
    const kernels = reshape(weight, [groups, out / groups, inGroup * taps(plan.window)]);
    const y = reshape(correlate(samples, kernels, plan), [batch, out, ...slides.map(({ output }) => output)]);
    return withBias(y, bias);
  });
}

export function groupsOf(op: string, groups = 1): number {
  if (!(Number.isInteger(groups) && groups >= 1)) throw new ValueError(`${op}: groups: expected a positive integer, got ${groups}`);
  return groups;
}

export function checkParameters(op: string, { x, weight, bias }: ConvInputs, out: number): void {
  if (weight.size === 0 && weight.shape.slice(2).includes(0))
    throw new ShapeError(`${op}: weight: expected a kernel of at least one element, got ${show(weight.shape)}`);
  if (bias && !sameShape(bias.shape, [out])) throw new ShapeError(`${op}: bias: expected [${out}], got ${show(bias.shape)}`);
  if ([weight, bias].some((t) => t && t.dtype !== x.dtype)) {
    throw new DTypeError(`${op}: expected one float type, got x ${x.dtype}, weight ${weight.dtype}${bias ? `, bias ${bias.dtype}` : ''}`);
  }
}

export function withBias(y: Tensor, bias: Tensor | null): Tensor {
  return bias ? add(y, reshape(bias, [bias.size, ...y.shape.slice(2).fill(1)])) : y;
}

function convSlides(op: string, input: number[], kernel: number[], { padding = 0, ...options }: ConvOptions): Slide[] {
  if (padding === 'valid') return slidesOf(op, input, kernel, options);
  if (padding !== 'same') return slidesOf(op, input, kernel, { ...options, padding });
  const strides = perAxis(op, 'stride', options.stride ?? 1, input.length, 1);
  if (strides.some((stride) => stride !== 1)) throw new ValueError(`${op}: padding: 'same' goes with stride 1 only, got ${show(strides)}`);
  const dilations = perAxis(op, 'dilation', options.dilation ?? 1, input.length, 1);
  const around = kernel.map((n, i): [number, number] => {
    const total = dilations[i]! * (n - 1);
    return [Math.floor(total / 2), Math.ceil(total / 2)]; // an odd one out goes to the end
  });
  return slidesOf(op, input, kernel, { ...options, padding: around });
}

/** How the kernels [G, O/G, C/G·K] of `groups` groups meet the images [N, C, …] that `window` slides over. */
export interface ConvPlan {
  readonly window: WindowArgs;
  readonly groups: number;
  /** One element wide and one step each: the columns are the image itself. */
  readonly pointwise: boolean;
}

export function isPointwise(slides: readonly Slide[]): boolean {
  return slides.every(({ input, output, kernel, stride, before }) => kernel === 1 && stride === 1 && before === 0 && input === output);
}

export function taps({ kernel }: WindowArgs): number {
  return kernel[0] * kernel[1];
}

/** [N, G, C/G·K, L] */
function columnsOf(x: Tensor, { window, groups, pointwise }: ConvPlan): Tensor {
  const { batch, channels, output } = window;
  return reshape(pointwise ? x : unfold(x, window), [batch, groups, (channels / groups) * taps(window), output[0] * output[1]]);
}

/** The adjoint of `columnsOf`. */
function imagesOf(columns: Tensor, { window, pointwise }: ConvPlan): Tensor {
  const { batch, channels, input, output } = window;
  if (pointwise) return reshape(columns, [batch, channels, ...input]);
  return fold(reshape(columns, [batch, channels * taps(window), output[0] * output[1]]), window);
}

/*
 * The three functions below are one bilinear form of images, kernels and outputs, solved for each of them, so that their gradients are one
 * another. The columns are made again for a gradient instead of being kept, as they are as many times larger than x as the kernel has elements.
 */

/** kernels · columns of x: [N, G, O/G, L]. */
export function correlate(x: Tensor, kernels: Tensor, plan: ConvPlan): Tensor {
  const [images, w] = [contiguous(x), contiguous(kernels)];
  const out = noGrad(() => tidy(() => matmul(w, columnsOf(images, plan)).storage.retain()));
  const { window, groups } = plan;
  const shape = [window.batch, groups, w.shape[1]!, window.output[0] * window.output[1]];
  return record('conv', out, shape, [images, w], (dy) => [
    () => reshape(spread(dy, w, plan), images.shape),
    () => kernelGradient(images, dy, plan),
  ]);
}

/** kernelsᵀ · y, each column summed into the place that it comes from: [N, C, h, w]. */
export function spread(y: Tensor, kernels: Tensor, plan: ConvPlan): Tensor {
  const [outputs, w] = [contiguous(y), contiguous(kernels)];
  const out = noGrad(() => tidy(() => imagesOf(matmul(transpose(w), outputs), plan).storage.retain()));
  const { batch, channels, input } = plan.window;
  return record('convTranspose', out, [batch, channels, ...input], [outputs, w], (dx) => [
    () => correlate(dx, w, plan),
    () => kernelGradient(dx, outputs, plan),
  ]);
}

/** y · columnsᵀ, still by sample: [N, G, O/G, C/G·K]. */
function kernelGradient(x: Tensor, y: Tensor, plan: ConvPlan): Tensor {
  return matmul(y, transpose(columnsOf(x, plan)));
}
