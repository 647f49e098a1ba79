import { allocArray, type DType, type TypedArray } from '../dtype.js';
import { DTypeError, ShapeError, ValueError } from '../errors.js';

/* Numbers as they come from outside, made the flat data of a dtype. Nothing that does not fit is wrapped or cut off in silence. */

/** What `tensor` takes: a number, nested arrays, or any typed array. */
export type NestedNumbers = number | boolean | ArrayLike<number> | BigInt64Array | BigUint64Array | readonly NestedNumbers[];

type Flat = ArrayLike<number | boolean | bigint>;

/** The dtypes of typed arrays by their names, which hold in every realm. */
const dtypes: Readonly<Record<string, DType>> = {
  Float16Array: 'float32',
  Float32Array: 'float32',
  Float64Array: 'float64',
  Uint8Array: 'bool',
  Int8Array: 'int32',
  Int16Array: 'int32',
  Uint16Array: 'int32',
  Uint8ClampedArray: 'int32',
  Int32Array: 'int32',
  Uint32Array: 'int32',
  BigInt64Array: 'int32',
  BigUint64Array: 'int32',
};

function typedDType(data: unknown): DType | undefined {
  return ArrayBuffer.isView(data) ? dtypes[(data as TypedArray)[Symbol.toStringTag]] : undefined;
}

/** The elements in a row, with the shape that their nesting has. */
export function flatten(data: NestedNumbers): { flat: Flat; shape: number[] } {
  if (typedDType(data)) return { flat: data as TypedArray, shape: [(data as TypedArray).length] };
  const shape: number[] = [];
  return { flat: flattenNested(data, shape, 0, []), shape };
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

/** The elements in a typed array of `dtype`, or of the dtype that they have by themselves. May be `flat` itself. */
export function typed(flat: Flat, wanted: DType | undefined): { dtype: DType; values: TypedArray } {
  const own = typedDType(flat) ?? (flat.length > 0 && Array.prototype.every.call(flat, isBoolean) ? 'bool' : 'float32');
  const dtype = wanted ?? own;
  if (isArrayOf(dtype, flat) && (dtype !== 'bool' || !wanted)) return { dtype, values: dtype === 'bool' ? checkedBits(flat) : flat };
  return { dtype, values: dtype === 'bool' ? toBool(flat) : dtype === 'int32' ? toInt32(flat) : toFloat(dtype, flat) };
}

function isArrayOf(dtype: DType, flat: Flat): flat is TypedArray {
  return ArrayBuffer.isView(flat) && (flat as TypedArray)[Symbol.toStringTag] === allocArray(dtype, 0)[Symbol.toStringTag];
}

const isBoolean = (value: unknown): boolean => typeof value === 'boolean';

/** Bytes that say true or false, as they are. */
function checkedBits(bytes: TypedArray): TypedArray {
  const at = bytes.findIndex((byte: number) => byte > 1);
  if (at < 0) return bytes;
  throw new DTypeError(
    `tensor: data: element ${at} is ${bytes[at]}: a Uint8Array without a dtype is bool and holds 0 and 1 only; give dtype: 'int32' or 'float32'`,
  );
}

function toBool(flat: Flat): Uint8Array {
  const out = new Uint8Array(flat.length);
  for (let i = 0; i < out.length; i++) out[i] = Number(flat[i]) === 0 ? 0 : 1; // NaN is true
  return out;
}

function toInt32(flat: Flat): Int32Array {
  const out = new Int32Array(flat.length);
  for (let i = 0; i < out.length; i++) {
    const value = Math.trunc(Number(flat[i]));
    if (!(value >= -(2 ** 31) && value < 2 ** 31))
      throw new ValueError(`tensor: data: element ${i} is ${flat[i]}: expected a number from -2^31 to 2^31 - 1 for int32`);
    out[i] = value;
  }
  return out;
}

function toFloat(dtype: DType, flat: Flat): TypedArray {
  const out = allocArray(dtype, flat.length);
  for (let i = 0; i < out.length; i++) out[i] = Number(flat[i]);
  return out;
}
