import { type Backend, type DType, type Tensor, tensor } from '@multihead/tensor';
import { narrowBfloat16, narrowFloat16, widenBfloat16, widenFloat16 } from '@multihead/tensor/safetensors';
import type { Archive, TensorRef } from '../archive.js';
import { Skip, type Values } from '../suite.js';

/*
 * The element types of ONNX in the four of the toolkit: half floats are computed in float32 and rounded at the end, as a file of weights
 * would have them; integers are int32, as long as they fit.
 */

/** The least and the greatest value of an integer type that int32 holds. */
const narrow: Readonly<Record<string, readonly [least: number, greatest: number]>> = {
  I8: [-(2 ** 7), 2 ** 7 - 1],
  U8: [0, 2 ** 8 - 1],
  I16: [-(2 ** 15), 2 ** 15 - 1],
  U16: [0, 2 ** 16 - 1],
};

const wide = ['I32', 'I64', 'U32', 'U64'];
const floats = ['F16', 'BF16', 'F32', 'F64'];

/** ONNX's numbers for element types (`TensorProto.DataType`), as far as they are computed with here. */
const numbered: Readonly<Record<number, string>> = {
  1: 'F32',
  2: 'U8',
  3: 'I8',
  4: 'U16',
  5: 'I16',
  6: 'I32',
  7: 'I64',
  9: 'BOOL',
  10: 'F16',
  11: 'F64',
  12: 'U32',
  13: 'U64',
  16: 'BF16',
};

/** Throws a `Skip` for a type that the toolkit has no tensors of, and for integers beyond int32. */
export function refuse(archive: Archive, ref: TensorRef): void {
  const { dtype } = ref;
  if (dtype !== 'BOOL' && !floats.includes(dtype) && !wide.includes(dtype) && !Object.hasOwn(narrow, dtype)) {
    throw new Skip(`by design: there are no tensors of ${dtype}`);
  }
  if (wide.includes(dtype) && numbersOf(archive, ref).some((n) => n > 0x7fffffff || n < -0x80000000)) {
    throw new Skip(`by design: integers are int32, which does not hold these values of ${dtype}`);
  }
}

/** A tensor with the numbers of `ref`, in float64 if they are and the backend has it. */
export function inputOf(archive: Archive, ref: TensorRef, backend: Backend): Tensor {
  refuse(archive, ref);
  const { dtype, data } = archive.record(ref);
  if (dtype === 'F64' && backend.dtypes.includes('float64')) return tensor(data as Float64Array, { shape: ref.shape, backend });
  return tensor(archive.values(ref).data, { shape: ref.shape, backend });
}

/** The numbers of `ref` for use as an option: also 64-bit integers that stand for "the end". */
export function numbersOf(archive: Archive, ref: TensorRef): number[] {
  const record = archive.record(ref);
  return record.dtype === 'F16' || record.dtype === 'BF16'
    ? Array.from(archive.values(ref).data)
    : Array.from<number | bigint, number>(record.data as ArrayLike<number | bigint>, Number);
}

/** The element type here for one of ONNX's numbers or names. */
export function dtypeOf(type: number | string, backend: Backend): DType {
  const name = typeof type === 'number' ? numbered[type] : type;
  if (name === 'BOOL') return 'bool';
  if (name === 'F64' && backend.dtypes.includes('float64')) return 'float64';
  if (floats.includes(name)) return 'float32';
  if (wide.includes(name) || Object.hasOwn(narrow, name)) return 'int32';
  throw new Skip(`by design: there are no tensors of ${name ?? `ONNX's type ${type}`}`);
}

/** `values` as an output of type `dtype` has them: half floats rounded. */
export function rounded(values: Values, dtype: string): Values {
  if (values.kind !== 'float') return values;
  if (dtype === 'F16') return { ...values, data: widenFloat16(narrowFloat16(Float32Array.from(values.data))) };
  if (dtype === 'BF16') return { ...values, data: widenBfloat16(narrowBfloat16(Float32Array.from(values.data))) };
  return values;
}

/** The integers of `values` taken into the range of a narrower type; null if they all lie in it. */
export function wrapped(values: Values, dtype: string): Values | null {
  if (values.kind !== 'int' || !Object.hasOwn(narrow, dtype)) return null;
  const [least, greatest] = narrow[dtype];
  const size = greatest - least + 1;
  const data = Array.from(values.data);
  if (data.every((n) => n >= least && n <= greatest)) return null;
  return { ...values, data: data.map((n) => ((((n - least) % size) + size) % size) + least) };
}
