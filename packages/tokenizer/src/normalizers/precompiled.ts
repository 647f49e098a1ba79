/*
 * SentencePiece's table of replacements: a double-array trie over UTF-8, whose values are places in a list of replacements. A cluster of less than
 * six bytes is looked up as a whole, and the shortest entry that it begins with counts, as in Hugging Face's tokenizers; else
 * its characters are. Every place that a damaged table names is checked.
 */
import type { Change } from '../aligned-text.js';
import { TokenizerError } from '../errors.js';
import type { Normalizer } from './normalizer.js';

/** Throws `TokenizerError` for a table that is no table. */
export function precompiledNormalizer(operation: string, charsmap: string): Normalizer {
  const table = new CharacterTable(operation, bytesOfBase64(operation, charsmap));
  const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });
  return (text) => {
    const changes: Change[] = [];
    let modified = false;
    const replace = (piece: string, old: number): boolean => {
      const replacement = table.replacement(piece);
      if (replacement === undefined) return false;
      modified = true;
      const characters = replacement === '' ? [''] : [...replacement];
      characters.forEach((character, i) => {
        changes.push([character, i === 0 ? 1 - old : 1]);
      });
      return true;
    };
    const single = (character: string): void => {
      if (!replace(character, 1)) changes.push([character, 0]);
    };
    for (const cluster of clusters(text.text, segmenter)) {
      const characters = [...cluster];
      if (characters.length > 1 && utf8Length(cluster) < 6 && replace(cluster, characters.length)) continue;
      for (const character of characters) single(character);
    }
    return modified ? text.transform(changes) : text;
  };
}

/** Grapheme clusters. Where ASCII follows ASCII there is a boundary, except between CR and LF: the segmenter is asked for the rest alone. */
function* clusters(text: string, segmenter: Intl.Segmenter): Generator<string> {
  const isAscii = (at: number): boolean => at >= text.length || text.charCodeAt(at) < 0x80;
  for (let at = 0; at < text.length; ) {
    if (text.startsWith('\r\n', at)) {
      yield '\r\n';
      at += 2;
    } else if (isAscii(at) && isAscii(at + 1)) {
      yield text[at] as string;
      at++;
    } else {
      let end = at + 1;
      while (!isAscii(end) || !isAscii(end + 1)) end++;
      if (!text.startsWith('\r\n', end)) end = Math.min(end + 1, text.length);
      for (const { segment } of segmenter.segment(text.slice(at, end))) yield segment;
      at = end;
    }
  }
}

class CharacterTable {
  readonly #units: Uint32Array;
  readonly #strings: Uint8Array;
  readonly #decoder = new TextDecoder();
  readonly #encoder = new TextEncoder();
  readonly #known = new Map<string, string | undefined>();

  constructor(operation: string, bytes: Uint8Array) {
    const refuse = (problem: string) =>
      new TokenizerError(operation, `precompiled_charsmap: expected a table of replacements, got ${problem}`);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.length < 4) throw refuse(`${bytes.length} bytes`);
    const size = view.getUint32(0, true);
    if (size % 4 !== 0 || size > bytes.length - 4) throw refuse(`a trie of ${size} bytes in ${bytes.length}`);
    this.#units = new Uint32Array(size / 4);
    for (let i = 0; i < this.#units.length; i++) this.#units[i] = view.getUint32(4 + i * 4, true);
    this.#strings = bytes.subarray(4 + size);
  }

  /** What is to stand for a text that begins with an entry of the table. */
  replacement(text: string): string | undefined {
    if (this.#known.has(text)) return this.#known.get(text);
    const found = this.#find(text);
    if (this.#known.size < 10_000) this.#known.set(text, found);
    return found;
  }

  #find(text: string): string | undefined {
    const units = this.#units;
    if (units.length === 0) return undefined;
    let node = offset(units[0] as number);
    for (const byte of this.#encoder.encode(text)) {
      if (byte === 0) return undefined;
      node ^= byte;
      const unit = units[node];
      if (unit === undefined || (unit & 0x800000ff) !== byte) return undefined;
      node ^= offset(unit);
      if ((unit >>> 8) % 2 === 0) continue;
      const value = units[node];
      return value === undefined ? undefined : this.#stringAt(value & 0x7fffffff);
    }
    return undefined;
  }

  #stringAt(place: number): string | undefined {
    if (place >= this.#strings.length) return undefined;
    const end = this.#strings.indexOf(0, place);
    return this.#decoder.decode(this.#strings.subarray(place, end < 0 ? this.#strings.length : end));
  }
}

function offset(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}

function utf8Length(text: string): number {
  let length = 0;
  for (const character of text) {
    const codePoint = character.codePointAt(0) as number;
    length += codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
  }
  return length;
}

function bytesOfBase64(operation: string, text: string): Uint8Array {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    throw new TokenizerError(operation, 'precompiled_charsmap: expected base64');
  }
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
