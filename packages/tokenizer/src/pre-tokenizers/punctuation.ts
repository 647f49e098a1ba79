import { type CharacterTest, characterTest } from '../unicode.js';
import { without, youngPunctuation } from '../young-characters.js';
import { spansOf } from './pre-tokenizer.js';

/** Punctuation, and what is of ASCII; two characters were punctuation in the year of the table. */
function punctuation(flags: string): RegExp {
  return without('[\\p{P}$+<=>^`|~]', youngPunctuation, '[\u166D\u{111C9}]', flags);
}

export const isPunctuation: CharacterTest = /* @__PURE__ */ characterTest(/* @__PURE__ */ punctuation('u'));

const bertPieces = /* @__PURE__ */ piecesAround(/* @__PURE__ */ punctuation('u'));

/** A pattern for each match of another one, and for what is between, without white space. */
function piecesAround({ source }: RegExp): RegExp {
  return new RegExp(`${source}|(?:(?!${source})\\P{White_Space})+`, 'gu');
}

/** BERT's: white space divides and is left out, each punctuation character is a piece. */
export function bertSpans(text: string): number[] {
  return spansOf(text, bertPieces);
}
