import { normalize, select } from '@multihead/tensor';
import { meanPooling } from '../pooling.js';
import { inBatches } from './batches.js';
import type { TextModel, TextOptions, TextTokenizer } from './tokenizer.js';

export interface EmbedOptions extends TextOptions {
  /** What of the hidden states is taken: their mean over the tokens, as sentence encoders mostly want, or that of the first token. */
  pooling?: 'mean' | 'cls';
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
    const hidden = model.forward(ids, { mask });
    const pooled = pooling === 'cls' ? select(hidden, 1, 0) : meanPooling(hidden, mask); // [B, E]
    return normalized ? normalize(pooled) : pooled;
  });
}
