import { DTypeError, ShapeError } from '../errors.js';
import { broadcastShapes, contiguousStrides, type Shape, show, sizeOf } from '../shape.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { add } from './arithmetic.js';
import { lt, where } from './compare.js';
import { tensor } from './create.js';
import { gatherRows } from './rows.js';

/* Ids along axes, as ids of rows: what `rows.ts` wants. */

export function checkIds(op: string, name: string, ids: Tensor): void {
  checkTensor(op, name, ids);
  if (ids.dtype !== 'int32') throw new DTypeError(`${op}: ${name}: expected int32, got ${ids.dtype}`);
}

/** An axis that ids are looked up in, and what error messages call the two. */
export interface Lookup {
  readonly op: string;
  readonly name: string;
  readonly shape: Shape;
  readonly axis: number;
  /** True: ids from -n count from the end. */
  readonly fromEnd: boolean;
}

/** id · step for each of `ids`, once they have proved to be in the axis. A table that is looked up does both at once. */
function steps(ids: Tensor, step: number, lookup: Lookup): Tensor {
  const { op, name, shape, axis, fromEnd } = lookup;
  const n = shape[axis]!;
  const table = tensor(
    Int32Array.from({ length: n }, (_, i) => i * step),
    { backend: ids.backend },
  );
  const range = `integers from ${fromEnd ? -n : 0} to ${n - 1} for axis ${axis} of ${show(shape)}${fromEnd ? ` (to negative ones ${n} is added)` : ''}`;
  return gatherRows(`${op}: ${name}: expected ${range}`, table, fromEnd ? counted(ids, n) : ids);
}

/** Negative ids from the end of n as those from the start. */
function counted(ids: Tensor, n: number): Tensor {
  return where(lt(ids, 0), add(ids, n), ids);
}

/** 0, step, 2 · step … along `axis` of an array of `rank` dimensions. */
function ramp(like: Tensor, n: number, step: number, rank: number, axis: number): Tensor {
  const shape = Array.from({ length: rank }, (_, i) => (i === axis ? n : 1));
  const data = Int32Array.from({ length: n }, (_, i) => i * step);
  return tensor(data, { backend: like.backend, shape });
}

/**
 * The places, in an array of `shape` that lies row by row, of its elements [i, …, ids[i, …, k, …], …]: each id stands for a position on
 * `axis`, its own place for all the others.
 */
export function placesAlong(op: string, shape: Shape, ids: Tensor, axis: number): Tensor {
  const strides = contiguousStrides(shape);
  let flat = steps(ids, strides[axis]!, { op, name: 'ids', shape, axis, fromEnd: false });
  ids.shape.forEach((n, i) => {
    if (i !== axis && n !== 1) flat = add(flat, ramp(ids, n, strides[i]!, ids.rank, i));
  });
  return flat;
}

/** Throws unless the ids of `placesAlong` fit an array of `shape`: its rank, and at most its lengths along all other axes. */
export function checkAlong(op: string, shape: Shape, ids: Tensor, axis: number): void {
  if (ids.rank === shape.length && ids.shape.every((n, i) => i === axis || n <= shape[i]!)) return;
  throw new ShapeError(
    `${op}: ids: expected ${shape.length} dimensions, no longer than those of x ${show(shape)} but for axis ${axis}, got ${show(ids.shape)}`,
  );
}

/** An array seen as rows [outer · K, inner], where K counts the positions on neighbouring axes that are indexed together. */
export interface RowView {
  /** The row of each position: [outer, ...ids] where there are axes in front of those indexed, else [...ids]. */
  readonly ids: Tensor;
  readonly rows: Shape;
  /** The lengths in front of the indexed axes, of the ids, and behind the axes. */
  readonly shape: Shape;
}

/** The axes from `first` on, one for each of `ids`, which broadcast to one shape. */
export function rowsAt(
  op: string,
  shape: Shape,
  first: number,
  ids: readonly Tensor[],
  names: readonly string[],
  fromEnd: boolean,
): RowView {
  const [lead, middle, tail] = [shape.slice(0, first), shape.slice(first, first + ids.length), shape.slice(first + ids.length)];
  const [outer, inner] = [sizeOf(lead), sizeOf(tail)];
  const together = ids.reduce<Shape>((common, t) => broadcastShapes(op, common, t.shape), []);
  const strides = contiguousStrides(middle);
  const rows = [outer * sizeOf(middle), inner];
  const result = [...lead, ...together, ...tail];
  // One axis and nothing in front: the ids are the rows, and the kernel checks them.
  if (outer === 1 && ids.length === 1) return { ids: fromEnd ? counted(ids[0]!, rows[0]!) : ids[0]!, rows, shape: result };
  const parts = ids.map((t, i) => steps(t, strides[i]!, { op, name: names[i]!, shape, axis: first + i, fromEnd }));
  const flat = parts.reduce((a, b) => add(a, b));
  return { ids: outer === 1 ? flat : add(flat, ramp(flat, outer, sizeOf(middle), flat.rank + 1, 0)), rows, shape: result };
}
