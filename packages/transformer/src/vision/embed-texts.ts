import { normalize, type Tensor, ValueError } from '@multihead/tensor';
import type { ForwardContext } from '../context.js';
import { backendOf, batchOf } from '../text/batches.js';
import type { TextModel, TextTokenizer } from '../text/tokenizer.js';
import { inBatches } from './batches.js';
import type { EmbedImagesOptions } from './embed-images.js';

/** A model of images and texts, as CLIPModel is one. */
export interface TextTower {
  embedText(ids: Tensor, ctx?: ForwardContext): Tensor;
  readonly config: object;
}

/**
 * A vector for each text that is compared with those of images, from a CLIPModel or a CLIPTextModelWithProjection.
 *
 * @throws ValueError for a text that the tokenizer gives no token for, or more tokens than the model has places.
 * @example
 * const [cat] = await embedTexts(model, tokenizer, ['a photo of a cat']);
 * const [photo] = await embedImages(model, processor, [image]);
 * const cosine = cat!.reduce((sum, x, i) => sum + x * photo![i]!, 0);
 */
export async function embedTexts(
  model: TextModel | TextTower,
  tokenizer: Pick<TextTokenizer, 'encode'>,
  texts: readonly string[],
  options: EmbedImagesOptions = {},
): Promise<Float32Array[]> {
  const { normalized = true } = options;
  const { pad_token_id: pad, max_position_embeddings: places } = textConfigOf(model.config);
  const backend = backendOf(model);
  return inBatches('embedTexts', texts, options, (batch) => {
    const encoded = batch.map((text) => {
      const ids = Array.from(tokenizer.encode(text).ids);
      if (ids.length === 0 || ids.length > (places ?? Number.POSITIVE_INFINITY)) {
        const most = places === undefined ? 'at least one token' : `1 to ${places} tokens`;
        throw new ValueError(`embedTexts: texts: expected ${most}, got ${ids.length} for ${JSON.stringify(text.slice(0, 80))}`);
      }
      return ids;
    });
    const { ids, mask } = batchOf(encoded, pad ?? 0, backend);
    if ('embedText' in model) return model.embedText(ids, { mask });
    const vectors = model.forward(ids, { mask }); // [B, E]
    return normalized ? normalize(vectors) : vectors;
  });
}

interface TextConfig {
  pad_token_id?: number | null;
  max_position_embeddings?: number;
}

/** Of the model, or of its text tower. */
function textConfigOf(config: object): TextConfig {
  return 'text_config' in config ? (config.text_config as TextConfig) : config;
}
