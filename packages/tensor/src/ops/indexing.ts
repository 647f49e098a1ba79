import { record } from '../autograd.js';
import type { DType } from '../dtype.js';
import { ShapeError, ValueError } from '../errors.js';
import { normalizeAxis, show } from '../shape.js';
import { commonBackend, type Tensor } from '../tensor.js';
import { eq, where } from './compare.js';
import { arange } from './create.js';
import { checkAlong, checkIds, placesAlong, rowsAt } from './places.js';
import { gatherRows } from './rows.js';
import { cast, reshape, unsqueeze } from './view.js';

/* Elements and slices by their ids. */

export interface EmbeddingOptions {
  /** A row that gets no gradient: that of the padding token. Negative: counted from the last. */
  paddingIdx?: number;
}

/**
 * Rows of a table by their ids.
 *
 * y[..., :] = weight[ids[...], :]: weight [vocabulary, D], ids [...] to [..., D]. `ids` is int32, `weight` of any dtype.
 * Throws a DTypeError for ids of another type, a ShapeError for a table that is not a matrix, a ValueError that names the id and its place
 * if one is outside the vocabulary, or for a padding row outside it.
 * Source: torch.nn.functional.embedding.
 *
 * @example
 * embedding(tensor([[0, 1], [2, 3], [4, 5]]), tensor(Int32Array.of(2, 0, 2))); // [[4, 5], [0, 1], [4, 5]]
 */
export function embedding(weight: Tensor, ids: Tensor, options: EmbeddingOptions = {}): Tensor {
  checkIds('embedding', 'ids', ids);
  commonBackend('embedding', { weight, ids });
  if (weight.rank !== 2) throw new ShapeError(`embedding: weight: expected [vocabulary, dim], got ${show(weight.shape)}`);
  const rows = gatherRows('embedding', weight, ids);
  const { paddingIdx } = options;
  if (paddingIdx === undefined) return rows;
  const n = weight.shape[0]!;
  if (!Number.isInteger(paddingIdx) || paddingIdx < -n || paddingIdx >= n) {
    throw new ValueError(`embedding: paddingIdx: expected an integer from ${-n} to ${n - 1}, got ${paddingIdx}`);
  }
  const padding = paddingIdx < 0 ? paddingIdx + n : paddingIdx;
  return record('embedding', rows.storage.retain(), rows.shape, [rows], (dy) => [() => where(unsqueeze(eq(ids, padding), -1), 0, dy)]);
}

/**
 * The slices of `x` along `axis` that `ids` names, in their order.
 *
 * y[..., i, ...] = x[..., ids[i], ...]: [..., N, ...] with ids [n] to [..., n, ...]. `ids` is int32, `x` of any dtype.
 * Throws a DTypeError for ids of another type, a ShapeError for an axis out of range or ids of another rank than 1, a ValueError for an id
 * outside 0 … N - 1.
 * Source: torch.index_select.
 *
 * @example
 * indexSelect(tensor([[0, 1, 2], [3, 4, 5]]), 1, tensor(Int32Array.of(2, 0))); // [[2, 0], [5, 3]]
 */
export function indexSelect(x: Tensor, axis: number, ids: Tensor): Tensor {
  checkIds('indexSelect', 'ids', ids);
  commonBackend('indexSelect', { x, ids });
  if (ids.rank !== 1) throw new ShapeError(`indexSelect: ids: expected one dimension, got ${show(ids.shape)}`);
  return gatherAt('indexSelect', x, normalizeAxis('indexSelect', axis, x.rank), [ids], ['ids'], false);
}

/** Positions on the axes from `first` on, one for each of `ids`. */
export function gatherAt(op: string, x: Tensor, first: number, ids: readonly Tensor[], names: readonly string[], fromEnd: boolean): Tensor {
  const at = rowsAt(op, x.shape, first, ids, names, fromEnd);
  return reshape(gatherRows(op, reshape(x, at.rows), at.ids), at.shape);
}

/**
 * One element for each id, along `axis`.
 *
 * y[i, …, k, …] = x[i, …, ids[i, …, k, …], …]: `ids` has the rank of `x` and may be shorter along the other axes; y has its shape. `ids` is
 * int32, `x` of any dtype.
 * Throws a DTypeError for ids of another type, a ShapeError for an axis out of range or ids that do not fit (no ids at all always do), a
 * ValueError for an id outside 0 … N - 1.
 * Source: torch.gather, numpy.take_along_axis.
 *
 * @example
 * takeAlong(tensor([[0, 1, 2], [3, 4, 5]]), tensor(Int32Array.of(2, 0), { shape: [2, 1] })); // [[2], [3]]
 */
export function takeAlong(x: Tensor, ids: Tensor, axis = -1): Tensor {
  checkIds('takeAlong', 'ids', ids);
  commonBackend('takeAlong', { x, ids });
  const at = normalizeAxis('takeAlong', axis, x.rank);
  const flat = reshape(x, [x.size]);
  if (ids.size === 0) return gatherRows('takeAlong', flat, ids);
  checkAlong('takeAlong', x.shape, ids, at);
  return gatherRows('takeAlong', flat, placesAlong('takeAlong', x.shape, ids, at));
}

/**
 * The slices of `x` along `axis` that ids of any shape name, or, without an axis, single elements counted row by row.
 *
 * y[..., i, j, ...] = x[..., ids[i, j], ...]: [..., N, ...] with ids [I, J] to [..., I, J, ...]; without an axis [I, J]. Negative ids count
 * from the end. `ids` is int32, `x` of any dtype.
 * Throws a DTypeError for ids of another type, a ShapeError for an axis out of range, a ValueError for an id outside -N … N - 1.
 * Source: numpy.take; without an axis torch.take.
 *
 * @example
 * take(tensor([[0, 1], [2, 3]]), tensor(Int32Array.of(3, -4))); // [3, 0]
 * take(tensor([[0, 1], [2, 3]]), tensor(Int32Array.of(1, 1, 0)), 1); // [[1, 1, 0], [3, 3, 2]]
 */
export function take(x: Tensor, ids: Tensor, axis?: number): Tensor {
  checkIds('take', 'ids', ids);
  commonBackend('take', { x, ids });
  if (axis === undefined) return gatherAt('take', reshape(x, [x.size]), 0, [ids], ['ids'], true);
  return gatherAt('take', x, normalizeAxis('take', axis, x.rank), [ids], ['ids'], true);
}

/**
 * For each id a vector that is 1 at its place and 0 elsewhere.
 *
 * y[..., c] = 1 if ids[...] = c, else 0: [...] to [..., classes]. `ids` is int32; y is int32, or of the `dtype` asked for.
 * Throws a DTypeError for ids of another type, a ValueError for an id outside 0 … classes - 1 or a number of classes that is no integer
 * from 1.
 * Source: torch.nn.functional.one_hot.
 *
 * @example
 * oneHot(tensor(Int32Array.of(2, 0)), 3); // [[0, 0, 1], [1, 0, 0]]
 */
export function oneHot(ids: Tensor, classes: number, options: { dtype?: DType } = {}): Tensor {
  checkIds('oneHot', 'ids', ids);
  if (!Number.isInteger(classes) || classes < 1) throw new ValueError(`oneHot: classes: expected a positive integer, got ${classes}`);
  const all = arange(0, classes, 1, { backend: ids.backend, dtype: 'int32' });
  // Looking the ids up in all of them checks them.
  return cast(eq(unsqueeze(gatherRows('oneHot', all, ids), -1), all), options.dtype ?? 'int32');
}
