import { parseSafetensors, type SafetensorsFile, toBool, toFloat32, toInt32 } from '@multihead/tensor/safetensors';
import type { Folder } from '../folder.js';
import type { Kind, Values } from '../suite.js';

/*
 * A family of the suite as it lies on disk: one JSON file of cases, and the numbers that they name in one safetensors file.
 */

/** A tensor in a case: the name of its numbers. `strides`, where given, say how it lay in PyTorch's memory. */
export interface TensorRef {
  readonly ref: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly strides?: readonly number[];
}

/** An argument in a case: plain JSON with tensors in it, and tags like `{"$slice": [0, 3, null]}`. */
export type Json = null | boolean | number | string | readonly Json[] | TensorRef | { readonly [key: string]: Json };

/** What every case has; which of the rest there is depends on the kind of the family. */
export interface TorchCase {
  readonly name: string;
  readonly op: string;
  readonly kwargs?: Readonly<Record<string, Json>>;
  readonly inputs?: Readonly<Record<string, Json>>;
  readonly args?: readonly Json[];
  readonly ctor?: Readonly<Record<string, Json>>;
  readonly outputs?: readonly (TensorRef | null)[];
  readonly alt_outputs?: Readonly<Record<string, TensorRef | null>>;
  readonly cotangents?: readonly (TensorRef | null)[];
  /** By input, or `param:name`; null where no gradient reaches. */
  readonly grads?: Readonly<Record<string, TensorRef | null>>;
  readonly alt_grads?: Readonly<Record<string, TensorRef | null>>;
  readonly rtol: number;
  readonly atol: number;
  readonly grad_rtol?: number;
  readonly grad_atol?: number;
  readonly equal_nan?: boolean;
}

export interface TorchDocument {
  readonly suite: string;
  readonly family: string;
  readonly data: string | null;
  readonly cases: readonly TorchCase[];
}

/** The numbers of a family, read when the first case asks for them. */
export class Archive {
  readonly #folder: Folder;
  readonly #name: string | null;
  #file: SafetensorsFile | undefined;

  constructor(folder: Folder, name: string | null) {
    this.#folder = folder;
    this.#name = name;
  }

  /** As float32, int32 or bool, the element types of the toolkit; 64-bit integers must fit in 32 bits. */
  values(ref: TensorRef): Values & { readonly data: Float32Array | Int32Array | Uint8Array } {
    const record = this.#open().get(ref.ref);
    const kind = kindOf(ref.dtype);
    const data = kind === 'float' ? toFloat32(record) : kind === 'bool' ? toBool(record) : toInt32(record);
    return { shape: ref.shape, kind, data };
  }

  #open(): SafetensorsFile {
    if (this.#name === null) throw new Error('the family has no tensors, but a case names one');
    this.#file ??= parseSafetensors(this.#folder.bytes(this.#name), { name: this.#name });
    return this.#file;
  }
}

function kindOf(dtype: string): Kind {
  if (dtype === 'BOOL') return 'bool';
  return /^B?F\d/.test(dtype) ? 'float' : 'int';
}

export function isTensorRef(value: unknown): value is TensorRef {
  return typeof value === 'object' && value !== null && 'ref' in value && 'dtype' in value;
}

/** The strings that stand for numbers that JSON does not have. */
const spelledNumbers: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
};

/** `value`, or the number that it spells. */
export function spelled<T>(value: T): T | number {
  return typeof value === 'string' && Object.hasOwn(spelledNumbers, value) ? spelledNumbers[value] : value;
}
