/*
 * Sets of characters in regular expressions: `[^\s\p{L}&&[a-z]]`, `\p{Han}`, `[:alpha:]`.
 */
import { type CharacterTest, characterTest } from '../unicode.js';

export function range(first: number, last: number): CharacterTest {
  return (codePoint) => codePoint >= first && codePoint <= last;
}

export function not(test: CharacterTest): CharacterTest {
  return (codePoint) => !test(codePoint);
}

export function anyOf(tests: readonly CharacterTest[]): CharacterTest {
  return (codePoint) => tests.some((test) => test(codePoint));
}

export const newline: CharacterTest = (codePoint) => codePoint === 10;

/** The set with what differs from its members in case alone. */
export function caseInsensitive(test: CharacterTest): CharacterTest {
  return remembered((codePoint) => {
    if (test(codePoint)) return true;
    const character = String.fromCodePoint(codePoint);
    const sameFolded = new RegExp(`^\\u{${codePoint.toString(16)}}$`, 'iu');
    return caseForms(character).some((form) => sameFolded.test(form) && test(form.codePointAt(0) as number));
  });
}

/** A character in lower and upper case; three letters have two lower cases. */
function caseForms(character: string): string[] {
  const lower = character.toLowerCase();
  const upper = lower.toUpperCase();
  return [
    lower,
    upper,
    character.toUpperCase(),
    upper.toLowerCase(),
    ...(upper === 'S' ? ['\u017F'] : upper === 'K' ? ['\u212A'] : upper === '\u00C5' ? ['\u212B'] : []),
  ];
}

const shorthands: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([
  ['s', '\\p{White_Space}'],
  // Oniguruma has a table of its own below U+0100, in which superscript digits and fractions are parts of words.
  ['w', '[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\xB2\\xB3\\xB9\\xBC-\\xBE]'],
  ['d', '\\p{Nd}'],
  ['h', '[0-9A-Fa-f]'],
]);

/** The set of `\s`, `\w`, `\d`, `\h`, or of the capital letter, which is all others. */
export function shorthandSet(letter: string): CharacterTest | undefined {
  const source = shorthands.get(letter.toLowerCase());
  if (source === undefined) return undefined;
  const test = characterTest(new RegExp(source, 'u'));
  return letter === letter.toLowerCase() ? test : not(test);
}

const posix: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([
  ['alnum', '[\\p{Alphabetic}\\p{Nd}]'],
  ['alpha', '\\p{Alphabetic}'],
  ['ascii', '[\\0-\\x7F]'],
  ['blank', '[\\p{Zs}\\t]'],
  ['cntrl', '\\p{Cc}'],
  ['digit', '\\p{Nd}'],
  ['graph', '[^\\p{White_Space}\\p{Cc}\\p{Cn}\\p{Cs}]'],
  ['lower', '\\p{Lowercase}'],
  ['print', '[^\\p{Cc}\\p{Cn}\\p{Cs}\\u2028\\u2029]'],
  ['punct', '[\\p{P}\\p{S}]'],
  ['space', '\\p{White_Space}'],
  ['upper', '\\p{Uppercase}'],
  ['word', '[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\xB2\\xB3\\xB9\\xBC-\\xBE]'],
  ['xdigit', '[0-9A-Fa-f]'],
  ['any', '[^]'],
]);

export function posixSet(name: string): CharacterTest | undefined {
  const source = posix.get(name.toLowerCase());
  return source === undefined ? undefined : characterTest(new RegExp(source, 'u'));
}

/** The set of `\p{name}`: a general category, a script, a property, or a POSIX class. */
export function propertySet(name: string): CharacterTest | undefined {
  const plain = name.replace(/[\s_-]/g, '');
  // Not the POSIX class, which has all symbols.
  if (plain.toLowerCase() === 'punct') return characterTest(/[\p{P}$+<=>^`|~]/u);
  const words = name.trim().replace(/[\s-]+/g, '_').replace(/(^|_)([a-z])/g, (_all, before, letter: string) => before + letter.toUpperCase()); // biome-ignore format: one chain
  for (const candidate of [name, words, `Script=${name}`, `Script=${words}`]) {
    try {
      return characterTest(new RegExp(`\\p{${candidate}}`, 'u'));
    } catch {
      // Not a name of this kind.
    }
  }
  return posixSet(plain);
}

type Refuse = (problem: string) => Error;

/** Reads sets and escapes of a pattern. */
export class SetReader {
  readonly #pattern: string;
  readonly #refuse: Refuse;
  #at = 0;

  constructor(pattern: string, refuse: Refuse) {
    this.#pattern = pattern;
    this.#refuse = refuse;
  }

  /** The set whose `[` stands before `at`, and where it ends. */
  read(at: number, ignoreCase: boolean): { test: CharacterTest; end: number } {
    this.#at = at;
    const test = this.#set(ignoreCase, 0);
    return { test: remembered(test), end: this.#at };
  }

  /** What the escape whose backslash stands before `at` means: a set or a character. */
  escape(at: number): { test?: CharacterTest; codePoint?: number; end: number } {
    this.#at = at;
    const result = this.#escape();
    return typeof result === 'number' ? { codePoint: result, end: this.#at } : { test: result, end: this.#at };
  }

  #set(ignoreCase: boolean, depth: number): CharacterTest {
    if (depth > 50) throw this.#refuse('sets are nested too deeply');
    const negated = this.#take('^');
    const parts: CharacterTest[] = [];
    const conjuncts: CharacterTest[] = [];
    for (let first = true; ; first = false) {
      if (this.#at >= this.#pattern.length) throw this.#refuse('unclosed set');
      if (!first && this.#take(']')) break;
      if (first && this.#take(']')) parts.push(range(93, 93));
      else if (this.#take('&&')) conjuncts.push(anyOf(parts.splice(0)));
      else this.#item(parts, ignoreCase, depth);
    }
    const last = anyOf(parts);
    const all = conjuncts.length === 0 ? last : (codePoint: number) => conjuncts.every((test) => test(codePoint)) && last(codePoint);
    const cased = ignoreCase ? caseInsensitive(all) : all;
    return negated ? not(cased) : cased;
  }

  #item(parts: CharacterTest[], ignoreCase: boolean, depth: number): void {
    const named = /^\[:(\^?)(\w+):\]/.exec(this.#pattern.slice(this.#at, this.#at + 20));
    if (named !== null) {
      const test = posixSet(named[2] as string);
      if (test === undefined) throw this.#refuse(`${named[0]} is not supported`);
      this.#at += named[0].length;
      parts.push(named[1] === '^' ? not(test) : test);
      return;
    }
    if (this.#take('[')) {
      parts.push(this.#set(ignoreCase, depth + 1));
      return;
    }
    const first = this.#member();
    if (typeof first !== 'number') {
      parts.push(first);
      return;
    }
    const rangeFollows = this.#pattern[this.#at] === '-' && this.#pattern[this.#at + 1] !== ']' && this.#at + 1 < this.#pattern.length;
    if (!rangeFollows) {
      parts.push(range(first, first));
      return;
    }
    this.#at++;
    const last = this.#member();
    if (typeof last !== 'number') {
      parts.push(range(first, first), range(45, 45), last);
      return;
    }
    if (last < first) throw this.#refuse('a range that is not in order');
    parts.push(range(first, last));
  }

  #member(): number | CharacterTest {
    if (this.#take('\\')) return this.#escape(true);
    const codePoint = this.#pattern.codePointAt(this.#at) as number;
    this.#at += codePoint > 0xffff ? 2 : 1;
    return codePoint;
  }

  #escape(inSet = false): number | CharacterTest {
    const rest = this.#pattern.slice(this.#at, this.#at + 80);
    if (rest === '') throw this.#refuse('ends with a backslash');
    const property = /^[pP]\{(\^?)([^{}]*)\}/.exec(rest);
    if (property !== null) {
      const test = propertySet(property[2] as string);
      if (test === undefined) throw this.#refuse(`${property[0]} is not known`);
      this.#at += property[0].length;
      return (rest[0] === 'P') !== (property[1] === '^') ? not(test) : test;
    }
    const hexadecimal = /^(?:x\{([0-9A-Fa-f]{1,8})\}|x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{4}))/.exec(rest);
    if (hexadecimal !== null) {
      this.#at += hexadecimal[0].length;
      const codePoint = Number.parseInt((hexadecimal[1] ?? hexadecimal[2] ?? hexadecimal[3]) as string, 16);
      if (codePoint > 0x10ffff) throw this.#refuse(`\\${hexadecimal[0]} is no character`);
      return codePoint;
    }
    const octal = /^[0-7]{1,3}/.exec(rest);
    if (octal !== null) {
      this.#at += octal[0].length;
      return Number.parseInt(octal[0], 8);
    }
    const codePoint = rest.codePointAt(0) as number;
    const letter = String.fromCodePoint(codePoint);
    this.#at += letter.length;
    if (inSet && letter === 'R') throw this.#refuse('\\R in a set is not supported');
    if (letter === 'b' && inSet) return 8;
    const test = shorthandSet(letter);
    if (test !== undefined) return test;
    const control = 'tnrfvae'.indexOf(letter);
    if (control >= 0) return [9, 10, 13, 12, 11, 7, 27][control] as number;
    if (/[A-Za-z]/.test(letter)) throw this.#refuse(`\\${letter} is not supported`);
    return codePoint;
  }

  #take(text: string): boolean {
    if (!this.#pattern.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }
}

/** A test that is asked once for each character below U+10000. */
function remembered(test: CharacterTest): CharacterTest {
  let known: Uint8Array | undefined;
  return (codePoint) => {
    if (codePoint > 0xffff) return test(codePoint);
    known ??= new Uint8Array(0x10000);
    if (known[codePoint] === 0) known[codePoint] = test(codePoint) ? 2 : 1;
    return known[codePoint] === 2;
  };
}
