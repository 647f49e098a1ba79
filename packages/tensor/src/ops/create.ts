import { compute, noGradient, record } from '../autograd.js';
import type { Backend } from '../backend.js';
import { getBackend } from '../default-backend.js';
import { allocArray, type DType, isFloat, type TypedArray } from '../dtype.js';
import { DTypeError, ShapeError, ValueError } from '../errors.js';
import { type Shape, show, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { flatten, type NestedNumbers, typed } from './data.js';

/* Tensors of given numbers, and of numbers that follow a rule. */

export interface CreateOptions {
  dtype?: DType;
  /** Where it lives; the default backend if left out. */
  backend?: Backend;
  /** True makes it a leaf whose `grad` a backward pass fills. */
  requiresGrad?: boolean;
}

/**
 * A tensor of the given numbers, which are copied: a number, nested arrays, or a flat (typed) array with a `shape`.
 *
 * Without `dtype` the data say it: booleans are bool; a Float64Array is float64; other typed arrays of integers are int32, save that a
 * Uint8Array of zeros and ones is bool; all else is float32. With `dtype`, numbers are converted: to int32 they are truncated, to bool
 * everything but 0 is true. Throws a ShapeError if the nesting is ragged or `shape` does not hold the data, a ValueError for a number outside
 * the range of int32, a DTypeError for a Uint8Array with other elements than 0 and 1 and no `dtype`, or `requiresGrad` without floats.
 *
 * @example
 * tensor([[1, 2], [3, 4]]); // [[1, 2], [3, 4]]
 * tensor(new Int32Array([0, 1, 2, 3]), { shape: [2, 2] }); // [[0, 1], [2, 3]]
 * tensor(new Uint8Array([0, 5]), { dtype: 'int32' }); // [0, 5]
 */
export function tensor(data: NestedNumbers, options: CreateOptions & { shape?: Shape } = {}): Tensor {
  const found = flatten(data);
  const shape = options.shape ?? found.shape;
  checkShape('tensor', shape);
  if (sizeOf(shape) !== found.flat.length)
    throw new ShapeError(`tensor: shape: ${show(shape)} holds ${sizeOf(shape)} elements, the data has ${found.flat.length}`);
  const { dtype, values } = typed(found.flat, options.dtype);
  return written('tensor', shape, values, { ...options, dtype });
}

/** A tensor of `values`, which have the dtype of the options. */
function written(op: string, shape: Shape, values: TypedArray, options: CreateOptions): Tensor {
  return create(op, shape, options, (out, backend) => backend.write(out, values));
}

export function checkShape(op: string, shape: Shape): void {
  if (!Array.isArray(shape) || shape.some((n) => !Number.isInteger(n) || n < 0)) {
    throw new ShapeError(`${op}: shape: expected non-negative integers, got ${Array.isArray(shape) ? show(shape) : String(shape)}`);
  }
}

/** A new tensor that `fill` fills, checked in the name of `op`. */
export function create(op: string, shape: Shape, options: CreateOptions, fill: Parameters<typeof compute>[3]): Tensor {
  checkShape(op, shape);
  const { dtype = 'float32', backend = getBackend(), requiresGrad = false } = options;
  if (requiresGrad && !isFloat(dtype)) throw new DTypeError(`${op}: requiresGrad: expected a float type, got ${dtype}`);
  const out = record(op, compute(backend, shape, dtype, fill), [...shape], [], noGradient);
  out.requiresGrad = requiresGrad;
  return out;
}

/**
 * A tensor of `shape` filled with `value`, float32 if `dtype` is left out; as bool, everything but 0 is true. Throws a ShapeError for a shape
 * that is none, a DTypeError for a fraction as int32.
 *
 * @example
 * full([2, 2], 7); // [[7, 7], [7, 7]]
 */
export function full(shape: Shape, value: number, options: CreateOptions = {}): Tensor {
  if (options.dtype === 'int32' && !Number.isInteger(value))
    throw new DTypeError(`full: value: expected an integer for int32, got ${value}`);
  const element = options.dtype === 'bool' ? +(value !== 0) : value;
  return create('full', shape, options, (out, { kernels }) => kernels.fill(out, element));
}

/**
 * A tensor of `shape` filled with 0, or with false. dtypes and errors as for `full`.
 *
 * @example
 * zeros([3]); // [0, 0, 0]
 */
export function zeros(shape: Shape, options: CreateOptions = {}): Tensor {
  return full(shape, 0, options);
}

/**
 * A tensor of `shape` filled with 1, or with true. dtypes and errors as for `full`.
 *
 * @example
 * ones([2], { dtype: 'bool' }); // [true, true]
 */
export function ones(shape: Shape, options: CreateOptions = {}): Tensor {
  return full(shape, 1, options);
}

/**
 * A tensor filled with `value`, with the shape and dtype of `x` and on its backend. Errors as for `full`.
 *
 * @example
 * fullLike(tensor([1, 2]), 7); // [7, 7]
 */
export function fullLike(x: Tensor, value: number): Tensor {
  return full(x.shape, value, { dtype: x.dtype, backend: x.backend });
}

/**
 * Zeros of the shape and dtype of `x`, on its backend.
 *
 * @example
 * zerosLike(tensor([1, 2])); // [0, 0]
 */
export function zerosLike(x: Tensor): Tensor {
  return fullLike(x, 0);
}

/**
 * Ones of the shape and dtype of `x`, on its backend.
 *
 * @example
 * onesLike(tensor([3, 4])); // [1, 1]
 */
export function onesLike(x: Tensor): Tensor {
  return fullLike(x, 1);
}

/**
 * start, start + step, … up to but without `end`: ⌈(end - start) / step⌉ numbers; `arange(n)` counts from 0. int32 where all three are integers,
 * else float32, if `dtype` is left out. Throws a ValueError if the step is 0 or leads away from `end`, or a number is infinite or outside int32;
 * a DTypeError for fractions as int32.
 *
 * @example
 * arange(4); // [0, 1, 2, 3]
 * arange(5, 0, -2); // [5, 3, 1]
 */
export function arange(start: number, end?: number, step = 1, options: CreateOptions = {}): Tensor {
  const [from, to] = end === undefined ? [0, start] : [start, end];
  const count = Math.ceil((to - from) / step);
  if (!(Number.isFinite(count) && count >= 0)) throw new ValueError(`arange: cannot go from ${from} to ${to} in steps of ${step}`);
  const whole = [from, to, step].every(Number.isInteger);
  const dtype = options.dtype ?? (whole ? 'int32' : 'float32');
  if (dtype === 'bool' || (dtype === 'int32' && !whole))
    throw new DTypeError(`arange: dtype: expected a type that holds ${from}, ${to} and ${step}, got ${dtype}`);
  if (dtype === 'int32' && count > 0 && [from, from + (count - 1) * step].some((n) => n !== (n | 0)))
    throw new ValueError(`arange: from ${from} to ${to}: expected numbers from -2^31 to 2^31 - 1 for int32; give dtype: 'float32'`);
  const values = allocArray(dtype, count);
  for (let i = 0; i < count; i++) values[i] = from + i * step;
  return written('arange', [count], values, { ...options, dtype });
}

/**
 * `steps` numbers from `start` to `end`, both included, at equal distances; float32 if `dtype` is left out, and int32 truncates.
 * Throws a ValueError unless `start` and `end` are finite and `steps` is an integer from 0.
 *
 * @example
 * linspace(0, 1, 5); // [0, 0.25, 0.5, 0.75, 1]
 */
export function linspace(start: number, end: number, steps: number, options: CreateOptions = {}): Tensor {
  return spaced('linspace', start, end, steps, options, (x) => x);
}

/**
 * Powers of `base` (10) with exponents at equal distances: base^start … base^end, both included. dtypes and errors as for `linspace`.
 *
 * @example
 * logspace(0, 3, 4); // [1, 10, 100, 1000]
 */
export function logspace(start: number, end: number, steps: number, options: CreateOptions & { base?: number } = {}): Tensor {
  const { base = 10, ...rest } = options;
  return spaced('logspace', start, end, steps, rest, (x) => base ** x);
}

function spaced(op: string, start: number, end: number, steps: number, options: CreateOptions, f: (x: number) => number): Tensor {
  for (const [name, value] of Object.entries({ start, end })) {
    if (!Number.isFinite(value)) throw new ValueError(`${op}: ${name}: expected a finite number, got ${value}`);
  }
  if (!(Number.isInteger(steps) && steps >= 0)) throw new ValueError(`${op}: steps: expected an integer from 0, got ${steps}`);
  const { dtype = 'float32' } = options;
  if (dtype === 'bool') throw new DTypeError(`${op}: dtype: expected numbers, got bool`);
  const values = allocArray(dtype, steps);
  const step = steps > 1 ? (end - start) / (steps - 1) : 0;
  // From the nearer end, so that both are exact and the middle is symmetric.
  for (let i = 0; i < steps; i++) values[i] = f(i < steps / 2 ? start + i * step : end - (steps - 1 - i) * step);
  return written(op, [steps], values, { ...options, dtype });
}

/**
 * Ones on the diagonal and zeros elsewhere: [rows, columns], square if `columns` is left out, float32 if `dtype` is. Throws a ShapeError unless
 * both are integers from 0.
 *
 * @example
 * eye(2, 3); // [[1, 0, 0], [0, 1, 0]]
 */
export function eye(rows: number, columns = rows, options: CreateOptions = {}): Tensor {
  checkShape('eye', [rows, columns]);
  const values = allocArray(options.dtype ?? 'float32', rows * columns);
  for (let i = 0; i < Math.min(rows, columns); i++) values[i * columns + i] = 1;
  return written('eye', [rows, columns], values, options);
}
