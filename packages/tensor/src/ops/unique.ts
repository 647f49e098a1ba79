import type { TypedArray } from '../dtype.js';
import { DTypeError, ShapeError, ValueError } from '../errors.js';
import { during, isRecording } from '../mode.js';
import { normalizeAxis, sameShape, show, sizeOf } from '../shape.js';
import { checkTensor, commonBackend, type Tensor } from '../tensor.js';
import { full, tensor, zeros } from './create.js';
import { addRows } from './rows.js';

/* What there is, and how often. Both wait for the data, on which the shapes of their results depend. */

export interface UniqueOptions {
  /** Whole slices along this axis are compared; single elements if left out. */
  axis?: number;
  /** False: in the order of their first places instead of that of their values. */
  sorted?: boolean;
}

export interface Unique {
  readonly values: Tensor;
  /** Which of the values stands in each place; int32, of the shape of `x`, or [N] along an axis. */
  readonly inverse: Tensor;
  /** How often each value occurs; int32. */
  readonly counts: Tensor;
  /** Where each value occurs first: counted row by row, or along the axis; int32. */
  readonly indices: Tensor;
}

/**
 * The different elements of `x`, or its different slices along an axis; where and how often they occur.
 *
 * values [n], or [..., n, ...] along an axis; counts and indices [n]; values[inverse] is `x` again, and x[indices] are the values. Slices are
 * ordered by their first elements that differ. NaN is greatest, and each NaN another value. Any dtype, no gradient. Asynchronous, as n
 * depends on the data.
 * Throws a ShapeError for an axis out of range.
 * Source: torch.unique, numpy.unique; `sorted: false` is ONNX's Unique.
 *
 * @example
 * (await unique(tensor([3, 1, 3]))).values; // [1, 3]
 * (await unique(tensor([3, 1, 3]))).inverse; // [1, 0, 1]
 * (await unique(tensor([[1, 2], [1, 2]]), { axis: 0 })).counts; // [2]
 */
export async function unique(x: Tensor, options: UniqueOptions = {}): Promise<Unique> {
  checkTensor('unique', 'x', x);
  const { axis, sorted = true } = options;
  const { backend, shape, dtype } = x;
  const at = axis === undefined ? null : normalizeAxis('unique', axis, x.rank);
  const data = await x.data();
  const [n, inner] = at === null ? [data.length, 1] : [shape[at]!, sizeOf(shape.slice(at + 1))];
  const outer = at === null ? 1 : sizeOf(shape.slice(0, at));
  const rows: Rows = { data, n, outer, inner };
  const groups = grouped(rows);
  if (!sorted) groups.sort((a, b) => a[0]! - b[0]!);
  const first = groups.map((group) => group[0]!);
  const inverse = new Int32Array(n);
  groups.forEach((group, i) => {
    for (const place of group) inverse[place] = i;
  });
  const ints = (numbers: ArrayLike<number>, of: readonly number[]) => tensor(Int32Array.from(numbers), { shape: of, backend });
  return {
    values: tensor(picked(rows, first), { dtype, backend, shape: at === null ? [first.length] : shape.with(at, first.length) }),
    inverse: ints(inverse, at === null ? shape : [n]),
    counts: ints(groups.map((group) => group.length), [first.length]), // biome-ignore format: one call
    indices: ints(first, [first.length]),
  };
}

/** n rows to compare, each the elements [o, row, i] of [outer, n, inner]. */
interface Rows {
  readonly data: TypedArray;
  readonly n: number;
  readonly outer: number;
  readonly inner: number;
}

/** The places of equal rows together, in rising order of the rows. */
function grouped(rows: Rows): number[][] {
  const order = Array.from({ length: rows.n }, (_, i) => i).sort((a, b) => compareRows(rows, a, b));
  const groups: number[][] = [];
  order.forEach((place, i) => {
    if (i > 0 && equalRows(rows, order[i - 1]!, place)) groups.at(-1)!.push(place);
    else groups.push([place]);
  });
  return groups;
}

function compareRows({ data, n, outer, inner }: Rows, a: number, b: number): number {
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const [x, y] = [data[(o * n + a) * inner + i]!, data[(o * n + b) * inner + i]!];
      const order = x < y ? -1 : x > y ? 1 : Number(Number.isNaN(x)) - Number(Number.isNaN(y));
      if (order !== 0) return order;
    }
  }
  return 0;
}

function equalRows({ data, n, outer, inner }: Rows, a: number, b: number): boolean {
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) if (data[(o * n + a) * inner + i] !== data[(o * n + b) * inner + i]) return false;
  }
  return true;
}

/** [outer, places, inner] */
function picked({ data, n, outer, inner }: Rows, places: readonly number[]): TypedArray {
  const out = new (data.constructor as new (length: number) => TypedArray)(outer * places.length * inner);
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (const place of places) {
      const start = (o * n + place) * inner;
      out.set(data.subarray(start, start + inner), at);
      at += inner;
    }
  }
  return out;
}

export interface BincountOptions {
  /** What each element counts; 1 if left out. */
  weights?: Tensor;
  /** The least length of the result. */
  minLength?: number;
}

/**
 * How often each of 0, 1, 2 … occurs, or what all of its occurrences weigh together.
 *
 * y[v] = Σ weights[i] over the i with x[i] = v: x [N], int32, and weights [N], a float type or int32, to [max(max(x) + 1, minLength)], of the type
 * of the weights, int32 without. Asynchronous, as the length depends on the data. Weights have gradients: dy[x[i]].
 * Throws a DTypeError for other types, a ShapeError unless both have one dimension and one length, a ValueError for a negative element or
 * a `minLength` that is no integer from 0.
 * Source: torch.bincount.
 *
 * @example
 * await bincount(tensor(Int32Array.of(0, 2, 2))); // [1, 0, 2]
 * await bincount(tensor(Int32Array.of(0, 2, 2)), { weights: tensor([0.5, 1, 2]) }); // [0.5, 0, 3]
 */
export async function bincount(x: Tensor, options: BincountOptions = {}): Promise<Tensor> {
  const { weights, minLength = 0 } = options;
  const { backend } = x;
  commonBackend('bincount', { x, weights });
  if (x.dtype !== 'int32') throw new DTypeError(`bincount: x: expected int32, got ${x.dtype}`);
  if (x.rank !== 1) throw new ShapeError(`bincount: x: expected one dimension, got ${show(x.shape)}`);
  if (weights?.dtype === 'bool') throw new DTypeError(`bincount: weights: expected numbers, got bool`);
  if (weights && !sameShape(weights.shape, x.shape)) {
    throw new ShapeError(`bincount: weights: expected ${show(x.shape)} as x, got ${show(weights.shape)}`);
  }
  if (!Number.isInteger(minLength) || minLength < 0) {
    throw new ValueError(`bincount: minLength: expected an integer from 0, got ${minLength}`);
  }
  const recording = isRecording(); // noGrad ends before the wait does
  const data = await x.data();
  let length = minLength;
  data.forEach((value, i) => {
    if (value < 0) throw new ValueError(`bincount: x: expected integers from 0, got ${value} at position ${i}`);
    length = Math.max(length, value + 1);
  });
  return during({ recording }, () => {
    const counted = weights ?? full(x.shape, 1, { dtype: 'int32', backend });
    return addRows('bincount', zeros([length], { dtype: counted.dtype, backend }), x, counted);
  });
}
