/*
 * Normalizers change a text before it is cut: a normalizer is a function from a text to the changed one.
 */
import type { AlignedText, Change } from '../aligned-text.js';
import { TokenizerError } from '../errors.js';
import { isWhitespace } from '../unicode.js';
import { without, youngMarks } from '../young-characters.js';
import type { Matcher } from '../patterns/pattern.js';

export type Normalizer = (text: AlignedText) => AlignedText;

/** The longest text that may come out of a normalizer, in code units: no file makes a bomb of a short input. */
export function longestOutput(text: AlignedText): number {
  return 32 * (text.to - text.from) + 2 ** 20;
}

/** Throws `TokenizerError` for an output of `length` code units, if that is too long. */
export function checkOutput(text: AlignedText, length: number): void {
  const most = longestOutput(text);
  if (length <= most) return;
  throw new TokenizerError('normalize', `expected at most ${most} code units from an input of ${text.to - text.from}, got ${length}`);
}

/** One after the other. What all of them put out together is limited, too. */
export function sequenceNormalizer(normalizers: readonly Normalizer[]): Normalizer {
  return (given) => {
    let text = given;
    let sum = 0;
    for (const normalize of normalizers) {
      text = normalize(text);
      checkOutput(text, text.text.length);
      sum += text.text.length;
      const most = 32 * longestOutput(given);
      if (sum > most)
        throw new TokenizerError('normalize', `expected at most ${most} code units from all normalizers together, got ${sum}`);
    }
    return text;
  };
}

/** Each character in lower case by itself: a sigma at the end of a word is one like any other. */
export function lowercase(text: AlignedText): AlignedText {
  const { text: given } = text;
  const whole = given.includes('\u03A3') ? [...given].map((character) => character.toLowerCase()).join('') : given.toLowerCase();
  if (whole === given) return text;
  if (!text.tracked) return text.replacedBy(whole);
  const changes: Change[] = [];
  for (const character of given) {
    let first = true;
    for (const lower of character.toLowerCase()) {
      changes.push([lower, first ? 0 : 1]);
      first = false;
    }
  }
  return text.transform(changes);
}

/** Leaves out the characters for which `keep` is false. */
export function filter(text: AlignedText, keep: (codePoint: number) => boolean): AlignedText {
  const changes: Change[] = [];
  let removed = 0;
  let first = 0;
  let last: string | undefined;
  for (const character of text.text) {
    if (!keep(character.codePointAt(0) as number)) {
      removed++;
      continue;
    }
    if (last === undefined) first = removed;
    else changes.push([last, removed === 0 ? 0 : -removed]);
    last = character;
    removed = 0;
  }
  if (last === undefined) first = removed;
  else changes.push([last, removed === 0 ? 0 : -removed]);
  return changes.length === text.text.length ? text : text.transform(changes, first);
}

/** Leaves out the characters that a pattern with the flag `g` finds. */
export function withoutMatches(text: AlignedText, pattern: RegExp): AlignedText {
  const kept = text.text.replace(pattern, '');
  if (kept === text.text) return text;
  return text.tracked ? filter(text, (codePoint) => String.fromCodePoint(codePoint).replace(pattern, '') !== '') : text.replacedBy(kept);
}

/** Two letters were marks in the year of the table. */
const marks = /* @__PURE__ */ new RegExp(`${/* @__PURE__ */ without('\\p{M}', youngMarks)}|[\u1CF2\u1CF3]`, 'gu');

/** Leaves out combining marks. What is composed is composed: `NFD` comes before it. */
export function stripAccents(text: AlignedText): AlignedText {
  return withoutMatches(text, marks);
}

/** Leaves out white space at the ends. */
export function stripNormalizer(left: boolean, right: boolean): Normalizer {
  return (text) => {
    const { text: given } = text;
    let start = 0;
    let end = given.length;
    if (left) while (start < end && isWhitespace(given.charCodeAt(start))) start++;
    if (right) while (end > start && isWhitespace(given.charCodeAt(end - 1))) end--;
    // Text of nothing but white space loses it at one end alone; that leaves nothing, too.
    if (start === 0 && end === given.length) return text;
    if (!text.tracked) return text.replacedBy(given.slice(start, end));
    const characters = [...given.slice(start, end)];
    const trailing = given.length - end;
    const changes = characters.map((character, i): Change => [character, i === characters.length - 1 && trailing > 0 ? -trailing : 0]);
    return text.transform(changes, start);
  };
}

export function prependNormalizer(prefix: string): Normalizer {
  return (text) => text.prepend(prefix);
}

export function replaceNormalizer(find: Matcher, content: string): Normalizer {
  return (text) => {
    if (!text.tracked && find.literal !== undefined && find.literal !== '') {
      const parts = text.text.split(find.literal);
      if (parts.length === 1) return text;
      checkOutput(text, text.text.length + (parts.length - 1) * content.length);
      return text.replacedBy(parts.join(content));
    }
    const matches = find(text.text);
    checkOutput(text, text.text.length + (matches.length / 2) * content.length);
    return text.replaceAll(matches, content);
  };
}

/** SentencePiece's rules for machine translation: control characters are left out, exotic white space becomes a space. */
export function nmt(text: AlignedText): AlignedText {
  const kept = filter(text, (codePoint) => !isNmtControl(codePoint));
  const spaces = kept.text.replace(/[\t\n\f\r\u1680\u200B-\u200F\u2028\u2029\u2581\uFEFF\uFFFD]/g, ' ');
  return mapped(kept, spaces);
}

function isNmtControl(codePoint: number): boolean {
  return (
    (codePoint >= 1 && codePoint <= 8) ||
    codePoint === 0x0b ||
    (codePoint >= 0x0e && codePoint <= 0x1f) ||
    codePoint === 0x7f ||
    codePoint === 0x8f ||
    codePoint === 0x9f
  );
}

/** The text with as many other characters, each in the place of one. */
export function mapped(text: AlignedText, characters: string): AlignedText {
  if (characters === text.text) return text;
  return text.tracked ? text.transform([...characters].map((character): Change => [character, 0])) : text.replacedBy(characters);
}
