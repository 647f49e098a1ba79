import { ShapeError, ValueError } from '../errors.js';
import { show } from '../shape.js';
import { commonBackend, type Tensor } from '../tensor.js';
import { type ConvInputs, type ConvPlan, checkParameters, groupsOf, isPointwise, spread, taps, withBias } from './conv.js';
import { reshape } from './view.js';
import { batched, type PerAxis, perAxis, reach, type Slide, sides, type WindowPadding, windowArgs } from './window.js';

export interface ConvTransposeOptions {
  /** From where one element of x is laid to where the next is; 1 if left out. */
  stride?: PerAxis;
  /** What is cut off around the result; 0 if left out. */
  padding?: WindowPadding;
  /** Elements more at the end, fewer than the stride or the dilation: lengths that a stride rounded down come back. 0 if left out. */
  outputPadding?: PerAxis;
  /** From one element of the kernel to the next on the result; 1 if left out. */
  dilation?: PerAxis;
  /** As in `conv1d`: C/groups channels of x make O/groups of the result. */
  groups?: number;
}

/**
 * The adjoint of `conv1d`: out[n, o, i·stride - padding + j·dilation] = bias[o] + Σ x[n, c, i] · weight[c, o, j], summed over all c, i, j that meet there.
 *
 * x is [N, C, L], or [C, L] for a single sample, weight [C, O/groups, K] (C first), bias [O]; the result [N, O, M] with
 * M = (L - 1)·stride - padding + dilation·(K - 1) + outputPadding + 1, where padding is that of both sides. One float type.
 * `torch.nn.functional.conv_transpose1d`; Zeiler et al., "Deconvolutional networks", 2010.
 * Throws a ShapeError where the shapes do not fit or nothing is left, a ValueError for an option out of range.
 *
 * @example
 * convTranspose1d(tensor([[1, 2]]), tensor([[[1, 10, 100]]]), null, { stride: 2 }); // [[1, 10, 102, 20, 200]]
 */
export function convTranspose1d(x: Tensor, weight: Tensor, bias: Tensor | null = null, options: ConvTransposeOptions = {}): Tensor {
  return convTranspose('convTranspose1d', ['N', 'C', 'L'], { x, weight, bias }, options);
}

/**
 * As `convTranspose1d` over two axes: the adjoint of `conv2d`.
 *
 * x is [N, C, H, W], or [C, H, W] for a single sample, weight [C, O/groups, kh, kw] (C first), bias [O]; the result [N, O, H′, W′]. Numbers in
 * the options stand for both axes, [height, width] for each. One float type. `torch.nn.functional.conv_transpose2d`.
 * Throws a ShapeError where the shapes do not fit or nothing is left, a ValueError for an option out of range.
 *
 * @example
 * convTranspose2d(tensor([[[1, 2]]]), tensor([[[[1, 1], [1, 0]]]])); // [[[1, 3, 2], [1, 2, 0]]]
 */
export function convTranspose2d(x: Tensor, weight: Tensor, bias: Tensor | null = null, options: ConvTransposeOptions = {}): Tensor {
  return convTranspose('convTranspose2d', ['N', 'C', 'H', 'W'], { x, weight, bias }, options);
}

function convTranspose(op: string, axes: readonly string[], { x, weight, bias }: ConvInputs, options: ConvTransposeOptions): Tensor {
  commonBackend(op, { x, weight, bias });
  return batched(op, 'x', x, axes, (samples) => {
    const [batch, channels, ...input] = samples.shape as [number, number, ...number[]];
    const groups = groupsOf(op, options.groups);
    const [first, outInGroup, ...kernel] = weight.shape as [number, number, ...number[]];
    if (weight.rank !== axes.length || first !== channels || channels % groups !== 0) {
      const wanted = `[${channels}, O/${groups}, ${axes.length === 3 ? 'K' : 'kh, kw'}] and channels that are a multiple of ${groups}`;
      throw new ShapeError(`${op}: weight: expected ${wanted} for x ${show(x.shape)} in ${groups} groups, got ${show(weight.shape)}`);
    }
    const out = outInGroup * groups;
    checkParameters(op, { x, weight, bias }, out);
    const slides = transposedSlides(op, input, kernel, options);
    const plan: ConvPlan = { window: windowArgs(batch, out, slides), groups, pointwise: isPointwise(slides) };
    const kernels = reshape(weight, [groups, channels / groups, outInGroup * taps(plan.window)]);
    const columns = reshape(samples, [batch, groups, channels / groups, input.reduce((n, length) => n * length, 1)]);
    return withBias(reshape(spread(columns, kernels, plan), [batch, out, ...slides.map((slide) => slide.input)]), bias);
  });
}

/** The slides of the convolution whose input the result is. */
function transposedSlides(op: string, length: number[], kernel: number[], options: ConvTransposeOptions): Slide[] {
  const axes = length.length;
  const strides = perAxis(op, 'stride', options.stride ?? 1, axes, 1);
  const dilations = perAxis(op, 'dilation', options.dilation ?? 1, axes, 1);
  const extra = perAxis(op, 'outputPadding', options.outputPadding ?? 0, axes, 0);
  return sides(op, options.padding ?? 0, axes).map(([before, after], i): Slide => {
    const [stride, dilation] = [strides[i]!, dilations[i]!];
    if (extra[i]! >= Math.max(stride, dilation))
      throw new ValueError(`${op}: outputPadding: expected less than stride ${stride} or dilation ${dilation}, got ${extra[i]}`);
    const full = (length[i]! - 1) * stride - before - after + reach(kernel[i]!, dilation) + extra[i]!;
    if (length[i]! < 1 || full < 1)
      throw new ShapeError(`${op}: x: nothing is left of ${length[i]} elements (axis ${i - axes}) without ${before} + ${after} of padding`);
    return { input: full, output: length[i]!, kernel: kernel[i]!, stride, dilation, before, after };
  });
}
