import { record } from '../autograd.js';
import { isFloat } from '../dtype.js';
import { DTypeError, ShapeError, ValueError } from '../errors.js';
import { normalizeAxis, type Shape, show } from '../shape.js';
import { commonBackend, type Tensor } from '../tensor.js';
import { div, maximum, mul } from './arithmetic.js';
import { eq, where } from './compare.js';
import { full, onesLike } from './create.js';
import { like } from './elementwise.js';
import { checkAlong, checkIds, placesAlong } from './places.js';
import { addRows, gatherRows, putRows, repeated, scattered } from './rows.js';
import { narrow } from './slice.js';
import { cast, reshape } from './view.js';

/*
 * Elements written to the places that ids name along an axis: the counterpart of `takeAlong`. Nothing changes in place, a copy of `x` does.
 */

/** `x`, the source and the ids in one row each, and the way back. */
interface Flat {
  readonly x: Tensor;
  readonly ids: Tensor;
  readonly source: Tensor;
  readonly shape: Shape;
}

function flattened(op: string, x: Tensor, axis: number, ids: Tensor, given: Tensor | number): Flat {
  checkIds(op, 'ids', ids);
  commonBackend(op, { x, ids, source: typeof given === 'number' ? null : given });
  const at = normalizeAxis(op, axis, x.rank);
  if (ids.size > 0) checkAlong(op, x.shape, ids, at);
  const source = typeof given === 'number' ? repeated(op, 'source', given, x, ids.shape) : fitted(op, x, ids, given);
  const places = ids.size > 0 ? placesAlong(op, x.shape, ids, at) : ids;
  return { x: reshape(x, [x.size]), ids: reshape(places, [ids.size]), source: reshape(source, [ids.size]), shape: x.shape };
}

/** The part of the source that there are ids for. */
function fitted(op: string, x: Tensor, ids: Tensor, source: Tensor): Tensor {
  if (source.dtype !== x.dtype) throw new DTypeError(`${op}: source: expected ${x.dtype} as x, got ${source.dtype}`);
  if (source.rank !== ids.rank || ids.shape.some((n, i) => n > source.shape[i]!)) {
    throw new ShapeError(`${op}: source: expected at least the lengths of ids ${show(ids.shape)}, got ${show(source.shape)}`);
  }
  return ids.shape.reduce((part, n, i) => (n === part.shape[i] ? part : narrow(part, i, 0, n)), source);
}

/**
 * A copy of `x` with the elements of `source` at the places that `ids` names along `axis`.
 *
 * y[i, …, ids[i, …, k, …], …] = source[i, …, k, …], else y = x: `ids` and `source` have the rank of `x`, `ids` may be shorter than x along
 * the other axes, and than `source` along all. Where one place is named twice the last one wins, and it alone has a gradient. A number is
 * written to all places. `ids` is int32, `x` of any dtype, `source` of the same.
 * Throws a DTypeError for other types, a ShapeError for an axis out of range or ids that do not fit, a ValueError for an id outside
 * 0 … N - 1.
 * Source: torch.scatter.
 *
 * @example
 * scatter(tensor([0, 0, 0]), 0, tensor(Int32Array.of(2, 0)), tensor([5, 7])); // [7, 0, 5]
 * scatter(tensor([1, 2, 3]), 0, tensor(Int32Array.of(1)), 9); // [1, 9, 3]
 */
export function scatter(x: Tensor, axis: number, ids: Tensor, source: Tensor | number): Tensor {
  const flat = flattened('scatter', x, axis, ids, source);
  return reshape(putRows('scatter', flat.x, flat.ids, flat.source), flat.shape);
}

/**
 * A copy of `x` with the elements of `source` added at the places that `ids` names along `axis`.
 *
 * y[i, …, n, …] = x[i, …, n, …] + Σ source[i, …, k, …] over the k with ids[i, …, k, …] = n; shapes as in `scatter`. A float type or int32.
 * Throws as `scatter`, and a DTypeError for bool.
 * Source: torch.scatter_add.
 *
 * @example
 * scatterAdd(tensor([1, 1, 1]), 0, tensor(Int32Array.of(2, 0, 2)), tensor([5, 7, 1])); // [8, 1, 7]
 */
export function scatterAdd(x: Tensor, axis: number, ids: Tensor, source: Tensor): Tensor {
  const flat = flattened('scatterAdd', x, axis, ids, source);
  return reshape(addRows('scatterAdd', flat.x, flat.ids, flat.source), flat.shape);
}

export interface ScatterReduceOptions {
  reduce: 'sum' | 'prod' | 'mean' | 'amax' | 'amin';
  /** False: the element of `x` that stood at a named place does not count. */
  includeSelf?: boolean;
}

/**
 * A copy of `x` in which the elements of `source` are reduced into the places that `ids` names along `axis`.
 *
 * y[i, …, n, …] = reduce of x[i, …, n, …] and all source[i, …, k, …] with ids[i, …, k, …] = n; shapes as in `scatter`. Places that no id
 * names keep their element. Elements that tie in `amax` and `amin` share the gradient, and that of `prod` is right with zeros. NaN wins in
 * `amax` and `amin`. A float type, or int32 but for `mean`.
 * Throws as `scatter`, a DTypeError for bool and for a mean of int32, a ValueError for another reduction.
 * Source: torch.scatter_reduce.
 *
 * @example
 * scatterReduce(tensor([1, 1]), 0, tensor(Int32Array.of(0, 0)), tensor([3, 5]), { reduce: 'mean' }); // [3, 1]
 * scatterReduce(tensor([9, 1]), 0, tensor(Int32Array.of(0, 0)), tensor([3, 5]), { reduce: 'amax', includeSelf: false }); // [5, 1]
 */
export function scatterReduce(x: Tensor, axis: number, ids: Tensor, source: Tensor, options: ScatterReduceOptions): Tensor {
  const { reduce, includeSelf = true } = options;
  if (!Object.hasOwn(reductions, reduce)) {
    throw new ValueError(`scatterReduce: reduce: expected one of ${Object.keys(reductions).join(', ')}, got ${reduce}`);
  }
  const flat = flattened('scatterReduce', x, axis, ids, source);
  if (x.dtype === 'bool') throw new DTypeError(`scatterReduce: x: expected numbers, got bool; use cast(x, 'int32')`);
  return reshape(reductions[reduce](flat, includeSelf), flat.shape);
}

const reductions: Readonly<Record<ScatterReduceOptions['reduce'], (flat: Flat, includeSelf: boolean) => Tensor>> = {
  sum: (flat, includeSelf) => total(includeSelf ? flat : without(flat, 0)),
  mean: (flat, includeSelf) => {
    if (!isFloat(flat.x.dtype)) throw new DTypeError(`scatterReduce: x: expected a float type for the mean, got ${flat.x.dtype}`);
    const counts = { ...flat, x: onesLike(flat.x), source: onesLike(flat.source) };
    const [sums, n] = [flat, counts].map((part) => total(includeSelf ? part : without(part, 0))) as [Tensor, Tensor];
    return div(sums, maximum(n, 1));
  },
  prod: (flat, includeSelf) => product(includeSelf ? flat : without(flat, 1)),
  amax: (flat, includeSelf) => extreme('max', includeSelf ? flat : without(flat, least(flat.x))),
  amin: (flat, includeSelf) => extreme('min', includeSelf ? flat : without(flat, greatest(flat.x))),
};

const least = (x: Tensor) => (x.dtype === 'int32' ? -(2 ** 31) : Number.NEGATIVE_INFINITY);
const greatest = (x: Tensor) => (x.dtype === 'int32' ? 2 ** 31 - 1 : Number.POSITIVE_INFINITY);

/** With what counts as nothing at the places that are named. */
function without(flat: Flat, identity: number): Flat {
  return { ...flat, x: putRows('scatterReduce', flat.x, flat.ids, full(flat.ids.shape, identity, like(flat.x))) };
}

function total({ x, ids, source }: Flat): Tensor {
  return addRows('scatterReduce', x, ids, source);
}

/** Every product without the factor itself: with one zero among them, that of the others is the gradient of the zero alone. */
function product(flat: Flat): Tensor {
  const { x, ids, source } = flat;
  const y = scattered('scatterReduce', 'prod', x, ids, source);
  return record('scatterReduce', y, x.shape, [x, source], (dy, y) => {
    const zeros = [x, source].map((part) => eq(part, 0)) as [Tensor, Tensor];
    const [zerosHere, zerosThere] = zeros.map((zero) => cast(zero, x.dtype)) as [Tensor, Tensor];
    const count = addRows('scatterReduce', zerosHere, ids, zerosThere);
    const others = product({ ...flat, x: where(zeros[0], 1, x), source: where(zeros[1], 1, source) });
    const gradient = (part: Tensor, zero: Tensor, at: (values: Tensor) => Tensor) => () => {
      const n = at(count);
      const atZero = where(eq(n, 1), at(others), 0);
      return mul(at(dy), where(zero, atZero, where(eq(n, 0), div(at(y), where(zero, 1, part)), 0)));
    };
    return [gradient(x, zeros[0], (values) => values), gradient(source, zeros[1], (values) => gatherRows('scatterReduce', values, ids))];
  });
}

function extreme(op: 'max' | 'min', { x, ids, source }: Flat): Tensor {
  const y = scattered('scatterReduce', op, x, ids, source);
  return record('scatterReduce', y, x.shape, [x, source], (dy, y) => {
    const there = (values: Tensor) => gatherRows('scatterReduce', values, ids);
    const [hitX, hitSource] = [cast(eq(x, y), dy.dtype), cast(eq(source, there(y)), dy.dtype)];
    const share = div(dy, addRows('scatterReduce', hitX, ids, hitSource));
    return [() => mul(hitX, share), () => mul(hitSource, there(share))];
  });
}
