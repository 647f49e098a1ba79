/**
 * The header of a safetensors file: eight bytes of length (little-endian), that many bytes of JSON, then the data of all tensors without
 * hole or overlap up to the last byte. What this file lets through can be read without further checks, and nothing of the size
 * that a header claims is allocated before the claim has been compared with the size of the file.
 *
 * Stricter than Hugging Face's Rust reader, on purpose, in what a correct writer never writes: duplicate keys in `__metadata__`, a null
 * `__metadata__`, unknown fields, tensor entries as arrays, white space before `{`, dimensions above 2^53 - 1.
 */
import { bitsOf, isSafetensorsDtype, type SafetensorsDtype, safetensorsDtypes } from './dtype.js';
import { quote, SafetensorsError, showShape } from './error.js';
import { JsonCursor } from './header-json.js';

/** Bytes of the longest header, and of the longest index, that is read: 100,000,000, as in Hugging Face's own reader. */
export const MAX_HEADER_BYTES = 100_000_000;

/** Bytes of the length field before the header. */
export const LENGTH_BYTES = 8;

/** What the header says of one tensor. */
export interface TensorInfo {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /** Its first byte, from the start of the data section. */
  readonly begin: number;
  /** The byte behind its last. */
  readonly end: number;
}

/** A header that has been checked against the size of its file. */
export interface SafetensorsHeader {
  /** Every tensor by name, in the order of the header. */
  readonly entries: ReadonlyMap<string, TensorInfo>;
  /** The free text of `__metadata__`; empty if there is none. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Byte of the file at which the data section begins. */
  readonly dataStart: number;
}

/** The length of the header, from the first bytes of a file of `size` bytes, if it can be true. */
export function readHeaderLength(start: Uint8Array, size: number, file?: string): number {
  const refuse = (expected: string, got: string): never => {
    throw new SafetensorsError({ file, field: 'header length', expected, got, hint: recognise(start) });
  };
  if (size < LENGTH_BYTES) refuse(`a file of at least ${LENGTH_BYTES} bytes`, `${size} bytes`);
  const length = new DataView(start.buffer, start.byteOffset, LENGTH_BYTES).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES) refuse(`at most ${MAX_HEADER_BYTES} bytes`, String(length));
  if (length > size - LENGTH_BYTES) refuse(`at most the ${size - LENGTH_BYTES} bytes that follow it in the file`, String(length));
  if (length < 2) refuse('at least the 2 bytes of {}', String(length));
  return Number(length);
}

/** What a file that is no safetensors file seems to be, from its first bytes. */
function recognise(start: Uint8Array): string | undefined {
  const text = String.fromCharCode(...start.subarray(0, LENGTH_BYTES));
  if (text.startsWith('version ')) return 'this looks like a Git LFS pointer: fetch the file itself with git lfs pull';
  if (text.startsWith('<')) return 'this looks like a web page saved in place of the file';
  if (text.startsWith('PK')) return 'this looks like a zip archive, perhaps of torch.save';
  if (text.startsWith('\x80')) return 'this looks like a Python pickle: convert it, pickles run code';
  if (text.startsWith('\x1f\x8b')) return 'this looks like gzip: unpack it first';
  if (text.startsWith('GGUF')) return 'this looks like a GGUF file';
  if (text.startsWith('{')) return 'this looks like JSON: the 8 bytes of length are missing';
  return undefined;
}

/**
 * Parses the bytes of the header, without its length field, of a file of `size` bytes and checks every claim in it. Where the size is not
 * known, as of a stream, it is what the header claims, `sizeOf`, and what comes has to keep to it.
 */
export function parseHeader(bytes: Uint8Array, size: number | undefined, file?: string): SafetensorsHeader {
  const cursor = new JsonCursor(decodeHeader(bytes, file), file);
  const entries = new Map<string, TensorInfo>();
  let metadata = new Map<string, string>();
  cursor.object({}, 'a JSON object', (key) => {
    if (key === '__metadata__') metadata = parseMetadata(cursor);
    else entries.set(key, parseTensorInfo(cursor, key));
  });
  cursor.end();
  const dataStart = LENGTH_BYTES + bytes.length;
  const header = { entries, metadata, dataStart };
  checkLayout(entries, (size ?? sizeOf(header)) - dataStart, file);
  return header;
}

/** Bytes of the file that has this header. */
export function sizeOf({ entries, dataStart }: SafetensorsHeader): number {
  let end = 0;
  for (const info of entries.values()) end = Math.max(end, info.end);
  return dataStart + end;
}

function decodeHeader(bytes: Uint8Array, file: string | undefined): string {
  if (bytes[0] !== 0x7b) {
    const got = `byte 0x${bytes[0].toString(16).padStart(2, '0')}`;
    throw new SafetensorsError({ file, field: 'header', expected: '"{" as its first byte', got });
  }
  const shared = !(bytes.buffer instanceof ArrayBuffer); // TextDecoder refuses shared memory
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(shared ? bytes.slice() : bytes);
  } catch (cause) {
    throw new SafetensorsError({ file, field: 'header', expected: 'UTF-8', got: 'bytes that are not' }, { cause });
  }
}

function parseMetadata(cursor: JsonCursor): Map<string, string> {
  const place = { field: '__metadata__' };
  const metadata = new Map<string, string>();
  cursor.object(place, 'an object of strings', (key) => {
    metadata.set(key, cursor.string(place, `a string under the key ${quote(key)}`));
  });
  return metadata;
}

function parseTensorInfo(cursor: JsonCursor, tensor: string): TensorInfo {
  let dtype: SafetensorsDtype | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  cursor.object({ tensor }, 'an object with dtype, shape and data_offsets', (key) => {
    if (key === 'dtype') dtype = parseDtype(cursor, tensor);
    else if (key === 'shape') shape = parseIntegers(cursor, tensor, key);
    else if (key === 'data_offsets') offsets = parseIntegers(cursor, tensor, key, 2);
    else cursor.refuse({ tensor }, 'only the fields dtype, shape and data_offsets', quote(key));
  });
  if (dtype === undefined) return cursor.refuse({ tensor, field: 'dtype' }, 'a dtype', 'none');
  if (shape === undefined) return cursor.refuse({ tensor, field: 'shape' }, 'a shape', 'none');
  if (offsets === undefined) return cursor.refuse({ tensor, field: 'data_offsets' }, '[begin, end]', 'none');
  return { dtype, shape, begin: offsets[0], end: offsets[1] };
}

function parseDtype(cursor: JsonCursor, tensor: string): SafetensorsDtype {
  const place = { tensor, field: 'dtype' };
  const name = cursor.string(place, 'the name of a dtype');
  return isSafetensorsDtype(name) ? name : cursor.refuse(place, `one of ${safetensorsDtypes().join(' ')}`, quote(name));
}

function parseIntegers(cursor: JsonCursor, tensor: string, field: string, count?: number): number[] {
  const place = { tensor, field };
  const expected = `an array of ${count === undefined ? '' : `${count} `}non-negative integers`;
  const integers: number[] = [];
  cursor.array(place, expected, (index) => {
    if (index === count) cursor.refuse(place, expected, 'more');
    integers.push(cursor.integer(place, 'a non-negative integer'));
  });
  if (count !== undefined && integers.length < count) cursor.refuse(place, expected, `${integers.length}`);
  return integers;
}

/** The bytes that a tensor takes; refuses a product of dimensions that no double counts, also one that a zero behind it would undo. */
export function byteLengthOf(dtype: SafetensorsDtype, shape: readonly number[], tensor: string, file?: string): number {
  const refuse = (expected: string): never => {
    throw new SafetensorsError({ file, tensor, field: 'shape', expected, got: `${showShape(shape)} of ${dtype}` });
  };
  let elements = 1;
  for (const size of shape) {
    elements *= size;
    if (elements > Number.MAX_SAFE_INTEGER) refuse('a product of dimensions below 2^53');
  }
  const bits = elements * bitsOf(dtype);
  if (bits > Number.MAX_SAFE_INTEGER) refuse('a size in bits below 2^53');
  if (bits % 8 !== 0) refuse('a whole number of bytes');
  return bits / 8;
}

/** Refuses offsets that are not of the tensor's size, and tensors that do not fill the data section without hole or overlap. */
function checkLayout(entries: ReadonlyMap<string, TensorInfo>, dataBytes: number, file: string | undefined): void {
  const refuse = (tensor: string, { begin, end }: TensorInfo, expected: string, hint?: string): never => {
    throw new SafetensorsError({ file, tensor, field: 'data_offsets', expected, got: `[${begin},${end}]`, hint });
  };
  for (const [name, info] of entries) {
    const bytes = byteLengthOf(info.dtype, info.shape, name, file);
    const spanned = info.end - info.begin;
    if (spanned < 0) refuse(name, info, 'an end not before its begin');
    if (spanned !== bytes) refuse(name, info, `${bytes} bytes, for ${info.dtype} ${showShape(info.shape)}`, `${spanned} bytes`);
    if (info.end > dataBytes) refuse(name, info, `an end within the ${dataBytes} bytes of data`, 'is the file cut short?');
  }
  let covered = 0;
  const byOffset = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  for (const [name, info] of byOffset) {
    if (info.begin !== covered) {
      refuse(name, info, `begin ${covered}, the end of what lies before`, info.begin < covered ? 'tensors overlap' : 'there is a hole');
    }
    covered = info.end;
  }
  if (covered !== dataBytes) {
    const expected = `${covered} bytes, the end of the last tensor`;
    throw new SafetensorsError({
      file,
      field: 'data',
      expected,
      got: `${dataBytes} bytes`,
      hint: 'there are bytes behind the last tensor',
    });
  }
}
