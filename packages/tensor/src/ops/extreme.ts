import { apply, noGradient } from '../autograd.js';
import { ShapeError } from '../errors.js';
import { normalizeAxis, show } from '../shape.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { takeAlong } from './indexing.js';
import { align } from './reduce.js';
import { squeeze, unsqueeze } from './view.js';

/* Where along an axis the greatest and least elements are, and what they are. */

/** Elements and their places along an axis. */
export interface ValuesAndIndices {
  values: Tensor;
  /** int32 */
  indices: Tensor;
}

export interface ExtremeOptions {
  /** The axis to look along; the last one if left out. */
  axis?: number;
  /** True leaves that axis in place with length 1. */
  keepDims?: boolean;
}

/**
 * The greatest element along one axis and its place, the first if several tie; NaN counts as greatest. `values` have the dtype of `x` and
 * `indices` are int32, both [...] without the axis. The gradient goes to the one place only; `amax` shares it.
 * Throws a ShapeError for an axis out of range or of length 0.
 *
 * @example
 * max(tensor([[1, 4, 4], [3, 2, 1]])).values; // [4, 3]
 * max(tensor([[1, 4, 4], [3, 2, 1]])).indices; // [1, 0]
 */
export function max(x: Tensor, options: ExtremeOptions = {}): ValuesAndIndices {
  return extreme('max', x, options, false);
}

/**
 * The least element along one axis and its place, the first if several tie; NaN counts as least. Results, gradient and errors as for `max`.
 *
 * @example
 * min(tensor([[1, 4, 4], [3, 2, 1]]), { axis: 0 }).values; // [1, 2, 1]
 * min(tensor([[1, 4, 4], [3, 2, 1]]), { axis: 0 }).indices; // [0, 1, 1]
 */
export function min(x: Tensor, options: ExtremeOptions = {}): ValuesAndIndices {
  return extreme('min', x, options, true);
}

function extreme(op: string, x: Tensor, { axis = -1, keepDims = false }: ExtremeOptions, least: boolean): ValuesAndIndices {
  const found = place(op, x, axis, least);
  const at = normalizeAxis(op, axis, x.rank);
  const indices = unsqueeze(found, at);
  const values = takeAlong(x, indices, at);
  return keepDims ? { values, indices } : { values: squeeze(values, at), indices: found };
}

/**
 * The place of the greatest element along `axis`, the first if several tie, as int32 without that axis; NaN counts as greatest. Any dtype.
 * Throws a ShapeError for an axis out of range or of length 0.
 *
 * @example
 * argmax(tensor([[1, 4, 4], [3, 2, 1]])); // [1, 0]
 */
export function argmax(x: Tensor, axis = -1): Tensor {
  return place('argmax', x, axis, false);
}

/**
 * The place of the least element along `axis`, the first if several tie, as int32 without that axis; NaN counts as least. Any dtype.
 * Throws a ShapeError for an axis out of range or of length 0.
 *
 * @example
 * argmin(tensor([[1, 4, 4], [3, 2, 1]])); // [0, 2]
 */
export function argmin(x: Tensor, axis = -1): Tensor {
  return place('argmin', x, axis, true);
}

function place(op: string, x: Tensor, axis: number, least: boolean): Tensor {
  checkTensor(op, 'x', x);
  const at = normalizeAxis(op, axis, x.rank);
  const { dense, view } = align(x, [at]);
  if (view.n === 0) throw new ShapeError(`${op}: x: expected at least one element along axis ${at}, got shape ${show(x.shape)}`);
  const shape = x.shape.toSpliced(at, 1);
  return apply(op, { x: dense }, shape, 'int32', (out, { kernels }) => kernels.argmax(out, dense.buffer, view, least), noGradient);
}
