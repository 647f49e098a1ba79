/**
 * As which dtype a tensor is stored. Tensors compute in float32, int32 and bool; a file may hold them narrower: floats as F16 or BF16, or
 * as I8 or U8 where they are small whole numbers, integers at any width that holds them.
 */
import { arrayClasses, bitsOf, type HeldDtype, isHeldDtype, type TensorRecord } from './dtype.js';
import { toBool } from './convert.js';
import { SafetensorsError } from './error.js';
import { narrowBfloat16, narrowFloat16 } from './half.js';
import { integersAs, isIntegerDtype } from './integers.js';

/** What the floats of a whole file can be narrowed to. */
export type NarrowDtype = 'F32' | 'F16' | 'BF16' | 'I8' | 'U8';

/**
 * The dtypes of a file to be written. One name narrows every `F64` and `F32` tensor to it where it is narrower, and leaves all others as they
 * are. A Map by name or a function chooses tensor by tensor, those for which it gives nothing stay as they are; it can also ask for a wider
 * integer, as PyTorch's `I64` for ids, and for `F64`.
 */
export type StoredDtypes = NarrowDtype | ReadonlyMap<string, HeldDtype> | ((name: string, tensor: TensorRecord) => HeldDtype | undefined);

/** The dtype that `tensor` is stored as; refuses one that it cannot be converted to. */
export function storedDtype(name: string, tensor: TensorRecord, dtypes: StoredDtypes | undefined): HeldDtype {
  if (dtypes === undefined) return tensor.dtype;
  if (typeof dtypes === 'string') return isFloat(tensor.dtype) && bitsOf(dtypes) < bitsOf(tensor.dtype) ? dtypes : tensor.dtype;
  const dtype = (typeof dtypes === 'function' ? dtypes(name, tensor) : dtypes.get(name)) ?? tensor.dtype;
  if (converts(tensor.dtype, dtype)) return dtype;
  const expected = `one of ${Object.keys(arrayClasses)
    .filter((other) => converts(tensor.dtype, other))
    .join(' ')} to store ${tensor.dtype} as`;
  throw new SafetensorsError({ tensor: name, field: 'dtype', expected, got: String(dtype) });
}

function isFloat(dtype: string): boolean {
  return dtype === 'F64' || dtype === 'F32';
}

function converts(from: HeldDtype, to: string): boolean {
  if (from === to) return true;
  if (isFloat(from)) return isFloat(to) || to === 'F16' || to === 'BF16' || to === 'I8' || to === 'U8';
  return isIntegerDtype(from) && bitsOf(from) <= 32 && isIntegerDtype(to);
}

/** Refuses a dtype for the whole file that is none, and dtypes by name for tensors that are not there. */
export function checkDtypes(dtypes: StoredDtypes | undefined, names: { has(name: string): boolean }): void {
  if (typeof dtypes === 'string') {
    if (!isHeldDtype(dtypes) || !['F32', 'F16', 'BF16', 'I8', 'U8'].includes(dtypes)) {
      throw new SafetensorsError({ field: 'dtype', expected: 'one of F32 F16 BF16 I8 U8 for a whole file', got: dtypes });
    }
  } else if (typeof dtypes === 'object') {
    for (const name of dtypes.keys()) {
      if (!names.has(name)) {
        throw new SafetensorsError({ tensor: name, field: 'dtype', expected: 'a tensor of this name to store', got: 'none' });
      }
    }
  }
}

/** The values of `tensor` as the typed array of `dtype`, the data itself where nothing needs to change. Floats round to nearest, ties to even. */
export function asStored(name: string, tensor: TensorRecord, dtype: HeldDtype): ArrayBufferView {
  if (tensor.dtype === 'BOOL') return toBool(tensor);
  if (tensor.dtype === dtype) return tensor.data;
  if (isIntegerDtype(dtype)) return integersAs(dtype, { name, shape: tensor.shape, data: tensor.data });
  const { data } = tensor;
  if (!(data instanceof Float32Array || data instanceof Float64Array)) throw new TypeError(`${tensor.dtype} cannot become ${dtype}`);
  if (dtype === 'F16') return narrowFloat16(data);
  if (dtype === 'BF16') return narrowBfloat16(data);
  return dtype === 'F64' ? new Float64Array(data) : new Float32Array(data);
}
