import { apply, broadcastTo, contiguous, detach, noGradient, record } from '../autograd.js';
import type { AxisView, Backend, DeviceBuffer, ReduceOp } from '../backend.js';
import { isFloat } from '../dtype.js';
import { DTypeError, ShapeError } from '../errors.js';
import { normalizeAxes, normalizeAxis, type Shape, show, sizeOf } from '../shape.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { add, div, mul, square, sub } from './arithmetic.js';
import { eq, where } from './compare.js';
import { exp, log, sqrt } from './math.js';
import { cast, permute, reshape } from './view.js';

export interface ReduceOptions {
  /** The axes to reduce; all of them if left out. */
  axis?: number | readonly number[];
  /** True leaves the reduced axes in place with length 1. */
  keepDims?: boolean;
}

/** The axes of a reduction, how many elements each result takes, and the shape of the result. */
function plan(op: string, x: Tensor, options: ReduceOptions): { axes: number[]; n: number; shape: number[] } {
  checkTensor(op, 'x', x);
  const axes = normalizeAxes(op, options.axis, x.rank);
  const shape = options.keepDims ? keptShape(x.shape, axes) : x.shape.filter((_, i) => !axes.includes(i));
  return { axes, n: sizeOf(axes.map((i) => x.shape[i]!)), shape };
}

function keptShape(shape: Shape, axes: readonly number[]): number[] {
  return shape.map((n, i) => (axes.includes(i) ? 1 : n));
}

/** `x` with the axes side by side (moved to the end if they are apart), contiguous, and seen as [outer, n, inner]. */
function align(x: Tensor, axes: readonly number[]): { dense: Tensor; axes: readonly number[]; view: AxisView } {
  const last = axes.length - 1;
  if (last > 0 && axes[last]! - axes[0]! !== last) {
    const others = [...x.shape.keys()].filter((i) => !axes.includes(i));
    return align(
      permute(x, [...others, ...axes]),
      axes.map((_, i) => others.length + i),
    );
  }
  const first = axes[0] ?? 0;
  const end = first + axes.length;
  const view = { outer: sizeOf(x.shape.slice(0, first)), n: sizeOf(x.shape.slice(first, end)), inner: sizeOf(x.shape.slice(end)) };
  return { dense: contiguous(x), axes, view };
}

type ReduceVjp = (x: Tensor, y: Tensor, dy: Tensor, axes: readonly number[]) => Tensor;

function reduce(op: ReduceOp, name: string, x: Tensor, options: ReduceOptions, gradient: ReduceVjp): Tensor {
  const { axes: wanted, shape } = plan(name, x, options);
  if (x.dtype === 'bool') throw new DTypeError(`${name}: x: expected numbers, got bool; use cast(x, 'int32')`);
  const { dense, axes, view } = align(x, wanted);
  const kept = keptShape(dense.shape, axes);
  return apply(
    name,
    { x: dense },
    shape,
    x.dtype,
    (out, { kernels }) => kernels.reduce(op, out, dense.buffer, view),
    (dy, y) => [() => broadcastTo(gradient(dense, reshape(y, kept), reshape(dy, kept), axes), dense.shape)],
  );
}

/** Σ x over the axes. */
export function sum(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduce('sum', 'sum', x, options, (_x, _y, dy) => dy);
}

/** Σ x / n over the axes; NaN over nothing. */
export function mean(x: Tensor, options: ReduceOptions = {}): Tensor {
  checkFloat('mean', x);
  return div(sum(x, options), plan('mean', x, options).n);
}

/** The greatest element along the axes; elements that tie share the gradient. Throws a ShapeError over nothing. */
export function amax(x: Tensor, options: ReduceOptions = {}): Tensor {
  return extreme('max', 'amax', x, options);
}

/** The least element along the axes; elements that tie share the gradient. Throws a ShapeError over nothing. */
export function amin(x: Tensor, options: ReduceOptions = {}): Tensor {
  return extreme('min', 'amin', x, options);
}

function extreme(op: 'max' | 'min', name: string, x: Tensor, options: ReduceOptions): Tensor {
  if (plan(name, x, options).n === 0)
    throw new ShapeError(`${name}: x: expected at least one element along the axes, got shape ${show(x.shape)}`);
  return reduce(op, name, x, options, (x, y, dy, axes) => {
    const hit = cast(eq(x, y), dy.dtype);
    return div(mul(hit, dy), sum(hit, { axis: axes, keepDims: true }));
  });
}

/** The product over the axes; its gradient is right with zeros, too. */
export function prod(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduce('prod', 'prod', x, options, (x, y, dy, axes) => {
    const zero = eq(x, 0);
    const zeros = sum(cast(zero, x.dtype), { axis: axes, keepDims: true });
    const others = prod(where(zero, 1, x), { axis: axes, keepDims: true });
    // No zero: y / x. One zero: the product of the rest, at that zero only. Two or more: 0.
    const atZero = where(eq(zeros, 1), others, 0);
    return mul(dy, where(zero, atZero, where(eq(zeros, 0), div(y, where(zero, 1, x)), 0)));
  });
}

/** Variance over the axes, Σ(x - mean)² / (n - correction); `correction` is 1 as in PyTorch, 0 for the biased one. */
export function variance(x: Tensor, options: ReduceOptions & { correction?: number } = {}): Tensor {
  checkFloat('variance', x);
  const { n } = plan('variance', x, options);
  const centered = sub(x, mean(x, { axis: options.axis, keepDims: true }));
  return div(sum(square(centered), options), Math.max(0, n - (options.correction ?? 1)));
}

/** Standard deviation over the axes: √variance. Its gradient is 0 where all elements are equal, as in PyTorch. */
export function std(x: Tensor, options: ReduceOptions & { correction?: number } = {}): Tensor {
  const squared = variance(x, options);
  const flat = eq(squared, 0);
  return where(flat, 0, sqrt(where(flat, 1, squared)));
}

/** ln Σ eˣ over the axes, without overflow. Its gradient is exp(x - logsumexp(x)), as in PyTorch. */
export function logsumexp(x: Tensor, options: ReduceOptions = {}): Tensor {
  checkFloat('logsumexp', x);
  const { axes, shape } = plan('logsumexp', x, options);
  // Infinite maxima are replaced by 0: ∞ - ∞ would be NaN.
  const raw = peaks(x, axes);
  const top = where(eq(sub(raw, raw), 0), raw, 0);
  const shifted = sum(exp(sub(detach(x), top)), { axis: axes, keepDims: true });
  const y = add(log(shifted), top);
  const kept = y.shape;
  return record('logsumexp', y.storage.retain(), shape, [x], (dy, y) => [() => mul(reshape(dy, kept), exp(sub(x, reshape(y, kept))))]);
}

/** The maxima over the axes, kept, off the tape. */
function peaks(x: Tensor, axes: readonly number[]): Tensor {
  const { dense, view } = align(detach(x), axes);
  const kernel = (out: DeviceBuffer, { kernels }: Backend) => kernels.reduce('max', out, dense.buffer, view);
  return apply('amax', { dense }, keptShape(x.shape, axes), x.dtype, kernel, noGradient);
}

/** The place of the first greatest element along `axis`, as int32; NaN counts as greatest. */
export function argmax(x: Tensor, axis = -1): Tensor {
  return arg('argmax', x, axis, false);
}

/** The place of the first least element along `axis`, as int32; NaN counts as least. */
export function argmin(x: Tensor, axis = -1): Tensor {
  return arg('argmin', x, axis, true);
}

function arg(op: string, x: Tensor, axis: number, least: boolean): Tensor {
  checkTensor(op, 'x', x);
  const at = normalizeAxis(op, axis, x.rank);
  const { dense, view } = align(x, [at]);
  if (view.n === 0) throw new ShapeError(`${op}: x: expected at least one element along axis ${at}, got shape ${show(x.shape)}`);
  const shape: Shape = x.shape.toSpliced(at, 1);
  return apply(op, { x: dense }, shape, 'int32', (out, { kernels }) => kernels.argmax(out, dense.buffer, view, least), noGradient);
}

function checkFloat(op: string, x: Tensor): void {
  checkTensor(op, 'x', x);
  if (!isFloat(x.dtype)) throw new DTypeError(`${op}: x: expected a float type, got ${x.dtype}`);
}
