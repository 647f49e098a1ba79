/** From the dtypes of a file to the few that the tensors of this toolkit compute with. */
import type { TensorRecord } from './dtype.js';
import { SafetensorsError } from './error.js';
import { widenBfloat16, widenFloat16 } from './half.js';
import { integersAs } from './integers.js';

/** A tensor to convert; its name, if it has one, is what errors call it. */
type Convertible = TensorRecord & { readonly name?: string };

/**
 * The values as float32: `F32` as it is (no copy), `F16` and `BF16` exactly, `F64` rounded to nearest, and the integers of at most 16 bits
 * and `BOOL` (non-zero is 1) exactly.
 *
 * @throws SafetensorsError for the 32- and 64-bit integers, which float32 cannot hold.
 * @example toFloat32({ dtype: 'BF16', shape: [2], data: Uint16Array.of(0x3f80, 0xc000) }) // Float32Array [1, -2]
 */
export function toFloat32(tensor: Convertible): Float32Array {
  switch (tensor.dtype) {
    case 'F32':
      return tensor.data;
    case 'F16':
      return widenFloat16(tensor.data);
    case 'BF16':
      return widenBfloat16(tensor.data);
    case 'BOOL':
      return new Float32Array(toBool(tensor));
    case 'F64':
    case 'I16':
    case 'U16':
    case 'I8':
    case 'U8':
      return new Float32Array(tensor.data);
    default:
      return refuse(tensor, 'a dtype that float32 holds (F64 F32 F16 BF16 I16 U16 I8 U8 BOOL)', tensor.dtype);
  }
}

/**
 * The values as int32: `I32` as it is (no copy), the smaller integers and `BOOL` (non-zero is 1) exactly, `I64`, `U64` and `U32` if every
 * value fits.
 *
 * @throws SafetensorsError for floating-point dtypes, and for a value outside int32; the message names the tensor, the value and its place.
 * @example toInt32({ dtype: 'I64', shape: [2], data: BigInt64Array.of(7n, -1n) }) // Int32Array [7, -1]
 */
export function toInt32(tensor: Convertible): Int32Array {
  switch (tensor.dtype) {
    case 'I32':
      return tensor.data;
    case 'I64':
    case 'U64':
    case 'U32':
      return integersAs('I32', tensor);
    case 'BOOL':
      return new Int32Array(toBool(tensor));
    case 'I16':
    case 'U16':
    case 'I8':
    case 'U8':
      return new Int32Array(tensor.data);
    default:
      return refuse(tensor, 'an integer dtype (I64 U64 I32 U32 I16 U16 I8 U8 BOOL)', tensor.dtype);
  }
}

/**
 * The values of a `BOOL` tensor as bytes 0 and 1: any byte but 0 is true, as in Hugging Face's reader. A copy only if there is another
 * byte than 0 and 1.
 *
 * @throws SafetensorsError for any other dtype.
 * @example toBool({ dtype: 'BOOL', shape: [3], data: Uint8Array.of(0, 1, 255) }) // Uint8Array [0, 1, 1]
 */
export function toBool(tensor: Convertible): Uint8Array {
  if (tensor.dtype !== 'BOOL') return refuse(tensor, 'the dtype BOOL', tensor.dtype);
  const { data } = tensor;
  return data.every((byte) => byte <= 1) ? data : data.map((byte) => (byte === 0 ? 0 : 1));
}

function refuse(tensor: Convertible, expected: string, got: string): never {
  throw new SafetensorsError({ tensor: tensor.name, field: 'dtype', expected, got });
}
