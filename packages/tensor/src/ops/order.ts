import { apply, contiguous, noGradient } from '../autograd.js';
import { ValueError } from '../errors.js';
import { normalizeAxis, show, sizeOf } from '../shape.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { takeAlong } from './indexing.js';

/* Elements in the order of their values. NaN is greater than all others, and equals stand in the order of their places. */

export interface Ordered {
  readonly values: Tensor;
  /** Where along the axis each value was; int32. */
  readonly indices: Tensor;
}

export interface TopkOptions {
  axis?: number;
  /** False: the least ones. */
  largest?: boolean;
}

/**
 * The `k` greatest (or least) elements along an axis, in order, and where they were.
 *
 * values[..., i, ...] = x[..., indices[..., i, ...], ...]: [..., N, ...] to [..., k, ...] twice. The greatest come first, with `largest: false` the
 * least; the axis is the last one if left out. NaN is greatest; equals stand in the order of their places. Any dtype. Gradients go to the
 * elements that were taken.
 * Throws a ShapeError for an axis out of range, a ValueError for a k that is no integer from 0 to N.
 * Source: torch.topk, which need not sort.
 *
 * @example
 * topk(tensor([1, 4, 2, 3]), 2).values; // [4, 3]
 * topk(tensor([1, 4, 2, 3]), 2, { largest: false }).indices; // [0, 2]
 */
export function topk(x: Tensor, k: number, options: TopkOptions = {}): Ordered {
  const { axis = -1, largest = true } = options;
  return ordered('topk', x, k, axis, largest);
}

export interface SortOptions {
  axis?: number;
  /** True: the greatest first. */
  descending?: boolean;
}

/**
 * The elements along an axis in rising (or falling) order, and where they were.
 *
 * values[..., i, ...] = x[..., indices[..., i, ...], ...], with values rising along the axis, the last one if left out; the shape stays. The order
 * is stable: equals stay in the order of their places, falling too. NaN is greatest. Any dtype. Each element gets the gradient of its
 * place.
 * Throws a ShapeError for an axis out of range.
 * Source: torch.sort.
 *
 * @example
 * sort(tensor([3, 1, 2])).values; // [1, 2, 3]
 * sort(tensor([3, 1, 2]), { descending: true }).indices; // [0, 2, 1]
 */
export function sort(x: Tensor, options: SortOptions = {}): Ordered {
  const { axis = -1, descending = false } = options;
  return ordered('sort', x, null, axis, descending);
}

/**
 * Where the elements along an axis are, in rising (or falling) order: the `indices` of `sort`.
 *
 * y[..., i, ...] is the place of the element that has i others before it; the shape stays, and y is int32. Any dtype, no gradient.
 * Throws a ShapeError for an axis out of range.
 * Source: torch.argsort, numpy.argsort.
 *
 * @example
 * argsort(tensor([3, 1, 2])); // [1, 2, 0]
 */
export function argsort(x: Tensor, options: SortOptions = {}): Tensor {
  const { axis = -1, descending = false } = options;
  checkTensor('argsort', 'x', x);
  return places('argsort', x, null, normalizeAxis('argsort', axis, x.rank), descending);
}

function ordered(op: string, x: Tensor, k: number | null, axis: number, greatestFirst: boolean): Ordered {
  checkTensor(op, 'x', x);
  const at = normalizeAxis(op, axis, x.rank);
  const indices = places(op, x, k, at, greatestFirst);
  return { values: takeAlong(x, indices, at), indices };
}

/** The places of the first k elements in order, of all for null. */
function places(op: string, x: Tensor, k: number | null, axis: number, greatestFirst: boolean): Tensor {
  const n = x.shape[axis]!;
  if (k !== null && !(Number.isInteger(k) && k >= 0 && k <= n)) {
    throw new ValueError(`${op}: k: expected an integer from 0 to ${n} on axis ${axis} of ${show(x.shape)}, got ${k}`);
  }
  const dense = contiguous(x);
  const view = { outer: sizeOf(x.shape.slice(0, axis)), n, inner: sizeOf(x.shape.slice(axis + 1)) };
  const shape = x.shape.with(axis, k ?? n);
  return apply(
    op,
    { x: dense },
    shape,
    'int32',
    (out, { kernels }) => kernels.topk(out, dense.buffer, view, k ?? n, !greatestFirst),
    noGradient,
  );
}
