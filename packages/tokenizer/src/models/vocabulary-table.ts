import { show, TokenizerError } from '../errors.js';

/** Tokens and their ids, both ways. Any string is an ordinary token. */
export class VocabularyTable {
  readonly ids: ReadonlyMap<string, number>;
  readonly #tokens: ReadonlyMap<number, string> | readonly (string | undefined)[];

  private constructor(ids: ReadonlyMap<string, number>, highest: number) {
    this.ids = ids;
    // Ids mostly leave no holes. A file whose ids are far apart shall not make a huge array.
    const dense = highest < 4 * ids.size + 1024;
    const tokens = dense ? new Array<string | undefined>(highest + 1) : new Map<number, string>();
    for (const [token, id] of ids) {
      if (tokens instanceof Map) tokens.set(id, token);
      else tokens[id] = token;
    }
    this.#tokens = tokens;
  }

  /** Throws `TokenizerError` for anything but words with ids. */
  static read(operation: string, argument: string, vocab: unknown): VocabularyTable {
    const refuse = (problem: string) => new TokenizerError(operation, `${argument}: ${problem}`);
    if (typeof vocab !== 'object' || vocab === null || Array.isArray(vocab))
      throw refuse(`expected an object of words to ids, got ${show(vocab)}`);
    const ids = new Map<string, number>();
    let highest = -1;
    const add = (token: string, id: unknown): void => {
      if (!isId(id)) throw refuse(`expected ids that are whole numbers below 2^32, got ${show(id)} for ${show(token)}`);
      ids.set(token, id);
      if (id > highest) highest = id;
    };
    if (vocab instanceof Map) for (const [token, id] of vocab as ReadonlyMap<string, unknown>) add(token, id);
    else for (const token of Object.keys(vocab)) add(token, (vocab as Readonly<Record<string, unknown>>)[token]);
    return new VocabularyTable(ids, highest);
  }

  /** Words whose ids are their places; the last of equal ones counts. */
  static ofList(words: readonly string[]): VocabularyTable {
    const ids = new Map<string, number>();
    for (const [id, word] of words.entries()) ids.set(word, id);
    return new VocabularyTable(ids, words.length - 1);
  }

  get size(): number {
    return this.ids.size;
  }

  id(token: string): number | undefined {
    return this.ids.get(token);
  }

  token(id: number): string | undefined {
    return this.#tokens instanceof Map ? this.#tokens.get(id) : (this.#tokens as readonly (string | undefined)[])[id];
  }
}

export function isId(id: unknown): id is number {
  return typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < 2 ** 32;
}
