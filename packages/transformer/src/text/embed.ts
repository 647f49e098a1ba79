import { normalize } from '@multihead/tensor';
import { type Pooling, pool } from '../pooling.js';
import { inBatches } from './batches.js';
import type { TextModel, TextOptions, TextTokenizer } from './tokenizer.js';

export interface EmbedOptions extends TextOptions {
  /**
   * What of the hidden states is taken, one behind the other if several: `mean`, as sentence encoders mostly want, if left out.
   * `readPooling` finds what a checkpoint wants.
   */
  pooling?: Pooling | readonly Pooling[];
  /** Vectors of length 1, as cosines want; true if left out. */
  normalized?: boolean;
}

/**
 * A vector for each text, from a model without a head.
 *
 * @throws ValueError for an empty text that the tokenizer gives no token for.
 * @example
 * const model = await load(BertModel, 'sentence-transformers/all-MiniLM-L6-v2');
 * const [a, b] = await embed(model, tokenizer, ['a cat', 'a dog']);
 * const cosine = a!.reduce((sum, x, i) => sum + x * b![i]!, 0);
 */
export async function embed(
  model: TextModel,
  tokenizer: TextTokenizer,
  texts: readonly string[],
  options: EmbedOptions = {},
): Promise<Float32Array[]> {
  const { pooling = 'mean', normalized = true } = options;
  return inBatches('embed', model, tokenizer, texts, options, (ids, mask) => {
    const pooled = pool(model.forward(ids, { mask }), mask, pooling); // [B, E]
    return normalized ? normalize(pooled) : pooled;
  });
}
