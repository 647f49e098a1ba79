/*
 * Oniguruma's regular expressions, read into a tree. `^` and `$` are ends of lines, `(?m)` lets the dot match newlines, `\s`, `\w` and `\d` mean
 * Unicode, sets nest and intersect. What is not supported is refused by name: subexpression calls, conditionals, absent groups, `\K`, `\X`.
 */
import { show, TokenizerError } from '../errors.js';
import type { CharacterTest } from '../unicode.js';
import { anyOf, caseInsensitive, newline, not, range, SetReader } from './set.js';

export type Assertion =
  | 'line start'
  | 'line end'
  | 'text start'
  | 'text end'
  | 'last line end'
  | 'word boundary'
  | 'no word boundary'
  | 'search start';

export type Expression =
  | { kind: 'set'; test: CharacterTest }
  | { kind: 'sequence'; nodes: Expression[] }
  | { kind: 'alternatives'; nodes: Expression[] }
  | { kind: 'repeat'; node: Expression; min: number; max: number; mode: 'greedy' | 'lazy' | 'possessive' }
  | { kind: 'group'; index: number; node: Expression }
  | { kind: 'look'; ahead: boolean; negative: boolean; node: Expression }
  | { kind: 'atomic'; node: Expression }
  | { kind: 'assert'; what: Assertion }
  | { kind: 'backreference'; index: number };

interface Flags {
  ignoreCase: boolean;
  dotAll: boolean;
  extended: boolean;
}

/** Deeper nesting, and more repetitions of one item, are refused. */
const deepest = 200;
const mostRepeats = 100_000;

/** Throws `TokenizerError` for a pattern that is malformed or not supported. */
export function parseExpression(operation: string, pattern: string): Expression {
  return new Reader(operation, pattern).read();
}

class Reader {
  readonly #operation: string;
  readonly #pattern: string;
  readonly #sets: SetReader;
  readonly #names = new Map<string, number>();
  #at = 0;
  #groups = 0;
  #depth = 0;

  constructor(operation: string, pattern: string) {
    this.#operation = operation;
    this.#pattern = pattern;
    this.#sets = new SetReader(pattern, (problem) => this.#refuse(problem));
  }

  read(): Expression {
    const node = this.#alternatives({ ignoreCase: false, dotAll: false, extended: false });
    if (this.#at < this.#pattern.length) throw this.#refuse('unmatched )');
    return node;
  }

  #alternatives(given: Flags): Expression {
    if (++this.#depth > deepest) throw this.#refuse(`expected at most ${deepest} nested groups`);
    const flags = { ...given };
    const nodes = [this.#sequence(flags)];
    while (this.#take('|')) nodes.push(this.#sequence(flags));
    this.#depth--;
    return nodes.length === 1 ? (nodes[0] as Expression) : { kind: 'alternatives', nodes };
  }

  #sequence(flags: Flags): Expression {
    const nodes: Expression[] = [];
    while (this.#at < this.#pattern.length && !this.#next('|') && !this.#next(')')) {
      const node = this.#atom(flags);
      if (node !== undefined) nodes.push(this.#quantified(node, flags));
    }
    return nodes.length === 1 ? (nodes[0] as Expression) : { kind: 'sequence', nodes };
  }

  #quantified(atom: Expression, flags: Flags): Expression {
    let node = atom;
    for (;;) {
      const bounds = this.#bounds();
      if (bounds === undefined) return node;
      const [min, max, counted] = bounds;
      if (max !== Number.POSITIVE_INFINITY && max > mostRepeats) throw this.#refuse(`expected at most ${mostRepeats} repetitions`);
      const mode = this.#take('?') ? 'lazy' : !counted && this.#take('+') ? 'possessive' : 'greedy';
      node = { kind: 'repeat', node, min, max, mode };
      if (flags.extended) this.#skipExtended();
    }
  }

  #bounds(): [min: number, max: number, counted: boolean] | undefined {
    if (this.#take('*')) return [0, Number.POSITIVE_INFINITY, false];
    if (this.#take('+')) return [1, Number.POSITIVE_INFINITY, false];
    if (this.#take('?')) return [0, 1, false];
    const counts = /^\{(\d{1,7})?(,)?(\d{1,7})?\}/.exec(this.#pattern.slice(this.#at, this.#at + 20));
    if (counts === null || (counts[1] === undefined && counts[3] === undefined)) return undefined;
    this.#at += counts[0].length;
    const min = Number(counts[1] ?? 0);
    const max = counts[2] === undefined ? min : counts[3] === undefined ? Number.POSITIVE_INFINITY : Number(counts[3]);
    if (max < min) throw this.#refuse(`expected a range that is in order, got ${counts[0]}`);
    return [min, max, true];
  }

  #atom(flags: Flags): Expression | undefined {
    const character = String.fromCodePoint(this.#pattern.codePointAt(this.#at) as number);
    this.#at += character.length;
    switch (character) {
      case '(':
        return this.#group(flags);
      case '[':
        return this.#set(flags);
      case '.':
        return { kind: 'set', test: flags.dotAll ? () => true : not(newline) };
      case '^':
        return { kind: 'assert', what: 'line start' };
      case '$':
        return { kind: 'assert', what: 'line end' };
      case '\\':
        return this.#escape(flags);
      case '*':
      case '+':
      case '?':
        throw this.#refuse(`nothing to repeat before ${character}`);
    }
    if (flags.extended && /\s/.test(character)) return undefined;
    if (flags.extended && character === '#') {
      const end = this.#pattern.indexOf('\n', this.#at);
      this.#at = end < 0 ? this.#pattern.length : end;
      return undefined;
    }
    return literal(character.codePointAt(0) as number, flags);
  }

  #group(flags: Flags): Expression | undefined {
    if (!this.#take('?')) {
      if (this.#next('*')) throw this.#refuse('calls (*…) are not supported');
      const index = ++this.#groups;
      return { kind: 'group', index, node: this.#closed(flags) };
    }
    if (this.#take(':')) return this.#closed(flags);
    if (this.#take('>')) return { kind: 'atomic', node: this.#closed(flags) };
    if (this.#take('=')) return { kind: 'look', ahead: true, negative: false, node: this.#closed(flags) };
    if (this.#take('!')) return { kind: 'look', ahead: true, negative: true, node: this.#closed(flags) };
    if (this.#take('<=')) return { kind: 'look', ahead: false, negative: false, node: this.#closed(flags) };
    if (this.#take('<!')) return { kind: 'look', ahead: false, negative: true, node: this.#closed(flags) };
    if (this.#take('#')) {
      const end = this.#pattern.indexOf(')', this.#at);
      if (end < 0) throw this.#refuse('unclosed comment');
      this.#at = end + 1;
      return undefined;
    }
    const name = /^P?<([A-Za-z_]\w*)>/.exec(this.#pattern.slice(this.#at, this.#at + 100));
    if (name !== null) {
      this.#at += name[0].length;
      const index = ++this.#groups;
      this.#names.set(name[1] as string, index);
      return { kind: 'group', index, node: this.#closed(flags) };
    }
    return this.#flagGroup(flags);
  }

  /** `(?im-x)` for the rest of the group, or `(?im-x:…)`. */
  #flagGroup(flags: Flags): Expression | undefined {
    const given = /^([imxsWDSPa]*)(?:-([imxs]*))?([:)])/.exec(this.#pattern.slice(this.#at, this.#at + 20));
    if (given === null) throw this.#refuse(`${show(`(?${this.#pattern.slice(this.#at, this.#at + 8)}`)} is not supported`);
    this.#at += given[0].length;
    const changed = { ...flags };
    for (const [letters, value] of [
      [given[1], true],
      [given[2], false],
    ] as const) {
      // biome-ignore format: pairs
      for (const letter of letters ?? '') {
        if (letter === 'i') changed.ignoreCase = value;
        else if (letter === 'm') changed.dotAll = value;
        else if (letter === 'x') changed.extended = value;
        else throw this.#refuse(`the flag ${letter} is not supported`);
      }
    }
    if (given[3] === ':') return this.#closed(changed);
    // The rest of the group, alternatives included, is as if in a group of its own.
    return this.#alternatives(changed);
  }

  #closed(flags: Flags): Expression {
    const node = this.#alternatives(flags);
    if (!this.#take(')')) throw this.#refuse('unclosed group');
    return node;
  }

  #set(flags: Flags): Expression {
    const { test, end } = this.#sets.read(this.#at, flags.ignoreCase);
    this.#at = end;
    return { kind: 'set', test };
  }

  #escape(flags: Flags): Expression {
    const letter = this.#pattern[this.#at];
    if (letter === undefined) throw this.#refuse('ends with a backslash');
    const assertion = assertions.get(letter);
    if (assertion !== undefined) {
      this.#at++;
      return { kind: 'assert', what: assertion };
    }
    if (letter === 'R') {
      this.#at++;
      const crlf: Expression = { kind: 'sequence', nodes: [literal(13, flags), literal(10, flags)] };
      const one: Expression = { kind: 'set', test: anyOf([range(10, 13), range(0x85, 0x85), range(0x2028, 0x2029)]) };
      return { kind: 'atomic', node: { kind: 'alternatives', nodes: [crlf, one] } };
    }
    if (letter === 'N' || letter === 'O') {
      this.#at++;
      return { kind: 'set', test: letter === 'N' ? not(newline) : () => true };
    }
    if (letter === 'k' || /[1-9]/.test(letter)) return this.#backreference();
    if ('gKXyY'.includes(letter)) throw this.#refuse(`\\${letter} is not supported`);
    const { test, codePoint, end } = this.#sets.escape(this.#at);
    this.#at = end;
    return test !== undefined ? { kind: 'set', test } : literal(codePoint as number, flags);
  }

  #backreference(): Expression {
    const given = /^(?:k<(?:([A-Za-z_]\w*)|(\d+))>|(\d+))/.exec(this.#pattern.slice(this.#at, this.#at + 100));
    const index = given === null ? undefined : given[1] !== undefined ? this.#names.get(given[1]) : Number(given[2] ?? given[3]);
    if (given === null || index === undefined || index < 1 || index > this.#groups)
      throw this.#refuse('refers back to a group that is not there');
    this.#at += given[0].length;
    return { kind: 'backreference', index };
  }

  #skipExtended(): void {
    while (/\s/.test(this.#pattern[this.#at] ?? '')) this.#at++;
  }

  #next(text: string): boolean {
    return this.#pattern.startsWith(text, this.#at);
  }

  #take(text: string): boolean {
    if (!this.#next(text)) return false;
    this.#at += text.length;
    return true;
  }

  #refuse(problem: string): TokenizerError {
    return new TokenizerError(this.#operation, `expected a regular expression that is supported, got ${show(this.#pattern)}: ${problem}`);
  }
}

const assertions: ReadonlyMap<string, Assertion> = /* @__PURE__ */ new Map([
  ['A', 'text start'],
  ['z', 'text end'],
  ['Z', 'last line end'],
  ['b', 'word boundary'],
  ['B', 'no word boundary'],
  ['G', 'search start'],
]);

function literal(codePoint: number, { ignoreCase }: Flags): Expression {
  const exact = range(codePoint, codePoint);
  return { kind: 'set', test: ignoreCase ? caseInsensitive(exact) : exact };
}
