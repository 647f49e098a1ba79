import { apply, broadcastTo, compute, contiguous, noGradient, record } from '../autograd.js';
import type { ScatterOp } from '../backend.js';
import type { DType } from '../dtype.js';
import { DTypeError, ValueError } from '../errors.js';
import { contiguousStrides, type Shape, sizeOf } from '../shape.js';
import type { Storage } from '../storage.js';
import type { Tensor } from '../tensor.js';
import { eq, where } from './compare.js';
import { arange, full, zeros, zerosLike } from './create.js';
import { reshape } from './view.js';

/*
 * Rows of a table [n, ...] by int32 ids of any shape: reading them, writing them, adding to them. All indexing ends here, once `places.ts`
 * has made rows and ids of it. Ids outside 0 … n - 1 throw a ValueError.
 */

/** out[i] = table[ids[i]]: [...ids, ...]. */
export function gatherRows(op: string, table: Tensor, ids: Tensor): Tensor {
  const [rows, flat] = [contiguous(table), contiguous(ids)];
  const width = sizeOf(table.shape.slice(1));
  return apply(
    op,
    { table: rows, ids: flat },
    [...ids.shape, ...table.shape.slice(1)],
    table.dtype,
    (out, { kernels }) => naming(op, () => kernels.gather(out, rows.buffer, flat.buffer, width)),
    (dy) => [() => scatterRows(dy, flat, rows.shape), null],
  );
}

/** Runs a kernel that checks ids, and puts in front of its complaint the name of the operation. */
function naming(op: string, kernel: () => void): void {
  try {
    kernel();
  } catch (error) {
    throw error instanceof ValueError ? new ValueError(`${op}: ${error.message}`) : error;
  }
}

/** Zeros of `shape` with the rows of `x` added at `ids`: the adjoint of `gatherRows`. */
export function scatterRows(x: Tensor, ids: Tensor, shape: Shape): Tensor {
  const [dense, flat] = [contiguous(x), contiguous(ids)];
  const out = compute(dense.backend, shape, dense.dtype, (buffer, { kernels }) => {
    kernels.fill(buffer, 0);
    kernels.scatter('sum', buffer, dense.buffer, flat.buffer, sizeOf(shape.slice(1)));
  });
  return record('scatterRows', out, shape, [dense], (dy) => [() => gatherRows('gather', dy, flat)]);
}

/** A copy of `table` in which the rows of `source` have been reduced into those that `ids` name, one after the other. */
export function scattered(op: string, reduction: ScatterOp, table: Tensor, ids: Tensor, source: Tensor): Storage {
  const [rows, flat] = [contiguous(source), contiguous(ids)];
  return compute(table.backend, table.shape, table.dtype, (out, { kernels }) => {
    const [to, from] = [
      { offset: 0, strides: contiguousStrides(table.shape) },
      { offset: table.offset, strides: table.strides },
    ];
    kernels.copy(table.shape, out, to, table.buffer, from);
    naming(op, () => kernels.scatter(reduction, out, rows.buffer, flat.buffer, sizeOf(table.shape.slice(1))));
  });
}

/** A copy of `table` with the rows of `source` [...ids, ...] in place of those that `ids` name; the last wins where one is named twice. */
export function putRows(op: string, table: Tensor, ids: Tensor, source: Tensor): Tensor {
  return record(op, scattered(op, 'set', table, ids, source), table.shape, [table, source], (dy) => [
    () => putRows(op, dy, ids, zerosLike(source)),
    () => where(lasting(ids, source, table.shape[0]!), gatherRows(op, dy, ids), 0),
  ]);
}

/** True for the rows of `source` that no later one has replaced. */
function lasting(ids: Tensor, source: Tensor, n: number): Tensor {
  const like = { backend: ids.backend, dtype: 'int32' } as const;
  const turns = reshape(arange(0, ids.size, 1, like), ids.shape);
  const last = record('scatter', scattered('scatter', 'set', zeros([n], like), ids, turns), [n], [], noGradient);
  const won = eq(gatherRows('gather', last, ids), turns);
  return reshape(won, [...ids.shape, ...Array<number>(source.rank - ids.rank).fill(1)]);
}

/** A copy of `table` with the rows of `source` [...ids, ...] added to those that `ids` name. */
export function addRows(op: string, table: Tensor, ids: Tensor, source: Tensor): Tensor {
  if (table.dtype === 'bool') throw new DTypeError(`${op}: x: expected numbers, got bool; use cast(x, 'int32')`);
  return record(op, scattered(op, 'sum', table, ids, source), table.shape, [table, source], (dy) => [dy, () => gatherRows(op, dy, ids)]);
}

/** A number that is written to every place of `shape`, as a tensor like `x`. */
export function repeated(op: string, name: string, value: number, x: Tensor, shape: Shape): Tensor {
  checkValue(op, name, value, x.dtype);
  return broadcastTo(full([], value, { dtype: x.dtype, backend: x.backend }), shape);
}

/** Throws a DTypeError where a tensor of `dtype` cannot hold `value`. */
export function checkValue(op: string, name: string, value: number, dtype: DType): void {
  const fits = dtype === 'bool' ? value === 0 || value === 1 : dtype !== 'int32' || Number.isInteger(value);
  if (!fits) throw new DTypeError(`${op}: ${name}: expected ${dtype === 'bool' ? '0 or 1' : 'an integer'} beside ${dtype}, got ${value}`);
}
