import { parseSafetensors, type SafetensorsFile, toBool, toFloat32, toInt32 } from '@multihead/tensor/safetensors';
import type { Folder } from './folder.js';
import type { Family, GoldenCase, Kind, Values } from './suite.js';

/*
 * A family of cases as it lies on disk: one JSON file of cases, and the numbers that they name in one safetensors file.
 */

/** A tensor in a case: the name of its numbers. `strides`, where given, say how it lay in the memory of the oracle. */
export interface TensorRef {
  readonly ref: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly strides?: readonly number[];
}

/** An argument in a case: plain JSON with tensors in it, and tags like `{"$slice": [0, 3, null]}`. */
export type Json = null | boolean | number | string | readonly Json[] | TensorRef | { readonly [key: string]: Json };

interface FamilyDocument<Case> {
  readonly suite: string;
  readonly family: string;
  readonly data: string | null;
  readonly cases: readonly Case[];
}

/** The families in `folder`, one a file; `casesOf` says how the cases of one are run. */
export function openFamilies<Case>(
  folder: Folder,
  suite: string,
  casesOf: (document: FamilyDocument<Case>, archive: Archive) => GoldenCase[],
): Family[] {
  const files = folder.names().filter((name) => name.endsWith('.json') && name !== 'index.json');
  return files.map((file) => {
    const document = folder.json(file) as FamilyDocument<Case>;
    if (document.suite !== suite || !Array.isArray(document.cases)) {
      throw new Error(`${file}: expected a family of the suite ${suite}, got one of ${String(document.suite)}`);
    }
    return { name: document.family, cases: casesOf(document, new Archive(folder, document.data)) };
  });
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
    const record = this.record(ref);
    const kind = kindOf(ref.dtype);
    const data = kind === 'float' ? toFloat32(record) : kind === 'bool' ? toBool(record) : toInt32(record);
    return { shape: ref.shape, kind, data };
  }

  /** As they lie in the file. */
  record(ref: TensorRef): ReturnType<SafetensorsFile['get']> {
    if (this.#name === null) throw new Error('the family has no tensors, but a case names one');
    this.#file ??= parseSafetensors(this.#folder.bytes(this.#name), { name: this.#name });
    return this.#file.get(ref.ref);
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
