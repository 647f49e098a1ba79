import { apply, broadcastTo, contiguous, detach, noGradient, record } from '../autograd.js';
import type { AxisView, Backend, DeviceBuffer, ReduceOp } from '../backend.js';
import { ShapeError } from '../errors.js';
import { normalizeAxes, type Shape, show, sizeOf } from '../shape.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { add, div, mul, square, sub } from './arithmetic.js';
import { eq, where } from './compare.js';
import { checkFloat, checkNumbers } from './elementwise.js';
import { exp, log, sqrt } from './math.js';
import { cast, permute, reshape } from './view.js';

/*
 * Reductions over any axes. `axis` names one or several, from -rank to rank - 1; all are meant if it is left out, none by an empty list.
 * A scalar has no axis (PyTorch lets it have 0 and -1).
 * Float sums are blocked or pairwise, so that their rounding errors do not grow with the number of terms.
 */

export interface ReduceOptions {
  /** The axes to reduce; all of them if left out. */
  axis?: number | readonly number[];
  /** True leaves the reduced axes in place with length 1. */
  keepDims?: boolean;
}

/** The axes of a reduction, how many elements each result takes, and the shape of the result. */
export function plan(op: string, x: Tensor, options: ReduceOptions): { axes: number[]; n: number; shape: number[] } {
  checkTensor(op, 'x', x);
  const axes = normalizeAxes(op, options.axis, x.rank);
  const shape = options.keepDims ? keptShape(x.shape, axes) : x.shape.filter((_, i) => !axes.includes(i));
  return { axes, n: sizeOf(axes.map((i) => x.shape[i]!)), shape };
}

export function keptShape(shape: Shape, axes: readonly number[]): number[] {
  return shape.map((n, i) => (axes.includes(i) ? 1 : n));
}

/** `x` with the axes side by side (moved to the end if they are apart), contiguous, and seen as [outer, n, inner]. */
export function align(x: Tensor, axes: readonly number[]): { dense: Tensor; axes: readonly number[]; view: AxisView } {
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
  checkNumbers(name, x);
  const { axes: wanted, shape } = plan(name, x, options);
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

/**
 * Σ x over the axes: 0 over nothing. Floats or int32, which wraps around at ±2³¹; the result has the dtype of `x`. Throws a ShapeError for
 * axes that are out of range or named twice, a DTypeError for bool: `sum(cast(x, 'int32'))` counts.
 *
 * @example
 * sum(tensor([[1, 2], [3, 4]])); // 10
 * sum(tensor([[1, 2], [3, 4]]), { axis: 1, keepDims: true }); // [[3], [7]]
 */
export function sum(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduce('sum', 'sum', x, options, (_x, _y, dy) => dy);
}

/**
 * Σ x / n over the axes, n elements: NaN over nothing. Floats only; throws a DTypeError for another dtype, a ShapeError as `sum` does.
 *
 * @example
 * mean(tensor([[1, 2], [3, 6]]), { axis: -1 }); // [1.5, 4.5]
 */
export function mean(x: Tensor, options: ReduceOptions = {}): Tensor {
  checkFloat('mean', x);
  return div(sum(x, options), plan('mean', x, options).n);
}

/**
 * The greatest element along the axes. NaN counts as greatest, and elements that tie share the gradient evenly; `max` gives it to the first.
 * Floats or int32. Throws a ShapeError over nothing, which has none, and as `sum` does.
 *
 * @example
 * amax(tensor([[1, 4], [3, 2]]), { axis: 0 }); // [3, 4]
 */
export function amax(x: Tensor, options: ReduceOptions = {}): Tensor {
  return extreme('max', 'amax', x, options);
}

/**
 * The least element along the axes. NaN counts as least, and elements that tie share the gradient evenly; `min` gives it to the first.
 * Floats or int32. Throws a ShapeError over nothing, which has none, and as `sum` does.
 *
 * @example
 * amin(tensor([[1, 4], [3, 2]]), { axis: 0 }); // [1, 2]
 */
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

/**
 * Π x over the axes: 1 over nothing. Its gradient is right where there are zeros, too. Floats or int32, which wraps around at ±2³¹.
 * Errors as for `sum`.
 *
 * @example
 * prod(tensor([[1, 2], [3, 4]]), { axis: 1 }); // [2, 12]
 */
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

/**
 * Whether anything along the axes is true: false over nothing. Of numbers, everything but 0 is true, NaN included. The result is bool.
 * Throws a ShapeError as `sum` does.
 *
 * @example
 * any(tensor([[0, 0], [0, 3]]), { axis: 1 }); // [false, true]
 */
export function any(x: Tensor, options: ReduceOptions = {}): Tensor {
  return truth('max', 'any', x, options);
}

/**
 * Whether everything along the axes is true: true over nothing. Of numbers, everything but 0 is true, NaN included. The result is bool.
 * Throws a ShapeError as `sum` does.
 *
 * @example
 * all(tensor([[0, 1], [2, 3]]), { axis: 1 }); // [false, true]
 */
export function all(x: Tensor, options: ReduceOptions = {}): Tensor {
  return truth('min', 'all', x, options);
}

function truth(op: 'max' | 'min', name: string, x: Tensor, options: ReduceOptions): Tensor {
  const { axes, shape } = plan(name, x, options);
  const { dense, view } = align(cast(x, 'bool'), axes);
  return apply(name, { x: dense }, shape, 'bool', (out, { kernels }) => kernels.reduce(op, out, dense.buffer, view), noGradient);
}

/**
 * The variance over the axes, Σ(x - mean)² / max(0, n - correction) of n elements. `correction` is 1 if left out, as in PyTorch, and 0 gives the
 * biased one. NaN over nothing, and over one element with correction 1. Floats only; errors as for `mean`.
 *
 * @example
 * variance(tensor([1, 2, 3, 4])); // 1.6667
 * variance(tensor([1, 2, 3, 4]), { correction: 0 }); // 1.25
 */
export function variance(x: Tensor, options: ReduceOptions & { correction?: number } = {}): Tensor {
  checkFloat('variance', x);
  const { n } = plan('variance', x, options);
  const centered = sub(x, mean(x, { axis: options.axis, keepDims: true }));
  return div(sum(square(centered), options), Math.max(0, n - (options.correction ?? 1)));
}

/**
 * The standard deviation over the axes, √variance, with its options and errors. Its gradient is 0 where all elements are equal, as in PyTorch.
 *
 * @example
 * std(tensor([1, 2, 3, 4]), { correction: 0 }); // 1.118
 */
export function std(x: Tensor, options: ReduceOptions & { correction?: number } = {}): Tensor {
  checkFloat('std', x);
  const squared = variance(x, options);
  const flat = eq(squared, 0);
  return where(flat, 0, sqrt(where(flat, 1, squared)));
}

/**
 * ln Σ eˣ over the axes, without overflow: -∞ over nothing and over -∞. Its gradient is exp(x - logsumexp(x)), as in PyTorch. Floats only;
 * errors as for `mean`.
 *
 * @example
 * logsumexp(tensor([100, 100])); // 100.6931
 */
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
