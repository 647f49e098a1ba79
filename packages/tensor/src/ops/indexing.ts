import { apply, compute, contiguous, record } from '../autograd.js';
import { DTypeError, ShapeError } from '../errors.js';
import { normalizeAxis, show, sizeOf } from '../shape.js';
import { checkTensor, commonBackend, type Tensor } from '../tensor.js';
import { add, mul, sub } from './arithmetic.js';
import { ge, le, logicalAnd, lt, where } from './compare.js';
import { arange } from './create.js';
import { reshape, transpose } from './view.js';

function checkIds(op: string, ids: Tensor): void {
  checkTensor(op, 'ids', ids);
  if (ids.dtype !== 'int32') throw new DTypeError(`${op}: ids: expected int32, got ${ids.dtype}`);
}

/** Rows of `table` [n, ...] by int32 `ids` of any shape: [...ids, ...]. Ids outside 0 … n - 1 throw a ValueError. */
function gatherRows(op: string, table: Tensor, ids: Tensor): Tensor {
  const [rows, flat] = [contiguous(table), contiguous(ids)];
  const width = sizeOf(table.shape.slice(1));
  return apply(
    op,
    { table: rows, ids: flat },
    [...ids.shape, ...table.shape.slice(1)],
    table.dtype,
    (out, { kernels }) => kernels.gather(out, rows.buffer, flat.buffer, width),
    (dy) => [() => scatterRows(dy, flat, rows.shape), null],
  );
}

/** Zeros of `shape` with the rows `x` added at `ids`: the adjoint of `gatherRows`. */
function scatterRows(x: Tensor, ids: Tensor, shape: readonly number[]): Tensor {
  const dense = contiguous(x);
  const out = compute(dense.backend, shape, dense.dtype, (buffer, { kernels }) => {
    kernels.fill(buffer, 0);
    kernels.scatter('sum', buffer, dense.buffer, ids.buffer, sizeOf(shape.slice(1)));
  });
  return record('scatterRows', out, shape, [dense], (dy) => [() => gatherRows('gather', dy, ids)]);
}

/**
 * Rows of `weight` [vocabulary, dim] for int32 `ids` of any shape: [...ids, dim].
 * Throws a ValueError that names the id and its place if one is outside the vocabulary.
 *
 * @example
 * embedding(weight, tensor(new Int32Array([3, 1, 3])));
 */
export function embedding(weight: Tensor, ids: Tensor): Tensor {
  checkIds('embedding', ids);
  commonBackend('embedding', { weight, ids });
  if (weight.rank !== 2) throw new ShapeError(`embedding: weight: expected [vocabulary, dim], got ${show(weight.shape)}`);
  return gatherRows('embedding', weight, ids);
}

/** The slices of `x` along `axis` that the one-dimensional int32 `ids` name, in their order. */
export function indexSelect(x: Tensor, axis: number, ids: Tensor): Tensor {
  checkIds('indexSelect', ids);
  commonBackend('indexSelect', { x, ids });
  if (ids.rank !== 1) throw new ShapeError(`indexSelect: ids: expected one dimension, got ${show(ids.shape)}`);
  const at = normalizeAxis('indexSelect', axis, x.rank);
  const moved = at === 0 ? x : transpose(x, 0, at);
  const picked = gatherRows('indexSelect', moved, ids);
  return at === 0 ? picked : transpose(picked, 0, at);
}

/**
 * out[i][j] = x[i][ids[i][j]] along `axis`, as torch.gather and numpy.take_along_axis: `ids` has the rank of `x` and may be
 * shorter along the other axes.
 */
export function takeAlong(x: Tensor, ids: Tensor, axis = -1): Tensor {
  checkIds('takeAlong', ids);
  commonBackend('takeAlong', { x, ids });
  const at = normalizeAxis('takeAlong', axis, x.rank);
  if (ids.rank !== x.rank || ids.shape.some((n, i) => i !== at && n > x.shape[i]!)) {
    throw new ShapeError(`takeAlong: ids ${show(ids.shape)} do not fit x ${show(x.shape)} along axis ${at}`);
  }
  // Each id becomes the flat position of its element in the buffer of x.
  const dense = contiguous(x);
  let flat = mul(ids, dense.strides[at]!);
  ids.shape.forEach((n, i) => {
    if (i === at || n === 1) return;
    const places = arange(0, n, 1, { backend: ids.backend, dtype: 'int32' });
    flat = add(flat, mul(reshape(places, [n, ...ids.shape.slice(i + 1).map(() => 1)]), dense.strides[i]!));
  });
  // A wrong id could name a valid place elsewhere: -1 is one that the kernel refuses.
  const valid = logicalAnd(ge(ids, 0), lt(ids, x.shape[at]!));
  return gatherRows('takeAlong', reshape(dense, [x.size]), where(valid, flat, -1));
}

/** `x` [..., rows, columns] with everything below diagonal `k` set to 0. */
export function triu(x: Tensor, k = 0): Tensor {
  return where(ge(columnMinusRow('triu', x), k), x, 0);
}

/** `x` [..., rows, columns] with everything above diagonal `k` set to 0. */
export function tril(x: Tensor, k = 0): Tensor {
  return where(le(columnMinusRow('tril', x), k), x, 0);
}

function columnMinusRow(op: string, x: Tensor): Tensor {
  checkTensor(op, 'x', x);
  if (x.rank < 2) throw new ShapeError(`${op}: x: expected at least two dimensions, got ${show(x.shape)}`);
  const { backend } = x;
  const rows = arange(0, x.shape.at(-2)!, 1, { backend, dtype: 'int32' });
  const columns = arange(0, x.shape.at(-1)!, 1, { backend, dtype: 'int32' });
  return sub(columns, reshape(rows, [rows.size, 1]));
}
