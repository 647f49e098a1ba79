/*
 * What hand-written scanners ask of a character, as bits: one look into a table for each, filled as characters come.
 */

export const LETTER = 1;
export const NUMBER = 2;
export const SPACE = 4;
/** Carriage return and line feed. */
export const NEWLINE = 8;
/** Letters that are no lower case, and marks. */
export const UPPER = 16;
/** Letters that are no upper or title case, and marks. */
export const LOWER = 32;
const KNOWN = 64;

/** Neither letter, number nor white space is a character without these. */
export const WORDLIKE = 7;

const below = /* @__PURE__ */ new Uint8Array(0x10000);
const above = /* @__PURE__ */ new Map<number, number>();

/** The bits of the character at a place; 0 at the end of the text. */
export function classAt(text: string, at: number): number {
  return at < text.length ? below[text.charCodeAt(at)] || unknownClass(text, at) : 0;
}

/** The end of the run of characters that have one of the bits of `mask`. */
export function endOfRun(text: string, from: number, mask: number): number {
  const { length } = text;
  let at = from;
  while (at < length) {
    const unit = text.charCodeAt(at);
    const bits = below[unit] || unknownClass(text, at);
    if ((bits & mask) === 0) return at;
    at += unit >= 0xd800 && unit <= 0xdbff ? 2 : 1;
  }
  return length;
}

/** The end of the run of characters that are of one kind: letters, numbers, or none of letters, numbers and white space. */
export function endOfKind(text: string, from: number, kind: number): number {
  const { length } = text;
  let at = from;
  while (at < length) {
    const unit = text.charCodeAt(at);
    const bits = below[unit] || unknownClass(text, at);
    if ((bits & WORDLIKE) !== kind) return at;
    at += unit >= 0xd800 && unit <= 0xdbff ? 2 : 1;
  }
  return length;
}

function unknownClass(text: string, at: number): number {
  const codePoint = text.codePointAt(at);
  if (codePoint === undefined) return 0;
  if (codePoint <= 0xffff) {
    const bits = classOf(codePoint);
    // Half a character that stands alone is not kept: it is followed by the other half elsewhere.
    if (codePoint < 0xd800 || codePoint > 0xdfff) below[codePoint] = bits;
    return bits;
  }
  let bits = above.get(codePoint);
  if (bits === undefined) {
    bits = classOf(codePoint);
    above.set(codePoint, bits);
  }
  return bits;
}

function classOf(codePoint: number): number {
  const character = String.fromCodePoint(codePoint);
  return (
    KNOWN |
    (/\p{L}/u.test(character) ? LETTER : 0) |
    (/\p{N}/u.test(character) ? NUMBER : 0) |
    (/\p{White_Space}/u.test(character) ? SPACE : 0) |
    (codePoint === 10 || codePoint === 13 ? NEWLINE : 0) |
    (/[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]/u.test(character) ? UPPER : 0) |
    (/[\p{Ll}\p{Lm}\p{Lo}\p{M}]/u.test(character) ? LOWER : 0)
  );
}

/** The place after the character at a place. */
export function after(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  return unit >= 0xd800 && unit <= 0xdbff ? at + 2 : at + 1;
}
