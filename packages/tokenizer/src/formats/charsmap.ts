import { TokenizerError } from '../errors.js';

/** A replacement: how many UTF-16 code units of the text it is for, and what comes in their place. */
export interface Replacement {
  length: number;
  text: string;
}

/**
 * SentencePiece's table of replacements: a double array trie over UTF-8, then the replacements, each ended by NUL. Every step is checked to
 * stay inside the table, so that a damaged one gives wrong text at worst.
 *
 * The trie is that of Yata's darts-clone; a unit has a label, an offset to its children and whether a value hangs below it.
 */
export class Charsmap {
  readonly #units: Uint32Array;
  readonly #replacements: Uint8Array;
  readonly #texts = new Map<number, string>();
  readonly #operation: string;

  /** Throws `TokenizerError` unless the sizes in the table add up and the replacements are UTF-8. */
  constructor(operation: string, bytes: Uint8Array) {
    this.#operation = operation;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const size = bytes.length > 4 ? view.getUint32(0, true) : 0;
    if (bytes.length <= 4 || size >= bytes.length - 4 || size % 4 !== 0) {
      throw new TokenizerError(operation, `precompiled_charsmap: expected a trie of 4n bytes and replacements, got ${bytes.length} bytes`);
    }
    this.#units = new Uint32Array(size / 4);
    for (let i = 0; i < this.#units.length; i++) this.#units[i] = view.getUint32(4 + 4 * i, true);
    this.#replacements = bytes.subarray(4 + size);
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(this.#replacements);
    } catch {
      throw new TokenizerError(operation, 'precompiled_charsmap: expected replacements in UTF-8');
    }
  }

  /** The replacement of the longest key that the text has at this place. The text must be well-formed. */
  longest(text: string, at: number): Replacement | undefined {
    const units = this.#units;
    let node = offsetOf(units[0] ?? 0);
    let length = 0;
    let value = -1;
    for (let i = at; i < text.length; ) {
      const point = text.codePointAt(i)!;
      i += point > 0xffff ? 2 : 1;
      node = step(units, node, point);
      if (node < 0) break;
      const found = valueBelow(units, node);
      if (found < 0) continue;
      length = i - at;
      value = found;
    }
    return length === 0 ? undefined : { length, text: this.#textAt(value) };
  }

  #textAt(start: number): string {
    const known = this.#texts.get(start);
    if (known !== undefined) return known;
    const end = this.#replacements.indexOf(0, start);
    if (end < 0 || (this.#replacements[start]! & 0xc0) === 0x80) {
      throw new TokenizerError(this.#operation, `precompiled_charsmap: expected a replacement at ${start}, got none that begins and ends`);
    }
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(this.#replacements.subarray(start, end));
    this.#texts.set(start, text);
    return text;
  }
}

const offsetOf = (unit: number) => (unit >>> 10) << ((unit & 0x200) >>> 6);

/** Where the bytes of a character lead from a place in the array; −1 if nowhere. The result holds the offset to the children already. */
function step(units: Uint32Array, from: number, point: number): number {
  if (point < 0x80) return stepByte(units, from, point);
  if (point < 0x800) return stepByte(units, stepByte(units, from, 0xc0 | (point >> 6)), 0x80 | (point & 0x3f));
  const last = 0x80 | (point & 0x3f);
  const middle = 0x80 | ((point >> 6) & 0x3f);
  if (point < 0x10000) return stepByte(units, stepByte(units, stepByte(units, from, 0xe0 | (point >> 12)), middle), last);
  const second = 0x80 | ((point >> 12) & 0x3f);
  return stepByte(units, stepByte(units, stepByte(units, stepByte(units, from, 0xf0 | (point >> 18)), second), middle), last);
}

/** The low bits of what is returned are an index; bit 31 is never set, and bit 30 says that a value hangs below. */
const HAS_VALUE = 2 ** 30;

function stepByte(units: Uint32Array, from: number, byte: number): number {
  if (from < 0) return -1;
  const unit = units[(from & (HAS_VALUE - 1)) ^ byte];
  if (unit === undefined || (unit & 0x800000ff) !== byte) return -1;
  const node = ((from & (HAS_VALUE - 1)) ^ byte ^ offsetOf(unit)) & (HAS_VALUE - 1);
  return (unit & 0x100) === 0 ? node : node | HAS_VALUE;
}

function valueBelow(units: Uint32Array, node: number): number {
  if ((node & HAS_VALUE) === 0) return -1;
  const unit = units[node & (HAS_VALUE - 1)];
  return unit === undefined ? -1 : unit & 0x7fffffff;
}
