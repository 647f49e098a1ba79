/** Element types. `float64` exists on the CPU backend only, for gradient checks; `bool` is stored as one byte, 0 or 1. */
export type DType = 'float32' | 'float64' | 'int32' | 'bool';

export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array;

const arrays = { float32: Float32Array, float64: Float64Array, int32: Int32Array, bool: Uint8Array } as const;

/** A zeroed typed array that holds `length` elements of `dtype`. */
export function allocArray(dtype: DType, length: number): TypedArray {
  return new arrays[dtype](length);
}

/** Bytes that one element of `dtype` takes. */
export function bytesOf(dtype: DType): number {
  return arrays[dtype].BYTES_PER_ELEMENT;
}

export function isFloat(dtype: DType): boolean {
  return dtype === 'float32' || dtype === 'float64';
}

/** `data` as the typed array of `dtype`: itself when it already is one, else a converted copy (numbers narrow as JavaScript does). */
export function toTypedArray(dtype: DType, data: ArrayLike<number | boolean>): TypedArray {
  const target = arrays[dtype];
  if (data instanceof target) return data;
  const out = allocArray(dtype, data.length);
  for (let i = 0; i < out.length; i++) out[i] = dtype === 'bool' ? (data[i] ? 1 : 0) : Number(data[i]);
  return out;
}
