/** One tensor on its way into a file: checked, its dtype and size settled, its bytes not yet made. */
import { arrayClasses, type HeldDtype, isHeldDtype, type TensorRecord } from './dtype.js';
import { quote, SafetensorsError, showShape } from './error.js';
import { byteLengthOf } from './header.js';
import { isWellFormed } from './header-json.js';
import { asStored, checkDtypes, storedDtype, type StoredDtypes } from './stored-dtype.js';

/** Tensors by name: a Map, an array of pairs, what `recordsOf` gives, or a plain object. */
export type TensorsToWrite = Iterable<readonly [string, TensorRecord]> | Readonly<Record<string, TensorRecord>>;

/** One tensor of a file to be written; `bytes` is called when its turn comes, so that at most one converted copy exists at a time. */
export interface Piece {
  readonly name: string;
  readonly dtype: HeldDtype;
  readonly shape: readonly number[];
  readonly byteLength: number;
  bytes(): Uint8Array;
}

/** The tensors as pieces, in the order in which they come; refuses wrong ones and names that come twice. */
export function piecesOf(tensors: TensorsToWrite, dtypes: StoredDtypes | undefined): Piece[] {
  const pieces = new Map<string, Piece>();
  for (const [name, tensor] of pairs(tensors)) {
    if (pieces.has(name)) throw new SafetensorsError({ tensor: name, expected: 'each name once', got: 'this one a second time' });
    checkTensor(name, tensor);
    const { shape } = tensor;
    const dtype = storedDtype(name, tensor, dtypes);
    const bytes = (): Uint8Array => {
      const { buffer, byteOffset, byteLength } = asStored(name, tensor, dtype);
      return new Uint8Array(buffer, byteOffset, byteLength);
    };
    pieces.set(name, { name, dtype, shape, byteLength: byteLengthOf(dtype, shape, name), bytes });
  }
  checkDtypes(dtypes, pieces);
  return [...pieces.values()];
}

/** The pairs of a Map, an array of pairs or a plain object. */
export function pairs<T>(mapping: Iterable<readonly [string, T]> | Readonly<Record<string, T>>): Iterable<readonly [string, T]> {
  return Symbol.iterator in mapping ? (mapping as Iterable<readonly [string, T]>) : Object.entries(mapping);
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

/** Orders strings by code point, which is the order of their UTF-8 bytes; `<` would order by UTF-16 unit. */
export function compareCodePoints(a: string, b: string): number {
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
