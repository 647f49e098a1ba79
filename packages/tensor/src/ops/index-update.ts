import { DTypeError, ShapeError } from '../errors.js';
import { normalizeAxis, sameShape, show } from '../shape.js';
import { commonBackend, type Tensor } from '../tensor.js';
import { mul } from './arithmetic.js';
import { checkIds, rowsAt } from './places.js';
import { addRows, putRows, repeated } from './rows.js';
import { reshape } from './view.js';

/* Whole slices written to the places on an axis that ids name: the counterpart of `indexSelect`. Nothing changes in place, a copy does. */

type Rows = typeof putRows;

function updated(op: string, rows: Rows, x: Tensor, axis: number, ids: Tensor, source: Tensor | number): Tensor {
  checkIds(op, 'ids', ids);
  commonBackend(op, { x, ids, source: typeof source === 'number' ? null : source });
  if (ids.rank !== 1) throw new ShapeError(`${op}: ids: expected one dimension, got ${show(ids.shape)}`);
  const at = rowsAt(op, x.shape, normalizeAxis(op, axis, x.rank), [ids], ['ids'], false);
  const slices = typeof source === 'number' ? repeated(op, 'value', source, x, at.shape) : source;
  if (slices.dtype !== x.dtype) throw new DTypeError(`${op}: source: expected ${x.dtype} as x, got ${slices.dtype}`);
  if (!sameShape(slices.shape, at.shape)) {
    throw new ShapeError(
      `${op}: source: expected ${show(at.shape)} for x ${show(x.shape)} and ids ${show(ids.shape)}, got ${show(slices.shape)}`,
    );
  }
  const y = rows(op, reshape(x, at.rows), at.ids, reshape(slices, [...at.ids.shape, at.rows[1]!]));
  return reshape(y, x.shape);
}

/**
 * A copy of `x` with `alpha` times the slices of `source` added to those that `ids` names along `axis`.
 *
 * y[..., ids[i], ...] += α · source[..., i, ...], for each i: x [..., N, ...], ids [n], source [..., n, ...] to [..., N, ...]. `ids` is int32, `x`
 * a float type or int32, `source` of the same.
 * Throws a DTypeError for other types, a ShapeError for an axis out of range, ids of another rank than 1 or a source of another shape, a
 * ValueError for an id outside 0 … N - 1.
 * Source: torch.index_add.
 *
 * @example
 * indexAdd(tensor([1, 1, 1]), 0, tensor(Int32Array.of(0, 2, 0)), tensor([1, 2, 3]), { alpha: 10 }); // [41, 1, 21]
 */
export function indexAdd(x: Tensor, axis: number, ids: Tensor, source: Tensor, options: { alpha?: number } = {}): Tensor {
  const { alpha = 1 } = options;
  return updated('indexAdd', addRows, x, axis, ids, alpha === 1 ? source : mul(source, alpha));
}

/**
 * A copy of `x` with the slices of `source` in place of those that `ids` names along `axis`.
 *
 * y[..., ids[i], ...] = source[..., i, ...], else y = x: x [..., N, ...], ids [n], source [..., n, ...] to [..., N, ...]. Where one place is named twice the
 * last one wins, and it alone has a gradient. `ids` is int32, `x` of any dtype, `source` of the same.
 * Throws as `indexAdd`, but takes bool.
 * Source: torch.index_copy.
 *
 * @example
 * indexCopy(tensor([[1, 1], [2, 2]]), 0, tensor(Int32Array.of(1)), tensor([[7, 8]])); // [[1, 1], [7, 8]]
 */
export function indexCopy(x: Tensor, axis: number, ids: Tensor, source: Tensor): Tensor {
  return updated('indexCopy', putRows, x, axis, ids, source);
}

/**
 * A copy of `x` with `value` in the slices that `ids` names along `axis`.
 *
 * y[..., ids[i], ...] = value, else y = x: x [..., N, ...], ids [n] to [..., N, ...]. `ids` is int32, `x` of any dtype.
 * Throws a DTypeError for ids of another type or a fraction beside int32, a ShapeError for an axis out of range or ids of another rank than
 * 1, a ValueError for an id outside 0 … N - 1.
 * Source: torch.index_fill.
 *
 * @example
 * indexFill(tensor([[1, 1], [2, 2]]), 1, tensor(Int32Array.of(0)), 9); // [[9, 1], [9, 2]]
 */
export function indexFill(x: Tensor, axis: number, ids: Tensor, value: number): Tensor {
  return updated('indexFill', putRows, x, axis, ids, value);
}
