import { compute, noGradient, record } from '../autograd.js';
import type { Backend, RandomArgs } from '../backend.js';
import { getBackend } from '../default-backend.js';
import { allocArray, type DType, isFloat, type TypedArray, toTypedArray } from '../dtype.js';
import { DTypeError, ShapeError, ValueError } from '../errors.js';
import type { Rng } from '../random.js';
import { type Shape, show, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';

export interface CreateOptions {
  dtype?: DType;
  /** Where it lives; the default backend if left out. */
  backend?: Backend;
  /** True makes it a leaf whose `grad` a backward pass fills. */
  requiresGrad?: boolean;
}

export type NestedNumbers = number | boolean | ArrayLike<number> | readonly NestedNumbers[];

/**
 * A tensor of the given numbers: a number, nested arrays, or a flat (typed) array with a `shape`.
 * The dtype follows the data (booleans: bool; Int32Array: int32; Float64Array: float64; Uint8Array: bool; else float32).
 * Throws a ShapeError if the nesting is ragged or `shape` does not hold the data.
 *
 * @example
 * tensor([[1, 2], [3, 4]]);
 * tensor(new Int32Array([0, 1, 2, 3]), { shape: [2, 2] });
 */
export function tensor(data: NestedNumbers, options: CreateOptions & { shape?: Shape } = {}): Tensor {
  const found: number[] = [];
  const flat = ArrayBuffer.isView(data) ? (data as unknown as TypedArray) : flattenNested(data, found, 0, []);
  const shape = options.shape ?? (ArrayBuffer.isView(data) ? [(data as unknown as TypedArray).length] : found);
  checkShape('tensor', shape);
  if (sizeOf(shape) !== flat.length)
    throw new ShapeError(`tensor: shape: ${show(shape)} holds ${sizeOf(shape)} elements, the data has ${flat.length}`);
  const dtype = options.dtype ?? dtypeOf(flat);
  return create('tensor', shape, { ...options, dtype }, (out, backend) => backend.write(out, toTypedArray(dtype, flat)));
}

function dtypeOf(flat: ArrayLike<number | boolean>): DType {
  if (flat instanceof Int32Array) return 'int32';
  if (flat instanceof Float64Array) return 'float64';
  if (flat instanceof Uint8Array || (flat.length > 0 && typeof flat[0] === 'boolean')) return 'bool';
  return 'float32';
}

function flattenNested(data: NestedNumbers, shape: number[], depth: number, out: (number | boolean)[]): (number | boolean)[] {
  if (typeof data === 'number' || typeof data === 'boolean') {
    if (shape.length > depth) throw new ShapeError(`tensor: data: a number where ${shape.length - depth} more dimensions were expected`);
    out.push(data);
    return out;
  }
  if (typeof data !== 'object' || data === null)
    throw new ShapeError(`tensor: data: expected numbers or nested arrays, got ${data === null ? 'null' : typeof data}`);
  if (shape.length === depth) {
    if (out.length > 0) throw new ShapeError('tensor: data: an array where a number was expected');
    shape.push(data.length);
  }
  if (shape[depth] !== data.length)
    throw new ShapeError(`tensor: data: ragged: an array of ${data.length} where ${shape[depth]} were expected at depth ${depth}`);
  for (let i = 0; i < data.length; i++) flattenNested(data[i] as NestedNumbers, shape, depth + 1, out);
  return out;
}

function checkShape(op: string, shape: Shape): void {
  if (!Array.isArray(shape) || shape.some((n) => !Number.isInteger(n) || n < 0)) {
    throw new ShapeError(`${op}: shape: expected non-negative integers, got ${Array.isArray(shape) ? show(shape) : String(shape)}`);
  }
}

function create(op: string, shape: Shape, options: CreateOptions, fill: Parameters<typeof compute>[3]): Tensor {
  checkShape(op, shape);
  const { dtype = 'float32', backend = getBackend(), requiresGrad = false } = options;
  if (requiresGrad && !isFloat(dtype)) throw new DTypeError(`${op}: requiresGrad: expected a float type, got ${dtype}`);
  const out = record(op, compute(backend, shape, dtype, fill), [...shape], [], noGradient);
  out.requiresGrad = requiresGrad;
  return out;
}

/** A tensor of `shape` filled with `value`. */
export function full(shape: Shape, value: number, options: CreateOptions = {}): Tensor {
  return create('full', shape, options, (out, { kernels }) => kernels.fill(out, value));
}

export function zeros(shape: Shape, options: CreateOptions = {}): Tensor {
  return full(shape, 0, options);
}

export function ones(shape: Shape, options: CreateOptions = {}): Tensor {
  return full(shape, 1, options);
}

/** Zeros of the shape, dtype and backend of `x`. */
export function zerosLike(x: Tensor): Tensor {
  return full(x.shape, 0, { dtype: x.dtype, backend: x.backend });
}

/** Ones of the shape, dtype and backend of `x`. */
export function onesLike(x: Tensor): Tensor {
  return full(x.shape, 1, { dtype: x.dtype, backend: x.backend });
}

/** start, start + step, … up to but without `end`; `arange(n)` counts from 0. int32 where all three are integers, else float32. */
export function arange(start: number, end?: number, step = 1, options: CreateOptions = {}): Tensor {
  const [from, to] = end === undefined ? [0, start] : [start, end];
  if (!Number.isFinite((to - from) / step) || (to - from) / step < 0) {
    throw new ValueError(`arange: cannot go from ${from} to ${to} in steps of ${step}`);
  }
  const dtype = options.dtype ?? ([from, to, step].every(Number.isInteger) ? 'int32' : 'float32');
  const data = allocArray(dtype, Math.ceil((to - from) / step));
  for (let i = 0; i < data.length; i++) data[i] = from + i * step;
  return tensor(data, { ...options, dtype });
}

/** The n×n identity. */
export function eye(n: number, options: CreateOptions = {}): Tensor {
  const data = allocArray(options.dtype ?? 'float32', n * n);
  for (let i = 0; i < n; i++) data[i * n + i] = 1;
  return tensor(data, { shape: [n, n], dtype: 'float32', ...options });
}

export interface RandomOptions extends CreateOptions {
  rng: Rng;
}

function draw(op: string, shape: Shape, kind: RandomArgs['kind'], p: number, options: RandomOptions): Tensor {
  checkShape(op, shape);
  const args = { kind, p, ...options.rng.take(sizeOf(shape)) };
  return create(op, shape, options, (out, { kernels }) => kernels.random(out, args));
}

/** Uniform numbers in [0, 1). */
export function rand(shape: Shape, options: RandomOptions): Tensor {
  return draw('rand', shape, 'uniform', 0, options);
}

/** Standard normal numbers. */
export function randn(shape: Shape, options: RandomOptions): Tensor {
  return draw('randn', shape, 'normal', 0, options);
}

/** True with probability `p`. */
export function bernoulli(shape: Shape, p: number, options: RandomOptions): Tensor {
  return draw('bernoulli', shape, 'bernoulli', p, { ...options, dtype: 'bool' });
}
