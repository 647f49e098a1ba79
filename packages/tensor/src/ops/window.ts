import type { WindowArgs } from '../backend.js';
import { isFloat } from '../dtype.js';
import { DTypeError, ShapeError, ValueError } from '../errors.js';
import { show } from '../shape.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { reshape } from './view.js';

/*
 * The geometry of windows that slide over the last one or two axes: what convolutions, pooling and `im2col` have in common.
 */

/** One whole number for all axes, or one for each. */
export type PerAxis = number | readonly number[];

/** How far the input is extended: one number for all sides, or for each axis a number or [before, after]. */
export type WindowPadding = number | readonly (number | readonly [before: number, after: number])[];

export interface WindowOptions {
  /** From one window to the next; 1 if left out. */
  stride?: PerAxis;
  /** 0 if left out. */
  padding?: WindowPadding;
  /** From one element of a window to the next; 1 if left out. */
  dilation?: PerAxis;
}

/** A window sliding along one axis: output i sees the elements i·stride - before + j·dilation for j from 0 to kernel - 1. */
export interface Slide {
  readonly input: number;
  readonly output: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  readonly after: number;
}

/** One integer from `least` for each of `axes` axes. Throws a ValueError that names the option. */
export function perAxis(op: string, name: string, value: PerAxis, axes: number, least: number): number[] {
  const given = typeof value === 'number' ? [value] : value;
  const list = given.length === 1 ? Array.from({ length: axes }, () => given[0]!) : given;
  if (list.length !== axes || !list.every((n) => Number.isInteger(n) && n >= least)) {
    const many = axes === 1 ? 'one integer' : `one integer or ${axes} of them`;
    throw new ValueError(`${op}: ${name}: expected ${many}, at least ${least}, got ${typeof value === 'number' ? value : show(value)}`);
  }
  return [...list];
}

/** [before, after] for each axis. */
export function sides(op: string, padding: WindowPadding, axes: number): [before: number, after: number][] {
  const given = typeof padding === 'number' ? [padding] : padding;
  const list = given.length === 1 ? Array.from({ length: axes }, () => given[0]!) : given;
  const pairs = list.map((side): [number, number] => (typeof side === 'number' ? [side, side] : [side[0], side[1]]));
  if (pairs.length !== axes || !pairs.flat().every((n) => Number.isInteger(n) && n >= 0)) {
    throw new ValueError(
      `${op}: padding: expected an integer from 0, or for each of ${axes} axes an integer or [before, after], got ${JSON.stringify(padding)}`,
    );
  }
  return pairs;
}

/** The slides of a window of `kernel` over axes of lengths `input`. `ceilMode` keeps a last window that reaches beyond the end. */
export function slidesOf(
  op: string,
  input: readonly number[],
  kernel: readonly number[],
  options: WindowOptions & { ceilMode?: boolean },
): Slide[] {
  const axes = input.length;
  const strides = perAxis(op, 'stride', options.stride ?? 1, axes, 1);
  const dilations = perAxis(op, 'dilation', options.dilation ?? 1, axes, 1);
  const paddings = sides(op, options.padding ?? 0, axes);
  return input.map((n, i): Slide => {
    const [stride, dilation, [before, after]] = [strides[i]!, dilations[i]!, paddings[i]!];
    const room = n + before + after - reach(kernel[i]!, dilation);
    const output = options.ceilMode ? lastInside(Math.ceil(room / stride) + 1, stride, n + before) : Math.floor(room / stride) + 1;
    if (output < 1) {
      const wide = dilation === 1 ? `${kernel[i]}` : `${kernel[i]} with dilation ${dilation}, so ${reach(kernel[i]!, dilation)},`;
      throw new ShapeError(
        `${op}: a kernel of ${wide} does not fit into ${n} elements with ${before} + ${after} of padding (axis ${i - axes})`,
      );
    }
    return { input: n, output, kernel: kernel[i]!, stride, dilation, before, after };
  });
}

/** How many elements a window covers from its first to its last. */
export function reach(kernel: number, dilation: number): number {
  return dilation * (kernel - 1) + 1;
}

/** One window fewer where the last one would begin beyond the input and the padding before it. */
function lastInside(count: number, stride: number, end: number): number {
  return (count - 1) * stride >= end ? count - 1 : count;
}

const still: Slide = { input: 1, output: 1, kernel: 1, stride: 1, dilation: 1, before: 0, after: 0 };

/** As the kernels `unfold` and `fold` take it; a single axis is the width of height 1. */
export function windowArgs(batch: number, channels: number, slides: readonly Slide[]): WindowArgs {
  const [y, x] = slides.length === 1 ? [still, slides[0]!] : [slides[0]!, slides[1]!];
  return {
    batch,
    channels,
    input: [y.input, x.input],
    output: [y.output, x.output],
    kernel: [y.kernel, x.kernel],
    stride: [y.stride, x.stride],
    dilation: [y.dilation, x.dilation],
    padding: [y.before, x.before],
  };
}

/** Runs `run` on a batch [N, C, …]; a single sample, which lacks the first of `axes`, is a batch of one for the time. */
export function batched(op: string, name: string, x: Tensor, axes: readonly string[], run: (x: Tensor) => Tensor): Tensor {
  checkTensor(op, name, x);
  const single = x.rank === axes.length - 1;
  if (x.rank !== axes.length && !single) {
    throw new ShapeError(`${op}: ${name}: expected [${axes.join(', ')}] or [${axes.slice(1).join(', ')}], got ${show(x.shape)}`);
  }
  if (!isFloat(x.dtype)) throw new DTypeError(`${op}: ${name}: expected a float type, got ${x.dtype}`);
  if (!single) return run(x);
  const y = run(reshape(x, [1, ...x.shape]));
  return reshape(y, y.shape.slice(1));
}
