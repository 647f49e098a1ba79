import { arrayClasses, bitsOf, type HeldDtype, isHeldDtype, safetensorsDtypes, type SafetensorsDtype, type TensorRecord } from './dtype.js';
import { toBool } from './convert.js';
import { quote, SafetensorsError, showShape } from './error.js';
import { narrowBfloat16, narrowFloat16 } from './half.js';
import { byteLengthOf, LENGTH_BYTES, MAX_HEADER_BYTES } from './header.js';
import { isWellFormed } from './header-json.js';

/** Tensors by name: a Map, an array of pairs, what `stateDict` gives, or a plain object. */
export type TensorsToWrite = Iterable<readonly [string, TensorRecord]> | Readonly<Record<string, TensorRecord>>;

export interface SerializeOptions {
  /** Free text for `__metadata__`, as Hugging Face's `{ format: 'pt' }`. */
  readonly metadata?: Iterable<readonly [string, string]> | Readonly<Record<string, string>>;
  /** Narrow `F64` and `F32` tensors to this where it is narrower: to nearest, ties to even. Other dtypes are written as they are. */
  readonly dtype?: 'F32' | 'F16' | 'BF16';
}

/** One tensor of a file to be written; `bytes` is called when its turn comes, so that at most one narrowed copy exists at a time. */
interface Piece {
  readonly name: string;
  readonly dtype: HeldDtype;
  readonly shape: readonly number[];
  readonly byteLength: number;
  bytes(): Uint8Array;
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
 * @throws SafetensorsError if `data` is not the typed array of `dtype` or not of the shape's size, and for a name that is given twice, is
 * not well-formed Unicode, or is `__metadata__`.
 * @example
 * const bytes = serializeSafetensors({ w: { dtype: 'F32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) } }, { metadata: { format: 'pt' } });
 */
export function serializeSafetensors(tensors: TensorsToWrite, options: SerializeOptions = {}): Uint8Array {
  const layout = layOut(tensors, options);
  const file = new Uint8Array(layout.byteLength);
  let at = 0;
  for (const part of layout.parts()) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

/** Checks and orders the tensors and makes the header; the data is not touched yet. */
export function layOut(tensors: TensorsToWrite, options: SerializeOptions = {}): SafetensorsLayout {
  const pieces = new Map<string, Piece>();
  for (const [name, tensor] of pairs(tensors)) {
    if (pieces.has(name)) throw new SafetensorsError({ tensor: name, expected: 'each name once', got: 'this one a second time' });
    pieces.set(name, makePiece(name, tensor, options.dtype));
  }
  const order = safetensorsDtypes();
  const rank = (dtype: SafetensorsDtype): number => order.indexOf(dtype);
  const sorted = [...pieces.values()].sort((a, b) => rank(b.dtype) - rank(a.dtype) || compareCodePoints(a.name, b.name));
  const start = makeStart(sorted, options.metadata);
  return {
    byteLength: sorted.reduce((sum, piece) => sum + piece.byteLength, start.length),
    *parts() {
      yield start;
      for (const piece of sorted) yield piece.bytes();
    },
  };
}

function pairs<T>(mapping: Iterable<readonly [string, T]> | Readonly<Record<string, T>>): Iterable<readonly [string, T]> {
  return Symbol.iterator in mapping ? (mapping as Iterable<readonly [string, T]>) : Object.entries(mapping);
}

function makePiece(name: string, tensor: TensorRecord, narrowTo: SerializeOptions['dtype']): Piece {
  checkTensor(name, tensor);
  const { shape } = tensor;
  const isWider = (tensor.dtype === 'F32' || tensor.dtype === 'F64') && narrowTo !== undefined && bitsOf(narrowTo) < bitsOf(tensor.dtype);
  const dtype = isWider ? narrowTo : tensor.dtype;
  return { name, dtype, shape, byteLength: byteLengthOf(dtype, shape, name), bytes: () => bytesOf(tensor, dtype) };
}

function checkTensor(name: string, tensor: TensorRecord): void {
  const refuse = (field: string, expected: string, got: string): never => {
    throw new SafetensorsError({ tensor: String(name), field, expected, got });
  };
  if (typeof name !== 'string' || !isWellFormed(name)) refuse('name', 'a string of well-formed Unicode', quote(String(name)));
  if (name === '__metadata__') refuse('name', 'any name but the one that the format keeps for metadata', quote(name));
  const { dtype, shape, data } = tensor;
  if (!isHeldDtype(dtype)) refuse('dtype', `one of ${Object.keys(arrayClasses).join(' ')}`, String(dtype));
  if (!Array.isArray(shape) || !shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    refuse('shape', 'an array of non-negative integers', Array.isArray(shape) ? showShape(shape) : String(shape));
  }
  const wanted = arrayClasses[dtype].name;
  const kind = ArrayBuffer.isView(data) ? data[Symbol.toStringTag] : typeof data;
  if (kind !== wanted) refuse('data', `a ${wanted} for ${dtype}`, kind);
  const bytes = byteLengthOf(dtype, shape, name);
  if (data.byteLength !== bytes) {
    const elements = bytes / data.BYTES_PER_ELEMENT;
    refuse('data', `${elements} elements for the shape ${showShape(shape)}`, `${data.length}`);
  }
}

/** The bytes of a tensor as `dtype`: a view of its data where nothing needs to change. */
function bytesOf(tensor: TensorRecord, dtype: HeldDtype): Uint8Array {
  const { buffer, byteOffset, byteLength } = asStored(tensor, dtype);
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function asStored(tensor: TensorRecord, dtype: HeldDtype): ArrayBufferView {
  if (tensor.dtype === 'BOOL') return toBool(tensor);
  if (tensor.dtype === dtype || (tensor.dtype !== 'F32' && tensor.dtype !== 'F64')) return tensor.data;
  if (dtype === 'F16') return narrowFloat16(tensor.data);
  if (dtype === 'BF16') return narrowBfloat16(tensor.data);
  return new Float32Array(tensor.data);
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

/** Orders strings by code point, which is the order of their UTF-8 bytes; `<` would order by UTF-16 unit. */
function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [unitA, unitB] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (unitA !== unitB) return orderOfUnit(unitA) - orderOfUnit(unitB);
  }
  return a.length - b.length;
}

/** Lifts the surrogates, which stand for code points from 0x10000, above all other units. */
function orderOfUnit(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
