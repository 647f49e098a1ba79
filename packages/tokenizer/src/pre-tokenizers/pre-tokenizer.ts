/*
 * Pre-tokenizers cut a text into pieces, of which the model makes tokens one by one. Most only cut: they are a `Splitter`, which says where the
 * pieces are, and never change the text. The others return the pieces themselves.
 */
import type { AlignedText } from '../aligned-text.js';
import type { Matcher } from '../patterns/pattern.js';
import type { SplitBehaviorJson } from '../tokenizer-json.js';
import { type CharacterTest, characterTest } from '../unicode.js';
import { without, youngPunctuation } from '../young-characters.js';

/** Where the pieces of a text are: starts and ends in turn. Empty pieces do not count. */
export interface Spans {
  (text: string): number[];
  /** If every piece ends where the next one begins: where the one that begins at a place ends. */
  readonly scan?: (text: string, at: number) => number;
}

/** A piece becomes pieces. */
export type PieceSplitter = (piece: AlignedText) => readonly AlignedText[];

export type PreTokenizer =
  | { kind: 'spans'; spans: Spans }
  | { kind: 'pieces'; split: PieceSplitter }
  | { kind: 'bytes'; addPrefixSpace: boolean; spans: Spans | undefined; split: PieceSplitter }
  | { kind: 'sequence'; steps: readonly PreTokenizer[] };

/** The pieces of `pieces`; those that are empty are left out. */
export function preTokenize(preTokenizer: PreTokenizer | undefined, pieces: readonly AlignedText[]): readonly AlignedText[] {
  if (preTokenizer === undefined) return pieces;
  if (preTokenizer.kind === 'sequence') return preTokenizer.steps.reduce((parts, step) => preTokenize(step, parts), pieces);
  const result: AlignedText[] = [];
  for (const piece of pieces) {
    if (preTokenizer.kind === 'spans') cut(piece, preTokenizer.spans(piece.text), result);
    else for (const part of preTokenizer.split(piece)) if (part.text !== '') result.push(part);
  }
  return result;
}

/** Puts the spans of a piece into `into`. */
export function cut(piece: AlignedText, spans: readonly number[], into: AlignedText[]): void {
  for (let i = 0; i < spans.length; i += 2) {
    if (spans[i] !== spans[i + 1]) into.push(piece.slice(spans[i] as number, spans[i + 1] as number));
  }
}

/** What a match becomes, by itself or with its neighbours; `invert` means what is not matched. */
export function splitSpans(find: Matcher, behavior: SplitBehaviorJson, invert: boolean): Spans {
  const keepsMatches = behavior === 'Isolated' || (behavior === 'Removed' && invert);
  if (find.scan !== undefined && keepsMatches) return find;
  return (text: string) => {
    if (text === '') return [];
    const matches = find(text);
    if (matches.length === 0 && behavior !== 'Removed') return [0, text.length];
    const parts = partsOf(matches, text.length);
    return arranged(parts, behavior, invert);
  };
}

/** Ends of the parts of a text that are matches and not in turn; whether a part is one is told by its place among `isMatch`. */
interface Parts {
  starts: number[];
  ends: number[];
  isMatch: boolean[];
}

function partsOf(matches: readonly number[], length: number): Parts {
  const parts: Parts = { starts: [], ends: [], isMatch: [] };
  const add = (start: number, end: number, isMatch: boolean): void => {
    parts.starts.push(start);
    parts.ends.push(end);
    parts.isMatch.push(isMatch);
  };
  let last = 0;
  for (let i = 0; i < matches.length; i += 2) {
    const start = matches[i] as number;
    if (last !== start) add(last, start, false);
    last = matches[i + 1] as number;
    add(start, last, true);
  }
  if (last !== length) add(last, length, false);
  return parts;
}

function arranged({ starts, ends, isMatch }: Parts, behavior: SplitBehaviorJson, invert: boolean): number[] {
  const spans: number[] = [];
  const count = starts.length;
  if (behavior === 'MergedWithNext') {
    let previous = false;
    for (let i = count - 1; i >= 0; i--) {
      const match = isMatch[i] !== invert;
      if (match && !previous && spans.length > 0) spans[spans.length - 1] = starts[i] as number;
      else spans.push(ends[i] as number, starts[i] as number);
      previous = match;
    }
    return spans.reverse();
  }
  let previous = false;
  for (let i = 0; i < count; i++) {
    const match = isMatch[i] !== invert;
    const joins =
      (behavior === 'Contiguous' && match === previous && spans.length > 0) ||
      (behavior === 'MergedWithPrevious' && match && !previous && spans.length > 0);
    if (joins) spans[spans.length - 1] = ends[i] as number;
    else if (behavior !== 'Removed' || !match) spans.push(starts[i] as number, ends[i] as number);
    previous = match;
  }
  return spans;
}

const wordOrOther =
  /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\p{White_Space}]+/gu;

/** Words, and runs of what is neither a word nor white space. */
export function whitespaceSpans(text: string): number[] {
  return spansOf(text, wordOrOther);
}

/** What white space divides. */
export function whitespaceSplitSpans(text: string): number[] {
  return spansOf(text, /\P{White_Space}+/gu);
}

/** Punctuation, and what is of ASCII; two characters were punctuation in the year of the table. */
const punctuation = /* @__PURE__ */ `(?:${/* @__PURE__ */ without('[\\p{P}$+<=>^`|~]', youngPunctuation)}|[\u166D\u{111C9}])`;

export const isPunctuation: CharacterTest = /* @__PURE__ */ characterTest(/* @__PURE__ */ new RegExp(punctuation, 'u'));

const bertPieces = /* @__PURE__ */ new RegExp(`${punctuation}|(?:(?!${punctuation})\\P{White_Space})+`, 'gu');

/** BERT's: white space divides and is left out, each punctuation character is a piece. */
export function bertSpans(text: string): number[] {
  return spansOf(text, bertPieces);
}

/** Pieces of as many characters, but the last. */
export function fixedLengthSpans(length: number): Spans {
  return (text) => {
    const spans: number[] = [];
    let start = 0;
    let count = 0;
    let at = 0;
    for (const character of text) {
      at += character.length;
      if (++count % length !== 0) continue;
      spans.push(start, at);
      start = at;
    }
    if (start < text.length) spans.push(start, text.length);
    return spans;
  };
}

function spansOf(text: string, pattern: RegExp): number[] {
  const spans: number[] = [];
  for (const { index, 0: piece } of text.matchAll(pattern)) spans.push(index, index + piece.length);
  return spans;
}
