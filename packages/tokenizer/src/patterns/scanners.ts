/*
 * The patterns of GPT-2, of GPT-4 (cl100k: Llama 3, Qwen) and of GPT-4o (o200k: gpt-oss, Llama 4, Mistral), as functions from a place to where the
 * match that begins there ends. All three match every character of any text. They are held to the patterns by tests.
 */
import { after, classAt, endOfKind, endOfRun, LETTER, LOWER, NEWLINE, NUMBER, SPACE, UPPER, WORDLIKE } from './classes.js';

/** Where the match that begins at a place ends; the place is before the end of the text. */
export type Scanner = (text: string, at: number) => number;

const apostrophe = 39;
const space = 32;
const slash = 47;

/** `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+` */
export function gpt2Scanner(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  if (unit === apostrophe) {
    const end = contraction(text, at, false);
    if (end > at) return end;
  }
  const start = unit === space ? at + 1 : at;
  const bits = classAt(text, start);
  if (bits === 0 || (bits & SPACE) !== 0) return spaces(text, at);
  return endOfKind(text, after(text, start), bits & WORDLIKE);
}

/** `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`, for as many digits. */
export function cl100kScanner(digits: number): Scanner {
  return (text, at) => {
    const unit = text.charCodeAt(at);
    if (unit === apostrophe) {
      const end = contraction(text, at, true);
      if (end > at) return end;
    }
    const bits = classAt(text, at);
    if ((bits & LETTER) !== 0) return endOfRun(text, after(text, at), LETTER);
    if ((bits & NUMBER) !== 0) return numbers(text, at, digits);
    const next = after(text, at);
    if ((bits & NEWLINE) === 0 && (classAt(text, next) & LETTER) !== 0) return endOfRun(text, after(text, next), LETTER);
    return others(text, at, unit, bits, false);
  };
}

/** As cl100k, but words are cut before a capital in them and take their contraction along; slashes after punctuation belong to it. */
export function o200kScanner(digits: number, contractions: boolean): Scanner {
  return (text, at) => {
    const bits = classAt(text, at);
    const next = after(text, at);
    const prefix = (bits & (LETTER | NUMBER | NEWLINE)) === 0;
    // In order: with and without a character before the word, first words that end in lower case, then any.
    let end = prefix ? endOfLower(text, next) : -1;
    if (end < 0) end = endOfLower(text, at);
    if (end < 0 && prefix) end = endOfUpper(text, next);
    if (end < 0) end = endOfUpper(text, at);
    if (end >= 0) return contractions && text.charCodeAt(end) === apostrophe ? contraction(text, end, true) : end;
    if ((bits & NUMBER) !== 0) return numbers(text, at, digits);
    return others(text, at, text.charCodeAt(at), bits, true);
  };
}

/** The end of `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`; -1 if it does not match. */
function endOfLower(text: string, at: number): number {
  let end = at;
  let lastLower = -1;
  let bits = classAt(text, end);
  while ((bits & UPPER) !== 0) {
    end = after(text, end);
    if ((bits & LOWER) !== 0) lastLower = end;
    bits = classAt(text, end);
  }
  return (bits & LOWER) === 0 ? lastLower : endOfRun(text, end, LOWER);
}

/** The end of `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*`; -1 if it does not match. */
function endOfUpper(text: string, at: number): number {
  const end = endOfRun(text, at, UPPER);
  return end === at ? -1 : endOfRun(text, end, LOWER);
}

/** The end of `'s|'t|'re|'ve|'m|'ll|'d` at an apostrophe; the place itself if it does not match. */
function contraction(text: string, at: number, anyCase: boolean): number {
  const first = anyCase ? lower(text.charCodeAt(at + 1)) : text.charCodeAt(at + 1);
  if (first === 115 || first === 116 || first === 109 || first === 100) return at + 2; // s, t, m, d
  const second = anyCase ? lower(text.charCodeAt(at + 2)) : text.charCodeAt(at + 2);
  if ((first === 114 || first === 118) && second === 101) return at + 3; // re, ve
  return first === 108 && second === 108 ? at + 3 : at; // ll
}

/** A letter in lower case; the long s is one, too. */
function lower(unit: number): number {
  if (unit === 0x17f) return 115;
  return unit >= 65 && unit <= 90 ? unit + 32 : unit;
}

function numbers(text: string, at: number, most: number): number {
  let end = at;
  for (let count = 0; count < most && (classAt(text, end) & NUMBER) !== 0; count++) end = after(text, end);
  return end;
}

/** ` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`, the first with slashes if wanted. */
function others(text: string, at: number, unit: number, bits: number, slashes: boolean): number {
  const start = unit === space ? at + 1 : at;
  const startBits = unit === space ? classAt(text, start) : bits;
  if (startBits !== 0 && (startBits & WORDLIKE) === 0) {
    let end = endOfKind(text, after(text, start), 0);
    while ((classAt(text, end) & NEWLINE) !== 0 || (slashes && text.charCodeAt(end) === slash)) end++;
    return end;
  }
  let end = at;
  let lastNewline = -1;
  for (let found = bits; (found & SPACE) !== 0; found = classAt(text, end)) {
    end++;
    if ((found & NEWLINE) !== 0) lastNewline = end;
  }
  if (lastNewline >= 0) return lastNewline;
  return end < text.length && end - at > 1 ? end - 1 : end;
}

/** `\s+(?!\S)|\s+`: the last space before something else is left to it. */
function spaces(text: string, at: number): number {
  const end = endOfRun(text, at, SPACE);
  return end < text.length && end - at > 1 ? end - 1 : end;
}
