import type { Tensor } from '@multihead/tensor';

/* What a model and its tokenizer need to have, so that text goes in and answers come out. Those of `@multihead/tokenizer` have it. */

/** What is asked of a tokenizer. */
export interface TextTokenizer {
  encode(text: string): Encoded;
  tokenToId(token: string): number | undefined;
  idToToken(id: number): string | undefined;
  decode(ids: Iterable<number>): string;
}

/** Ids of a text; where a tokenizer pads by itself, 0 in `attentionMask` says what is padding. */
export interface Encoded {
  readonly ids: ArrayLike<number>;
  readonly attentionMask?: ArrayLike<number>;
}

export interface WritingOptions {
  addSpecialTokens?: boolean;
  truncation?: { maxLength: number };
}

/** What is asked of a tokenizer for texts that a model writes: `BpeTokenizer`, which deals in ids alone, serves, too. */
export interface WritingTokenizer {
  encode(text: string, options?: WritingOptions): Encoded | ArrayLike<number>;
  decode(ids: Iterable<number>, options?: { skipSpecialTokens?: boolean }): string;
}

/** A text, or a pair of texts, as ids with what is known of each: which text it is of, and where in it. */
export interface PlacedEncoding extends Encoded {
  readonly typeIds: ArrayLike<number>;
  /** Spans `[start, end)` of the text, in UTF-16 code units. */
  readonly offsets: ArrayLike<readonly [start: number, end: number]>;
  /** 1 for what a template added. */
  readonly specialTokensMask: ArrayLike<number>;
  /** 0 for a token of the first text, 1 for one of the second; null for what a template added. */
  readonly sequenceIds: ArrayLike<number | null>;
  /** Which word of its text a token is of. */
  readonly wordIds: ArrayLike<number | null>;
}

export interface PlacingOptions {
  pair?: string;
  truncation?: { maxLength: number };
}

/** What is asked of a tokenizer where places in the text, or pairs of texts, matter. */
export interface PlacingTokenizer extends TextTokenizer {
  encode(text: string, options?: PlacingOptions): PlacedEncoding;
}

/** What is asked of a model: ids [B, T] to hidden states or logits. */
export interface TextModel {
  forward(ids: Tensor, ctx?: TextContext): Tensor;
  readonly config: object;
}

/** What a model of texts is given beside ids. */
export interface TextContext {
  /** int32 [B, T]: 0 at padding. */
  mask?: Tensor | null;
  /** int32 [B, T]: 0 in the first text, 1 in the second. */
  tokenTypes?: Tensor;
}

export interface TextOptions {
  /** Texts at a time; 16 if left out. */
  batchSize?: number;
  /** Stops between two batches; the promise rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** For all of a text, also where the file of a tokenizer says that it cuts by itself. */
export const uncut = { truncation: { maxLength: Number.MAX_SAFE_INTEGER } } as const;

/** The ids of an encoding, without padding. */
export function idsOf(encoded: Encoded | ArrayLike<number>): number[] {
  if (!('ids' in encoded)) return Array.from(encoded);
  const { ids, attentionMask } = encoded;
  return Array.from(ids).filter((_, i) => attentionMask?.[i] !== 0);
}
