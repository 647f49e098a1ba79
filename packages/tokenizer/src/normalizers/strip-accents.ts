import type { AlignedText } from '../aligned-text.js';
import { without, youngMarks } from '../young-characters.js';
import { filter } from './normalizer.js';

/** Leaves out the characters that a pattern with the flag `g` finds. */
export function withoutMatches(text: AlignedText, pattern: RegExp): AlignedText {
  const kept = text.text.replace(pattern, '');
  if (kept === text.text) return text;
  return text.tracked ? filter(text, (codePoint) => String.fromCodePoint(codePoint).replace(pattern, '') !== '') : text.replacedBy(kept);
}

/** Two letters were marks in the year of the table. */
const marks = /* @__PURE__ */ without('\\p{M}', youngMarks, '[\u1CF2\u1CF3]', 'gu');

/** Leaves out combining marks. What is composed is composed: `NFD` comes before it. */
export function stripAccents(text: AlignedText): AlignedText {
  return withoutMatches(text, marks);
}
