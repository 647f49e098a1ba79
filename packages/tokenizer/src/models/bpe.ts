import { isHighSurrogate } from '../aligned-text.js';
import { byteCharacters, characterOfByte } from '../byte-characters.js';
import { show, TokenizerError } from '../errors.js';
import { type MergeTable, Word } from './merges.js';
import type { Model, TokenSink } from './model.js';
import type { Spans } from '../pre-tokenizers/pre-tokenizer.js';
import type { VocabularyTable } from './vocabulary-table.js';

export interface BpeRules {
  unknown: string | undefined;
  prefix: string;
  suffix: string;
  fuseUnknown: boolean;
  byteFallback: boolean;
  ignoreMerges: boolean;
  /** The probability with which a merge is left out; the draws are the same for every word. */
  dropout: number;
  seed: number;
}

/** Byte pair encoding (Sennrich et al., 2016): characters, joined by rules in the order of their rank. */
export class Bpe implements Model {
  readonly #vocabulary: VocabularyTable;
  readonly #merges: MergeTable;
  readonly #rules: BpeRules;
  readonly #word = new Word();
  /** By byte: the id of its character in GPT-2's alphabet; undefined if the vocabulary lacks one of them. */
  readonly #byteIds: Int32Array | undefined;
  /** Where a piece falls into parts that no rule joins, if it does: before each `▁`, mostly. */
  readonly words: Spans | undefined;
  /** Ids of single characters below U+0800, -1 for those not asked for yet, -2 for those that the vocabulary lacks. */
  readonly #characterIds = new Int32Array(0x800).fill(-1);

  constructor(vocabulary: VocabularyTable, merges: MergeTable, rules: BpeRules) {
    this.#vocabulary = vocabulary;
    this.#merges = merges;
    this.#rules = rules;
    const byteIds = characterOfByte.map((character) => vocabulary.id(character));
    if (byteIds.every((id) => id !== undefined) && rules.prefix === '' && rules.suffix === '' && rules.dropout === 0) {
      this.#byteIds = Int32Array.from(byteIds as number[]);
    }
    this.words = separate(vocabulary, rules);
  }

  get size(): number {
    return this.#vocabulary.size;
  }

  id(token: string): number | undefined {
    return this.#vocabulary.id(token);
  }

  token(id: number): string | undefined {
    return this.#vocabulary.token(id);
  }

  /** Whether `encodeBytes` may be used: the vocabulary has every byte. */
  get hasBytes(): boolean {
    return this.#byteIds !== undefined;
  }

  /** The ids of a text whose bytes are characters of the vocabulary: what `tokenize` makes of its `byteCharacters`. */
  encodeBytes(text: string): number[] {
    const byteIds = this.#byteIds as Int32Array;
    if (this.#rules.ignoreMerges) {
      const id = this.#vocabulary.id(byteCharacters(text));
      if (id !== undefined) return [id];
    }
    const word = this.#word;
    word.count = 0;
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      if (unit < 0x80) {
        word.add(byteIds[unit] as number, 1);
      } else if (unit < 0x800) {
        word.add(byteIds[0xc0 | (unit >> 6)] as number, 1);
        word.add(byteIds[0x80 | (unit & 63)] as number, 1);
      } else if (!isHighSurrogate(unit)) {
        word.add(byteIds[0xe0 | (unit >> 12)] as number, 1);
        word.add(byteIds[0x80 | ((unit >> 6) & 63)] as number, 1);
        word.add(byteIds[0x80 | (unit & 63)] as number, 1);
      } else {
        const codePoint = text.codePointAt(at++) as number;
        word.add(byteIds[0xf0 | (codePoint >> 18)] as number, 1);
        word.add(byteIds[0x80 | ((codePoint >> 12) & 63)] as number, 1);
        word.add(byteIds[0x80 | ((codePoint >> 6) & 63)] as number, 1);
        word.add(byteIds[0x80 | (codePoint & 63)] as number, 1);
      }
    }
    word.merge(this.#merges);
    const ids = new Array<number>(word.count);
    for (let i = 0; i < word.count; i++) ids[i] = (word.ids[i] as number) >>> 0;
    return ids;
  }

  tokenize(piece: string, sink: TokenSink): void {
    if (this.#rules.ignoreMerges) {
      const id = this.#vocabulary.id(piece);
      if (id !== undefined) {
        sink.add(id, 0, piece.length);
        return;
      }
    }
    const word = this.#word;
    word.count = 0;
    this.#addCharacters(piece, word);
    word.merge(this.#merges, this.#dropout());
    if (!sink.detailed) {
      for (let i = 0; i < word.count; i++) sink.add((word.ids[i] as number) >>> 0, 0, 0);
      return;
    }
    const [starts, ends] = unitsOfBytes(piece);
    let byte = 0;
    for (let i = 0; i < word.count; i++) {
      const end = byte + (word.lengths[i] as number);
      const last = Math.min(end, ends.length) - 1;
      sink.add((word.ids[i] as number) >>> 0, starts[Math.min(byte, starts.length - 1)] as number, ends[last] as number);
      byte = end;
    }
  }

  /** The tokens of single characters, before any rule is applied. */
  #addCharacters(piece: string, word: Word): void {
    const { prefix, suffix, fuseUnknown, byteFallback } = this.#rules;
    const affixed = prefix !== '' || suffix !== '';
    let unknownId = -1;
    let unknownLength = 0;
    const flush = (): void => {
      if (unknownLength > 0) word.add(unknownId, unknownLength);
      unknownLength = 0;
    };
    for (let at = 0; at < piece.length; ) {
      const width = isHighSurrogate(piece.charCodeAt(at)) ? 2 : 1;
      const start = at;
      at += width;
      let id: number | undefined;
      if (affixed) id = this.#vocabulary.id(this.#affixed(piece, start, at));
      else id = this.#characterId(piece, start, at);
      const length = byteLength(piece, start);
      if (id !== undefined) {
        flush();
        word.add(id, length);
        continue;
      }
      // As in the original, an unknown token before bytes comes after them.
      if (byteFallback && this.#addBytes(affixed ? this.#affixed(piece, start, at) : piece.slice(start, at), word)) continue;
      if (this.#rules.unknown === undefined) continue;
      if (unknownLength > 0 && !fuseUnknown) flush();
      unknownId = this.#unknownId(piece.slice(start, at));
      unknownLength += length;
    }
    flush();
  }

  #affixed(piece: string, start: number, end: number): string {
    const { prefix, suffix } = this.#rules;
    return (start > 0 ? prefix : '') + piece.slice(start, end) + (end === piece.length ? suffix : '');
  }

  #characterId(piece: string, start: number, end: number): number | undefined {
    const unit = piece.charCodeAt(start);
    if (unit >= 0x800) return this.#vocabulary.id(piece.slice(start, end));
    let id = this.#characterIds[unit] as number;
    if (id === -1) {
      id = this.#vocabulary.id(piece.slice(start, end)) ?? -2;
      this.#characterIds[unit] = id;
    }
    return id === -2 ? undefined : id >>> 0;
  }

  #addBytes(text: string, word: Word): boolean {
    const ids: number[] = [];
    for (const byte of new TextEncoder().encode(text)) {
      const id = this.#vocabulary.id(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
      if (id === undefined) return false;
      ids.push(id);
    }
    for (const id of ids) word.add(id, 1);
    return true;
  }

  #unknownId(text: string): number {
    const unknown = this.#rules.unknown as string;
    const id = this.#vocabulary.id(unknown);
    if (id !== undefined) return id;
    throw new TokenizerError(
      'encode',
      `expected text that the vocabulary has, or the unknown token ${show(unknown)} in it, got ${show(text)}`,
    );
  }

  #dropout(): (() => boolean) | undefined {
    const { dropout, seed } = this.#rules;
    if (dropout === 0) return undefined;
    let state = seed | 0;
    return () => {
      // Mulberry32.
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32 < dropout;
    };
  }
}

const separator = '\u2581';

/**
 * Where no token has a certain character before `▁`, no rule joins what is before and after: each part has the tokens that it has by itself, if `▁`
 * is a token, so that unknown characters do not reach across, and if tokens do not depend on where the piece begins and ends.
 */
function separate(vocabulary: VocabularyTable, rules: BpeRules): Spans | undefined {
  if (rules.prefix !== '' || rules.suffix !== '' || rules.dropout > 0 || rules.ignoreMerges || vocabulary.id(separator) === undefined)
    return undefined;
  const joined = new Set<number>();
  for (const token of vocabulary.ids.keys()) {
    for (let at = token.indexOf(separator, 1); at > 0; at = token.indexOf(separator, at + 1)) joined.add(token.charCodeAt(at - 1));
  }
  const scan = (text: string, from: number): number => {
    let at = text.indexOf(separator, from + 1);
    while (at >= 0 && joined.has(text.charCodeAt(at - 1))) at = text.indexOf(separator, at + 1);
    return at < 0 ? text.length : at;
  };
  const spans = (text: string): number[] => {
    const bounds: number[] = [];
    for (let at = 0; at < text.length; ) {
      const end = scan(text, at);
      bounds.push(at, end);
      at = end;
    }
    return bounds;
  };
  return Object.assign(spans, { scan });
}

/** How many bytes of UTF-8 the character at a place has. */
function byteLength(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  return unit < 0x80 ? 1 : unit < 0x800 ? 2 : isHighSurrogate(unit) ? 4 : 3;
}

/** By byte of a text: where its character starts and ends, in code units. */
function unitsOfBytes(text: string): [starts: number[], ends: number[]] {
  const starts: number[] = [];
  const ends: number[] = [];
  for (let at = 0; at < text.length; ) {
    const length = byteLength(text, at);
    const end = at + (length === 4 ? 2 : 1);
    for (let i = 0; i < length; i++) {
      starts.push(at);
      ends.push(end);
    }
    at = end;
  }
  return [starts, ends];
}
