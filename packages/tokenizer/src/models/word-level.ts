import { show, TokenizerError } from '../errors.js';
import type { Model, TokenSink } from './model.js';
import type { VocabularyTable } from './vocabulary-table.js';

/** One token for each piece. */
export class WordLevel implements Model {
  readonly #vocabulary: VocabularyTable;
  readonly #unknown: string;

  constructor(vocabulary: VocabularyTable, unknown: string) {
    this.#vocabulary = vocabulary;
    this.#unknown = unknown;
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
    const id = this.#vocabulary.id(piece) ?? this.#vocabulary.id(this.#unknown);
    if (id === undefined) throw missingUnknown(piece, this.#unknown);
    sink.add(id, 0, piece.length);
  }
}

/** The error of a model for a piece that it has no token for, whose unknown token is not in the vocabulary. */
export function missingUnknown(piece: string, unknown: string): TokenizerError {
  return new TokenizerError(
    'encode',
    `expected text that the vocabulary has, or the unknown token ${show(unknown)} in it, got ${show(piece)}`,
  );
}
