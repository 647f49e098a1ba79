import type { Model, TokenSink } from './model.js';
import { Trie } from './trie.js';
import type { VocabularyTable } from './vocabulary-table.js';
import { missingUnknown } from './word-level.js';

export interface WordPieceRules {
  unknown: string;
  /** What the tokens that do not begin a word begin with. */
  prefix: string;
  /** Longer words, in characters, are unknown. */
  longestWord: number;
}

/** The longest token first, from left to right; a word that leaves a rest is unknown as a whole (Schuster and Nakajima, 2012). */
export class WordPiece implements Model {
  readonly #vocabulary: VocabularyTable;
  readonly #rules: WordPieceRules;
  readonly #beginnings = new Trie();
  readonly #continuations = new Trie();

  constructor(vocabulary: VocabularyTable, rules: WordPieceRules) {
    this.#vocabulary = vocabulary;
    this.#rules = rules;
    for (const [token, id] of vocabulary.ids) {
      this.#beginnings.insert(token, id);
      if (token.startsWith(rules.prefix)) this.#continuations.insert(token.slice(rules.prefix.length), id);
    }
  }

  get size(): number {
    return this.#vocabulary.size;
  }

  id(token: string): number | undefined {
    return this.#vocabulary.id(token);
  }

  token(id: number): string | undefined {
    return this.#vocabulary.token(id);
  }

  tokenize(piece: string, sink: TokenSink): void {
    const ids: number[] = [];
    const ends: number[] = [];
    let at = tooLong(piece, this.#rules.longestWord) ? -1 : 0;
    while (at >= 0 && at < piece.length) {
      const trie = at === 0 ? this.#beginnings : this.#continuations;
      let found = -1;
      let end = -1;
      for (let node = 0, i = at; i < piece.length; ) {
        node = trie.child(node, piece.charCodeAt(i++));
        if (node < 0) break;
        if (trie.value(node) < 0) continue;
        found = trie.value(node);
        end = i;
      }
      if (found >= 0) {
        ids.push(found);
        ends.push(end);
      }
      at = end;
    }
    if (at < 0) {
      const unknown = this.#vocabulary.id(this.#rules.unknown);
      if (unknown === undefined) throw missingUnknown(piece, this.#rules.unknown);
      sink.add(unknown, 0, piece.length);
      return;
    }
    for (let i = 0; i < ids.length; i++) sink.add(ids[i] as number, i === 0 ? 0 : (ends[i - 1] as number), ends[i] as number);
  }
}

function tooLong(piece: string, most: number): boolean {
  if (piece.length <= most) return false;
  let count = 0;
  for (const _ of piece) if (++count > most) return true;
  return false;
}
