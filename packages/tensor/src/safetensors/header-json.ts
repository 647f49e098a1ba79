/**
 * A cursor over the JSON of a safetensors header or index. `JSON.parse` hides what these must not contain: duplicate keys (the last one
 * wins), lone surrogates, integers that a double rounds, `2.0` for 2. So the caller asks for the value that it expects and the cursor
 * reads it or refuses; values that nobody asks for are never built, and nesting never recurses.
 */
import { quote, SafetensorsError } from './error.js';

/** What the caller is reading, for the message of an error. */
export interface Place {
  readonly tensor?: string;
  readonly field?: string;
}

export class JsonCursor {
  readonly #text: string;
  readonly #file: string | undefined;
  readonly #whole: string;
  #at = 0;

  /** `whole` is what errors call the text where they name no smaller part of it. */
  constructor(text: string, file?: string, whole = 'header') {
    this.#text = text;
    this.#file = file;
    this.#whole = whole;
  }

  /** Reads an object; `member` is called with each key, in order, and must read its value. */
  object(place: Place, expected: string, member: (key: string) => void): void {
    this.#open('{', place, expected);
    if (this.#take('}')) return;
    const seen = new Set<string>();
    do {
      const key = this.string(place, 'a key in double quotes');
      if (seen.has(key)) this.refuse(place, 'each key once', `${quote(key)} a second time`);
      seen.add(key);
      if (!this.#take(':')) this.#unexpected(place, `":" after the key ${quote(key)}`);
      member(key);
    } while (this.#take(','));
    if (!this.#take('}')) this.#unexpected(place, '"," or "}"');
  }

  /** Reads an array; `element` is called with each index and must read the element. */
  array(place: Place, expected: string, element: (index: number) => void): void {
    this.#open('[', place, expected);
    if (this.#take(']')) return;
    let index = 0;
    do element(index++);
    while (this.#take(','));
    if (!this.#take(']')) this.#unexpected(place, '"," or "]"');
  }

  /** Reads a string; one that is not well-formed Unicode is refused. */
  string(place: Place, expected: string): string {
    this.#space();
    if (this.#text[this.#at] !== '"') this.#unexpected(place, expected);
    const begin = this.#at + 1;
    let end = begin;
    let escaped = false;
    for (; ; end++) {
      const code = this.#text.charCodeAt(end);
      if (code === 0x22) break;
      if (code === 0x5c) {
        escaped = true;
        end++;
      } else if (!(code >= 0x20)) this.#unexpected(place, `${expected}, closed and without raw control characters`); // NaN at the end
    }
    const raw = this.#text.slice(begin, end);
    const value = escaped ? unescaped(raw) : raw;
    if (value === undefined) this.#unexpected(place, `${expected} with valid escapes and no lone surrogate`);
    this.#at = end + 1;
    return value;
  }

  /** Reads a non-negative integer that a double holds exactly: digits alone, no sign, fraction or exponent. */
  integer(place: Place, expected: string): number {
    this.#space();
    const begin = this.#at;
    const code = this.#text.charCodeAt(begin);
    if (!isDigit(code)) this.#unexpected(place, expected);
    let end = begin + 1;
    if (code !== 0x30) while (isDigit(this.#text.charCodeAt(end))) end++;
    const next = this.#text[end];
    if (next !== undefined && !' \t\n\r,]}'.includes(next)) this.#unexpected(place, expected);
    const value = Number(this.#text.slice(begin, end));
    if (!Number.isSafeInteger(value)) this.#unexpected(place, `${expected} of at most ${Number.MAX_SAFE_INTEGER}`);
    this.#at = end;
    return value;
  }

  /** Refuses anything but white space up to the end. */
  end(): void {
    this.#space();
    if (this.#at < this.#text.length) this.#unexpected({}, `nothing but white space after the JSON object of the ${this.#whole}`);
  }

  /** Reads a value of any kind, of which nothing but the grammar is judged. */
  value(place: Place): unknown {
    this.#space();
    const begin = this.#at;
    let depth = 0;
    do {
      const character = this.#text[this.#at];
      if (character === undefined) this.#unexpected(place, 'a value');
      if (character === '"') {
        this.string(place, 'a string');
        continue;
      }
      if (character === '{' || character === '[') depth++;
      if (character === '}' || character === ']') depth--;
      this.#at++;
      if (depth === 0) while (/[\w.+-]/.test(this.#text.charAt(this.#at))) this.#at++; // the rest of a number or word
    } while (depth > 0);
    const text = this.#text.slice(begin, this.#at);
    try {
      return JSON.parse(text);
    } catch {
      this.#at = begin;
      return this.#unexpected(place, 'a value');
    }
  }

  /** Throws a `SafetensorsError` about `place`. */
  refuse(place: Place, expected: string, got: string): never {
    throw new SafetensorsError({ file: this.#file, tensor: place.tensor, field: place.field ?? this.#whole, expected, got });
  }

  #open(bracket: string, place: Place, expected: string): void {
    if (!this.#take(bracket)) this.#unexpected(place, expected);
  }

  #space(): void {
    while (isSpace(this.#text.charCodeAt(this.#at))) this.#at++;
  }

  #take(punctuation: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== punctuation) return false;
    this.#at++;
    return true;
  }

  #unexpected(place: Place, expected: string): never {
    const token = /^(?:"(?:[^"\\]|\\.)*"?|[^\s",:[\]{}]+|.)/su.exec(this.#text.slice(this.#at, this.#at + 40))?.[0];
    const got = token === undefined ? 'its end' : `${showControls(token)} at character ${this.#at}`;
    return this.refuse(place, expected, got);
  }
}

/** `text` as it is, its control characters and lone surrogates escaped. */
function showControls(text: string): string {
  return text.replace(/[\p{Cc}\p{Surrogate}]/gu, (character) => JSON.stringify(character).slice(1, -1));
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

/** The string that the JSON string literal `"raw"` stands for; undefined if an escape is invalid or a surrogate stands alone. */
function unescaped(raw: string): string | undefined {
  try {
    const value = JSON.parse(`"${raw}"`) as string;
    return isWellFormed(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Whether `text` has no lone surrogate, that is, whether UTF-8 can hold it. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}
