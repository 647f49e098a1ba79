import type { Tensor } from '@multihead/tensor';
import type { ForwardContext } from '../context.js';

/* What a model and its tokenizer need to have, so that text goes in and answers come out. */

/** What is asked of a tokenizer: those of `@multihead/tokenizer` have it. */
export interface TextTokenizer {
  encode(text: string): { readonly ids: ArrayLike<number> };
  tokenToId(token: string): number | undefined;
  idToToken(id: number): string | undefined;
  decode(ids: Iterable<number>): string;
}

/** What is asked of a model: ids [B, T] to hidden states or logits. */
export interface TextModel {
  forward(ids: Tensor, ctx?: ForwardContext): Tensor;
  readonly config: object;
}

export interface TextOptions {
  /** Texts at a time; 16 if left out. */
  batchSize?: number;
  /** Stops between two batches; the promise rejects with the signal's reason. */
  signal?: AbortSignal;
}
