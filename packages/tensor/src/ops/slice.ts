import { ShapeError, ValueError } from '../errors.js';
import { normalizeAxes, normalizeAxis, show } from '../shape.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { placedView } from './placed-view.js';

/* Pieces of a tensor, all of them views. Their gradients are zeros with the gradient of the piece in its place. */

/**
 * Every `step`-th element along `axis` from `start` up to but without `end`, as Python's `x[start:end:step]`. A view.
 *
 * y[..., i, ...] = x[..., start + i · step, ...]: [..., N, ...] to [..., n, ...] with n = max(0, ⌈(end - start) / step⌉). Any dtype.
 * Negative positions count from the end, those beyond the ends are clipped to them, and a negative `step` walks backwards. Left out,
 * the bounds are both ends of the axis, in the direction of `step`.
 * Throws a ShapeError for an axis out of range, a ValueError for a position that is no integer or a step of 0.
 * Source: NumPy, "Basic slicing and indexing".
 *
 * @example
 * slice(tensor([0, 1, 2, 3]), 0, 1, -1); // [1, 2]
 * slice(tensor([0, 1, 2, 3]), 0, 3, 0, -1); // [3, 2, 1]
 * slice(tensor([[0, 1, 2], [3, 4, 5]]), 1, undefined, undefined, 2); // [[0, 2], [3, 5]]
 */
export function slice(x: Tensor, axis: number, start?: number, end?: number, step = 1): Tensor {
  checkTensor('slice', 'x', x);
  const at = normalizeAxis('slice', axis, x.rank);
  const { from, count } = span(x.shape[at]!, start, end, step);
  return stepped('slice', x, at, from, count, step);
}

/** The first position of a slice of n elements, and how many it has. */
function span(n: number, start: number | undefined, end: number | undefined, step: number): { from: number; count: number } {
  if (!Number.isInteger(step) || step === 0) throw new ValueError(`slice: step: expected an integer other than 0, got ${step}`);
  const [first, last] = step > 0 ? [0, n] : [n - 1, -1];
  const [low, high] = step > 0 ? [0, n] : [-1, n - 1];
  const clip = (position: number) => Math.min(high, Math.max(low, position < 0 ? position + n : position));
  const from = start === undefined ? first : clip(start);
  const to = end === undefined ? last : clip(end);
  if (!Number.isInteger(from) || !Number.isInteger(to)) throw new ValueError(`slice: expected whole positions, got ${start} and ${end}`);
  return { from, count: Math.max(0, Math.ceil((to - from) / step)) };
}

/** `count` elements from `from`, `step` apart. */
function stepped(op: string, x: Tensor, axis: number, from: number, count: number, step: number): Tensor {
  return placedView(op, x, x.shape.with(axis, count), (strides) => ({
    offset: from * strides[axis]!,
    strides: strides.with(axis, step * strides[axis]!),
  }));
}

/**
 * `length` elements along `axis` from `start`, which all have to be there. A view.
 *
 * y[..., i, ...] = x[..., start + i, ...]: [..., N, ...] to [..., length, ...]. Any dtype. A negative `start` counts from the end.
 * Throws a ShapeError for an axis out of range, a ValueError if `start` is not in -N … N or the piece does not end within the axis.
 * Source: torch.narrow. `slice` clips instead.
 *
 * @example
 * narrow(tensor([0, 1, 2, 3]), 0, 1, 2); // [1, 2]
 * narrow(tensor([0, 1, 2, 3]), 0, -3, 3); // [1, 2, 3]
 */
export function narrow(x: Tensor, axis: number, start: number, length: number): Tensor {
  checkTensor('narrow', 'x', x);
  const at = normalizeAxis('narrow', axis, x.rank);
  const n = x.shape[at]!;
  if (!Number.isInteger(start) || start < -n || start > n) {
    throw new ValueError(`narrow: start: expected an integer from ${-n} to ${n} on axis ${at} of ${show(x.shape)}, got ${start}`);
  }
  const from = start < 0 ? start + n : start;
  if (!Number.isInteger(length) || length < 0 || from + length > n) {
    throw new ValueError(`narrow: length: expected 0 to ${n - from} from ${start} on axis ${at} of ${show(x.shape)}, got ${length}`);
  }
  return stepped('narrow', x, at, from, length, 1);
}

/**
 * One index of an axis, which is dropped. A view.
 *
 * y = x[..., index, ...]: [..., N, ...] to [..., ...]. Any dtype. A negative `index` counts from the end.
 * Throws a ShapeError for an axis out of range, a ValueError for an index out of range.
 * Source: torch.select.
 *
 * @example
 * select(tensor([[0, 1], [2, 3]]), 1, -1); // [1, 3]
 */
export function select(x: Tensor, axis: number, index: number): Tensor {
  checkTensor('select', 'x', x);
  const at = normalizeAxis('select', axis, x.rank);
  const n = x.shape[at]!;
  if (!Number.isInteger(index) || index < -n || index >= n) {
    throw new ValueError(`select: index: expected an integer from ${-n} to ${n - 1} on axis ${at} of ${show(x.shape)}, got ${index}`);
  }
  const from = index < 0 ? index + n : index;
  return placedView('select', x, x.shape.toSpliced(at, 1), (strides) => ({
    offset: from * strides[at]!,
    strides: strides.toSpliced(at, 1),
  }));
}

/**
 * Consecutive pieces along `axis`, of one size (the last may be smaller) or of the sizes given. Views.
 *
 * [..., N, ...] to [..., n₀, ...], [..., n₁, ...] … with Σ nᵢ = N. Any dtype.
 * Throws a ShapeError for an axis out of range or sizes that do not add up, a ValueError for a size that is no integer from 0 (one size
 * for all: from 1).
 * Source: torch.split.
 *
 * @example
 * split(tensor([0, 1, 2, 3, 4]), 2)[2]; // [4]
 * split(tensor([0, 1, 2, 3, 4]), [1, 4])[1]; // [1, 2, 3, 4]
 */
export function split(x: Tensor, sizes: number | readonly number[], axis = 0): Tensor[] {
  checkTensor('split', 'x', x);
  const at = normalizeAxis('split', axis, x.rank);
  const n = x.shape[at]!;
  if (typeof sizes === 'number' && !(Number.isInteger(sizes) && sizes > 0)) {
    throw new ValueError(`split: sizes: expected a positive integer, got ${sizes}`);
  }
  const list =
    typeof sizes === 'number' ? Array.from({ length: Math.max(1, Math.ceil(n / sizes)) }, (_, i) => Math.min(sizes, n - i * sizes)) : sizes;
  if (list.some((size) => !Number.isInteger(size) || size < 0)) {
    throw new ValueError(`split: sizes: expected integers from 0, got ${show(list)}`);
  }
  const total = list.reduce((sum, size) => sum + size, 0);
  if (total !== n) throw new ShapeError(`split: sizes: ${show(list)} add up to ${total}, axis ${at} of ${show(x.shape)} has ${n}`);
  const starts = runningTotals(list);
  return list.map((size, i) => stepped('split', x, at, starts[i]!, size, 1));
}

/** 0, n₀, n₀ + n₁, … */
export function runningTotals(sizes: readonly number[]): number[] {
  const totals = [0];
  for (const size of sizes) totals.push(totals.at(-1)! + size);
  return totals;
}

/**
 * At most `chunks` pieces of equal size (the last may be smaller) along `axis`. Views.
 *
 * Pieces of ⌈N / chunks⌉, so that there may be fewer than asked for. Any dtype.
 * Throws a ShapeError for an axis out of range, a ValueError for fewer than one chunk.
 * Source: torch.chunk.
 *
 * @example
 * chunk(tensor([0, 1, 2, 3, 4]), 2)[0]; // [0, 1, 2]
 */
export function chunk(x: Tensor, chunks: number, axis = 0): Tensor[] {
  checkTensor('chunk', 'x', x);
  if (!Number.isInteger(chunks) || chunks < 1) throw new ValueError(`chunk: chunks: expected a positive integer, got ${chunks}`);
  return split(x, Math.max(1, Math.ceil(x.shape[normalizeAxis('chunk', axis, x.rank)]! / chunks)), axis);
}

/**
 * The slices along `axis`, one after the other, without that axis. Views.
 *
 * yᵢ = x[..., i, ...]: [..., N, ...] to N tensors of [..., ...]. Any dtype. `stack` is its inverse.
 * Throws a ShapeError for an axis out of range.
 * Source: torch.unbind.
 *
 * @example
 * unbind(tensor([[0, 1], [2, 3]]), 1)[0]; // [0, 2]
 */
export function unbind(x: Tensor, axis = 0): Tensor[] {
  checkTensor('unbind', 'x', x);
  const at = normalizeAxis('unbind', axis, x.rank);
  return Array.from({ length: x.shape[at]! }, (_, i) => select(x, at, i));
}

/**
 * The elements in reverse order along the axes; along all of them when none are named. A view.
 *
 * y[..., i, ...] = x[..., N - 1 - i, ...]; the shape stays. Any dtype.
 * Throws a ShapeError for an axis that is out of range or named twice.
 * Source: torch.flip.
 *
 * @example
 * flip(tensor([[0, 1, 2], [3, 4, 5]]), 1); // [[2, 1, 0], [5, 4, 3]]
 * flip(tensor([[0, 1, 2], [3, 4, 5]])); // [[5, 4, 3], [2, 1, 0]]
 */
export function flip(x: Tensor, axes?: number | readonly number[]): Tensor {
  checkTensor('flip', 'x', x);
  const reversed = normalizeAxes('flip', axes, x.rank);
  return placedView('flip', x, x.shape, (strides) => ({
    offset: reversed.reduce((offset, axis) => offset + (x.shape[axis]! - 1) * strides[axis]!, 0),
    strides: strides.map((stride, axis) => (reversed.includes(axis) ? -stride : stride)),
  }));
}
