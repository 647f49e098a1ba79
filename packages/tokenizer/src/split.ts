import { show, TokenizerError } from './errors.js';
import type { Offset } from './tokenizer.js';

/**
 * Cuts a text into the pieces that are looked up in a vocabulary: spans in reading order that do not overlap. Text between them is
 * dropped.
 *
 * ```ts
 * import { splitWhitespace } from '@multihead/tokenizer';
 *
 * [...splitWhitespace('to be')]; // [[0, 2], [3, 5]]
 * ```
 */
export type Splitter = (text: string) => Iterable<Offset>;

/**
 * One span for each Unicode code point.
 *
 * ```ts
 * import { splitCodePoints } from '@multihead/tokenizer';
 *
 * [...splitCodePoints('a🙂b')]; // [[0, 1], [1, 3], [3, 4]]
 * ```
 */
export function* splitCodePoints(text: string): Generator<Offset> {
  let start = 0;
  for (const character of text) {
    const end = start + character.length;
    yield [start, end];
    start = end;
  }
}

/** One span for each run of characters that are not white space (Unicode's `White_Space`, as Hugging Face's `WhitespaceSplit`). */
export function* splitWhitespace(text: string): Generator<Offset> {
  for (const match of text.matchAll(/\P{White_Space}+/gu)) yield [match.index, match.index + match[0].length];
}

/** Throws `TokenizerError` for a `split` option that is not a function. */
export function checkSplitter(operation: string, split: unknown): void {
  if (typeof split === 'function') return;
  throw new TokenizerError(operation, `split: expected a function from a text to spans of it, got ${show(split)}`);
}

/** The text with U+FFFD for each lone surrogate. Both are one code unit long, so offsets do not move. */
export function wellFormed(text: string): string {
  // Engines of 2023 and later know at once.
  if ((text as { isWellFormed?(): boolean }).isWellFormed?.()) return text;
  return text.replace(/\p{Surrogate}/gu, '\uFFFD');
}
