/**
 * The element types of the safetensors format. Every one of them may stand in a header; those of `ArrayOf` have a typed array of
 * JavaScript that holds them, so that their values can be read; the others (4-, 6- and 8-bit floats, complex) can be had as bytes.
 */

// Bits of one element. The order is Hugging Face's `Dtype` enum, "by increasing alignment": a writer puts tensors down in descending order of it.
const bits = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const;

/** Name of an element type as the header spells it. */
export type SafetensorsDtype = keyof typeof bits;

/** The typed array that holds each readable element type; `F16` and `BF16` are held as their 16 bits, `BOOL` as its bytes. */
export interface ArrayOf {
  BOOL: Uint8Array;
  U8: Uint8Array;
  I8: Int8Array;
  I16: Int16Array;
  U16: Uint16Array;
  F16: Uint16Array;
  BF16: Uint16Array;
  I32: Int32Array;
  U32: Uint32Array;
  F32: Float32Array;
  F64: Float64Array;
  I64: BigInt64Array;
  U64: BigUint64Array;
}

/** An element type whose values a typed array can hold. */
export type HeldDtype = keyof ArrayOf;

/** A tensor as data: what reading gives and writing takes. `data` holds the elements in row-major order. */
export type TensorRecord<D extends HeldDtype = HeldDtype> = {
  [K in D]: { readonly dtype: K; readonly shape: readonly number[]; readonly data: ArrayOf[K] };
}[D];

/** A tensor as read: it knows its name, so that errors of a conversion can tell it. */
export type NamedTensorRecord<D extends HeldDtype = HeldDtype> = TensorRecord<D> & { readonly name: string };

/** The typed array class of each readable element type. */
export const arrayClasses = {
  BOOL: Uint8Array,
  U8: Uint8Array,
  I8: Int8Array,
  I16: Int16Array,
  U16: Uint16Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I32: Int32Array,
  U32: Uint32Array,
  F32: Float32Array,
  F64: Float64Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
} as const;

export function isSafetensorsDtype(name: string): name is SafetensorsDtype {
  return Object.hasOwn(bits, name);
}

export function isHeldDtype(name: string): name is HeldDtype {
  return Object.hasOwn(arrayClasses, name);
}

export function bitsOf(dtype: SafetensorsDtype): number {
  return bits[dtype];
}

/** Every dtype of the format, in the enum's order. */
export function safetensorsDtypes(): SafetensorsDtype[] {
  return Object.keys(bits) as SafetensorsDtype[];
}
