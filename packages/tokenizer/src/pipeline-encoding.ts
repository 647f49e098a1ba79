import { lengthOf, type Part, type Segment } from './post-processors/post-processor.js';
import type { Encoding, Offset } from './tokenizer.js';
import { isWhitespace } from './unicode.js';

/** What is known of each token of a text beyond its id. */
export interface TokenDetails {
  readonly tokens: readonly string[];
  /** Starts and ends in turn, in code points. */
  readonly codePoints: readonly number[];
  readonly words: readonly number[];
  /** A place in the text of a token, in UTF-16 code units. */
  inUnits(token: number, codePoint: number): number;
}

/** The tokens of one text: the ids are there, the rest is found when it is asked for. */
export interface TokenizedText {
  readonly ids: readonly number[];
  details(): TokenDetails;
}

/**
 * One encoded text or pair of texts. All arrays have the same length, one item a token; `offsets`, `tokens` and what depends on them are found
 * when they are first asked for, so that ids alone cost nothing else.
 */
export class PipelineEncoding implements Encoding {
  /** Vocabulary indices. */
  readonly ids: number[];
  readonly #part: Part;
  readonly #texts: readonly TokenizedText[];
  #overflowing: PipelineEncoding[] | undefined;
  #found: Map<string, unknown> | undefined;

  /** Made by `encode`. */
  constructor(part: Part, texts: readonly TokenizedText[]) {
    this.#part = part;
    this.#texts = texts;
    this.ids = idsOf(part.segments, texts);
  }

  /** How many tokens there are. */
  get length(): number {
    return this.ids.length;
  }

  /** The tokens as the vocabulary has them; an added token as it stands in the text, with the white space that belongs to it. */
  get tokens(): string[] {
    return this.#once('tokens', () => this.#collect(({ tokens }, i) => tokens[i] as string, (tokens, i) => tokens[i] as string)); // biome-ignore format: one row
  }

  /** Which part of its text each token covers: `text.slice(start, end)`. Special tokens cover nothing: `[0, 0]`. */
  get offsets(): Offset[] {
    return this.#once('offsets', () => this.#spans((span, details, i) => [details.inUnits(i, span[0]), details.inUnits(i, span[1])]));
  }

  /** The same, counted in code points, as Python does. */
  get codePointOffsets(): Offset[] {
    return this.#once('codePointOffsets', () => this.#spans((span) => span));
  }

  /** 1 for a token, 0 for padding. */
  get attentionMask(): number[] {
    return this.#bySegment(({ kind }) => (kind === 'padding' ? 0 : 1));
  }

  /** 1 for a token that the tokenizer added (by its template, or padding), 0 for one that stands for text. */
  get specialTokensMask(): number[] {
    return this.#bySegment(({ kind }) => (kind === 'text' ? 0 : 1));
  }

  /** What the template gives each part: mostly 0 for the first text and 1 for the second one. */
  get typeIds(): number[] {
    return this.#bySegment(({ typeId }) => typeId);
  }

  /** Which text each token comes from, 0 or 1; null for special tokens and padding. */
  get sequenceIds(): (number | null)[] {
    return this.#bySegment((segment) => (segment.kind === 'text' ? segment.sequence : null));
  }

  /** Which word of its text each token belongs to: which piece of the pre-tokenizer's, or which of the words given. */
  get wordIds(): (number | null)[] {
    return this.#once('wordIds', () => this.#collect<number | null>(({ words }, i) => words[i] as number, () => null)); // biome-ignore format: one row
  }

  /** What truncation cut off, in parts that are encodings like this one. */
  get overflowing(): PipelineEncoding[] {
    this.#overflowing ??= this.#part.overflowing.map((part) => new PipelineEncoding(part, this.#texts));
    return this.#overflowing;
  }

  /** The token that covers the code unit at `position` of a text; undefined if none does. */
  charToToken(position: number, sequence = 0): number | undefined {
    const sequences = this.sequenceIds;
    const index = this.offsets.findIndex(([start, end], i) => sequences[i] === sequence && position >= start && position < end);
    return index < 0 ? undefined : index;
  }

  /** The text that a token comes from, and which part of it; undefined for one that comes from none. */
  tokenToChars(token: number): { sequence: number; offsets: Offset } | undefined {
    const sequence = this.sequenceIds[token];
    const offsets = this.offsets[token];
    return sequence === undefined || sequence === null || offsets === undefined ? undefined : { sequence, offsets };
  }

  /** The tokens of a word, as a half-open range; undefined if there are none. */
  wordToTokens(word: number, sequence = 0): [start: number, end: number] | undefined {
    const sequences = this.sequenceIds;
    const words = this.wordIds;
    const isOfWord = (_: unknown, i: number): boolean => words[i] === word && sequences[i] === sequence;
    const start = words.findIndex(isOfWord);
    return start < 0 ? undefined : [start, words.findLastIndex(isOfWord) + 1];
  }

  /** Which part of its text a word covers; undefined if no token belongs to it. */
  wordToChars(word: number, sequence = 0): Offset | undefined {
    const tokens = this.wordToTokens(word, sequence);
    if (tokens === undefined) return undefined;
    return [(this.offsets[tokens[0]] as Offset)[0], (this.offsets[tokens[1] - 1] as Offset)[1]];
  }

  /** The text and the word that a token belongs to; undefined for one that belongs to none. */
  tokenToWord(token: number): { sequence: number; word: number } | undefined {
    const sequence = this.sequenceIds[token];
    const word = this.wordIds[token];
    return typeof sequence === 'number' && typeof word === 'number' ? { sequence, word } : undefined;
  }

  /** The word that covers the code unit at `position` of a text; undefined if none does. */
  charToWord(position: number, sequence = 0): number | undefined {
    const token = this.charToToken(position, sequence);
    return token === undefined ? undefined : this.tokenToWord(token)?.word;
  }

  /** What `JSON.stringify` writes: all arrays. */
  toJSON(): Record<string, unknown> {
    const { ids, typeIds, tokens, offsets, attentionMask, specialTokensMask, wordIds, sequenceIds, overflowing } = this;
    return { ids, typeIds, tokens, offsets, attentionMask, specialTokensMask, wordIds, sequenceIds, overflowing };
  }

  #once<T>(name: string, find: () => T): T {
    this.#found ??= new Map();
    if (!this.#found.has(name)) this.#found.set(name, find());
    return this.#found.get(name) as T;
  }

  #bySegment<T>(value: (segment: Segment) => T): T[] {
    const values: T[] = [];
    for (const segment of this.#part.segments) {
      const one = value(segment);
      for (let count = lengthOf([segment]); count > 0; count--) values.push(one);
    }
    return values;
  }

  #collect<T>(ofText: (details: TokenDetails, index: number) => T, ofOther: (tokens: readonly string[], index: number) => T): T[] {
    const values: T[] = [];
    for (const segment of this.#part.segments) {
      if (segment.kind === 'text') {
        const details = (this.#texts[segment.sequence] as TokenizedText).details();
        for (let i = segment.from; i < segment.to; i++) values.push(ofText(details, i));
      } else {
        for (let i = 0; i < segment.ids.length; i++) values.push(ofOther(segment.tokens, i));
      }
    }
    return values;
  }

  #spans(convert: (span: Offset, details: TokenDetails, token: number) => Offset): Offset[] {
    const offsets: Offset[] = [];
    for (const segment of this.#part.segments) {
      if (segment.kind !== 'text') {
        for (const _ of segment.ids) offsets.push([0, 0]);
        continue;
      }
      const details = (this.#texts[segment.sequence] as TokenizedText).details();
      for (let i = segment.from; i < segment.to; i++) {
        let span: Offset = [details.codePoints[i * 2] as number, details.codePoints[i * 2 + 1] as number];
        for (const prefixed of segment.trims) span = trimmed(span, details.tokens[i] as string, prefixed, i === segment.from);
        offsets.push(convert(span, details, i));
      }
    }
    return offsets;
  }
}

function idsOf(segments: readonly Segment[], texts: readonly TokenizedText[]): number[] {
  const [only] = segments;
  if (segments.length === 1 && only?.kind === 'text') {
    const { ids } = texts[only.sequence] as TokenizedText;
    return only.from === 0 && only.to === ids.length ? (ids as number[]) : ids.slice(only.from, only.to);
  }
  const parts = segments.map((segment) =>
    segment.kind === 'text' ? (texts[segment.sequence] as TokenizedText).ids.slice(segment.from, segment.to) : segment.ids,
  );
  return ([] as number[]).concat(...parts);
}

/** An offset without the white space at the ends of the token, but for a space that was put before the text. */
function trimmed([start, end]: Offset, token: string, prefixed: boolean, first: boolean): Offset {
  let leading = 0;
  while (leading < token.length && isSpace(token.charCodeAt(leading))) leading++;
  let trailing = 0;
  while (trailing < token.length && isSpace(token.charCodeAt(token.length - 1 - trailing))) trailing++;
  if ((first || start === 0) && prefixed && leading === 1) leading = 0;
  const from = leading > 0 ? Math.min(start + leading, end) : start;
  const to = trailing > 0 && end >= trailing ? Math.max(end - trailing, from) : end;
  return [from, to];
}

/** White space, or the character that stands for a space among bytes. */
function isSpace(unit: number): boolean {
  return unit === 0x120 || isWhitespace(unit);
}
