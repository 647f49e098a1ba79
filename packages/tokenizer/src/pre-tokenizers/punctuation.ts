import { type CharacterTest, characterTest } from '../unicode.js';
import { without, youngPunctuation } from '../young-characters.js';
import { spansOf } from './pre-tokenizer.js';

/** Punctuation, and what is of ASCII; two characters were punctuation in the year of the table. */
const punctuation = /* @__PURE__ */ `(?:${/* @__PURE__ */ without('[\\p{P}$+<=>^`|~]', youngPunctuation)}|[\u166D\u{111C9}])`;

export const isPunctuation: CharacterTest = /* @__PURE__ */ characterTest(/* @__PURE__ */ new RegExp(punctuation, 'u'));

const bertPieces = /* @__PURE__ */ new RegExp(`${punctuation}|(?:(?!${punctuation})\\P{White_Space})+`, 'gu');

/** BERT's: white space divides and is left out, each punctuation character is a piece. */
export function bertSpans(text: string): number[] {
  return spansOf(text, bertPieces);
}
