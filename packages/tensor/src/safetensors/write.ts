import { safetensorsDtypes, type SafetensorsDtype } from './dtype.js';
import { quote, SafetensorsError } from './error.js';
import { LENGTH_BYTES, MAX_HEADER_BYTES } from './header.js';
import { isWellFormed } from './header-json.js';
import { compareCodePoints, type Piece, pairs, piecesOf, type TensorsToWrite } from './piece.js';
import { allocate } from './source.js';
import type { StoredDtypes } from './stored-dtype.js';

/** How tensors become a file. */
export interface SerializeOptions {
  /** Free text for `__metadata__`, as Hugging Face's `{ format: 'pt' }`. */
  readonly metadata?: Iterable<readonly [string, string]> | Readonly<Record<string, string>>;
  /** Stores tensors as other dtypes than they have: one for the floats of the whole file, or tensor by tensor. */
  readonly dtype?: StoredDtypes;
}

/** A file to be written: its size, and its bytes part by part, the length field and the header first. */
export interface SafetensorsLayout {
  readonly byteLength: number;
  parts(): Generator<Uint8Array>;
}

/**
 * Tensors as the bytes of a safetensors file. The same tensors give the same bytes in whatever order they come: sorted as Hugging Face
 * sorts them, by dtype (widest first) and then by name, behind a header padded with spaces to a multiple of eight bytes.
 *
 * @throws SafetensorsError if `data` is not the typed array of `dtype` or not of the shape's size, for a name that is given twice, is not
 * well-formed Unicode, or is `__metadata__`, and for a value that the integer dtype to store it as does not hold.
 * @example
 * const w = { dtype: 'F32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) } as const;
 * serializeSafetensors({ w }, { metadata: { format: 'pt' } }).length // 112
 * serializeSafetensors({ w }, { dtype: new Map([['w', 'I8']]) }).length // 68
 */
export function serializeSafetensors(tensors: TensorsToWrite, options: SerializeOptions = {}): Uint8Array {
  return bytesOf(layOut(tensors, options));
}

/** A file to be written, in memory. */
export function bytesOf(layout: SafetensorsLayout): Uint8Array {
  const file = allocate(layout.byteLength, undefined);
  let at = 0;
  for (const part of layout.parts()) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

/** Checks and orders the tensors and makes the header; the data is not touched yet. */
export function layOut(tensors: TensorsToWrite, options: SerializeOptions = {}): SafetensorsLayout {
  return layOutPieces(piecesOf(tensors, options.dtype), options.metadata);
}

/** As `layOut`, for tensors that have been checked. */
export function layOutPieces(pieces: readonly Piece[], metadata: SerializeOptions['metadata']): SafetensorsLayout {
  const order = safetensorsDtypes();
  const rank = (dtype: SafetensorsDtype): number => order.indexOf(dtype);
  const sorted = [...pieces].sort((a, b) => rank(b.dtype) - rank(a.dtype) || compareCodePoints(a.name, b.name));
  const start = makeStart(sorted, metadata);
  return {
    byteLength: sorted.reduce((sum, piece) => sum + piece.byteLength, start.length),
    *parts() {
      yield start;
      for (const piece of sorted) yield piece.bytes();
    },
  };
}

/** The length field and the header. */
function makeStart(pieces: readonly Piece[], metadata: SerializeOptions['metadata']): Uint8Array {
  const members: string[] = [];
  if (metadata !== undefined) members.push(`"__metadata__":${metadataJson(metadata)}`);
  let at = 0;
  for (const { name, dtype, shape, byteLength } of pieces) {
    const info = `{"dtype":"${dtype}","shape":[${shape.join(',')}],"data_offsets":[${at},${at + byteLength}]}`;
    members.push(`${JSON.stringify(name)}:${info}`);
    at += byteLength;
  }
  const json = new TextEncoder().encode(`{${members.join(',')}}`);
  const length = Math.ceil(json.length / 8) * 8;
  if (length > MAX_HEADER_BYTES) {
    throw new SafetensorsError({ field: 'header length', expected: `at most ${MAX_HEADER_BYTES} bytes`, got: String(length) });
  }
  const start = new Uint8Array(LENGTH_BYTES + length).fill(0x20);
  new DataView(start.buffer).setBigUint64(0, BigInt(length), true);
  start.set(json, LENGTH_BYTES);
  return start;
}

function metadataJson(metadata: NonNullable<SerializeOptions['metadata']>): string {
  const texts = new Map<string, string>();
  for (const [key, text] of pairs(metadata)) {
    const refuse = (expected: string, got: string): never => {
      throw new SafetensorsError({ field: `__metadata__ ${quote(String(key))}`, expected, got });
    };
    if (typeof key !== 'string' || typeof text !== 'string') refuse('a string', typeof text);
    if (!isWellFormed(key) || !isWellFormed(text)) refuse('well-formed Unicode', quote(text));
    if (texts.has(key)) refuse('each key once', 'this one a second time');
    texts.set(key, text);
  }
  const sorted = [...texts].sort(([a], [b]) => compareCodePoints(a, b));
  return `{${sorted.map(([key, text]) => `${JSON.stringify(key)}:${JSON.stringify(text)}`).join(',')}}`;
}
