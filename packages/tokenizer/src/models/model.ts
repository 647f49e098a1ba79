/*
 * A model makes tokens of one piece of text, and knows all tokens with their ids.
 */

/** Takes the tokens of a piece in order. */
export interface TokenSink {
  /** Whether `start`, `end` and `surface` are used at all. */
  readonly detailed: boolean;
  /** A token, the code units of the piece that it covers, and what it is called if not as the vocabulary has it. */
  add(id: number, start: number, end: number, surface?: string): void;
}

export interface Model {
  /** How many ids the vocabulary has. */
  readonly size: number;
  id(token: string): number | undefined;
  token(id: number): string | undefined;
  /** Throws `TokenizerError` for text that the model has no token for, where it has no token for unknown text either. */
  tokenize(piece: string, sink: TokenSink): void;
}
