import { show, TokenizerError } from './errors.js';
import { wellFormed } from './split.js';
import type { SpecialRole, SpecialTokens } from './tokenizer.js';

/** All roles, in the order in which their tokens get the first ids. */
export const specialRoles: readonly SpecialRole[] = ['pad', 'bos', 'eos', 'unk'];

/** The special tokens of a tokenizer that was not given any. */
export const defaultSpecialTokens: SpecialTokens = { pad: '<pad>', bos: '<s>', eos: '</s>', unk: '<unk>' };

/**
 * Tokens and their ids: special tokens first, in the order pad, bos, eos, unk, then the words in the order given.
 *
 * Text is looked up with `wordId`, which does not see special tokens: the word `<pad>` in a text never becomes padding.
 * Any string is an ordinary word, `__proto__` and `constructor` too, since the table is a `Map`.
 */
export class Vocabulary {
  /** Every token, by id. */
  readonly tokens: readonly string[];
  /** How many of them are special: those with the ids below this number. */
  readonly specialCount: number;
  readonly specialTokens: SpecialTokens;
  readonly #ids = new Map<string, number>();

  /** Throws `TokenizerError` in the name of `operation` for an empty, malformed or repeated token. */
  constructor(operation: string, words: Iterable<string>, specialTokens: SpecialTokens) {
    checkSpecialTokens(operation, specialTokens);
    const tokens: string[] = [];
    const special: Partial<Record<SpecialRole, string>> = {};
    for (const role of specialRoles) {
      const token = specialTokens[role];
      if (token === undefined) continue;
      special[role] = token;
      if (!this.#ids.has(token)) this.#ids.set(token, tokens.push(token) - 1);
    }
    this.specialCount = tokens.length;
    this.specialTokens = Object.freeze(special);

    if (typeof words?.[Symbol.iterator] !== 'function') {
      throw new TokenizerError(operation, `vocabulary: expected an array or another iterable of strings, got ${show(words)}`);
    }
    for (const word of words) {
      const argument = `vocabulary[${tokens.length - this.specialCount}]`;
      checkToken(operation, argument, word);
      const taken = this.#ids.get(word);
      if (taken !== undefined) {
        const owner = this.isSpecial(taken) ? 'a special token' : `vocabulary[${taken - this.specialCount}]`;
        throw new TokenizerError(operation, `${argument}: expected a token not yet there, got ${show(word)}, which is ${owner}`);
      }
      this.#ids.set(word, tokens.push(word) - 1);
    }
    this.tokens = Object.freeze(tokens);
  }

  /** The tokens that are not special, in the order of their ids. */
  get words(): readonly string[] {
    return this.tokens.slice(this.specialCount);
  }

  /** The id of a token, special or not. */
  id(token: string): number | undefined {
    return this.#ids.get(token);
  }

  /** The token with this id; undefined for anything that is not an id of this vocabulary. */
  token(id: number): string | undefined {
    return typeof id === 'number' ? this.tokens[id] : undefined;
  }

  /** The id of a piece of text: special tokens are not found. */
  wordId(word: string): number | undefined {
    const id = this.#ids.get(word);
    return id === undefined || this.isSpecial(id) ? undefined : id;
  }

  isSpecial(id: number): boolean {
    return id < this.specialCount;
  }

  /** The id of the special token with this role. */
  specialId(operation: string, role: SpecialRole): number {
    const token = specialRoles.includes(role) ? this.specialTokens[role] : undefined;
    if (token !== undefined) return this.#ids.get(token) as number;
    const present = Object.keys(this.specialTokens).join(', ') || 'none';
    throw new TokenizerError(operation, `expected a tokenizer with a ${show(role)} token among its specialTokens, got one with ${present}`);
  }
}

function checkSpecialTokens(operation: string, specialTokens: SpecialTokens): void {
  if (typeof specialTokens !== 'object' || specialTokens === null || Array.isArray(specialTokens)) {
    throw new TokenizerError(operation, `specialTokens: expected an object of role to token, got ${show(specialTokens)}`);
  }
  for (const [role, token] of Object.entries(specialTokens)) {
    if (!(specialRoles as readonly string[]).includes(role)) {
      throw new TokenizerError(operation, `specialTokens: expected the roles ${specialRoles.join(', ')}, got ${show(role)}`);
    }
    if (token !== undefined) checkToken(operation, `specialTokens.${role}`, token);
  }
}

function checkToken(operation: string, argument: string, token: unknown): void {
  if (typeof token !== 'string' || token === '') {
    throw new TokenizerError(operation, `${argument}: expected a string that is not empty, got ${show(token)}`);
  }
  if (wellFormed(token) !== token) {
    throw new TokenizerError(operation, `${argument}: expected well-formed text, got ${show(token)}, which has a lone surrogate`);
  }
}
