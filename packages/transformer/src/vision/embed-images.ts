import { normalize, select, type Tensor } from '@multihead/tensor';
import type { ForwardContext } from '../context.js';
import { backendOf } from '../text/batches.js';
import { type BatchOptions, inBatches } from './batches.js';
import type { ImageModel } from './classify-image.js';
import type { ImagePixels } from './image.js';
import { preprocess } from './preprocess.js';
import type { ImageProcessor } from './processor.js';

/** A model of images and texts, as CLIPModel is one. */
export interface ImageTower {
  embedImage(pixels: Tensor, ctx?: ForwardContext): Tensor;
  readonly config: object;
}

export interface EmbedImagesOptions extends BatchOptions {
  /** Vectors of length 1, as cosines want; true if left out. A CLIPModel gives no others. */
  normalized?: boolean;
}

/**
 * A vector for each image: the projection of CLIP, to be compared with those of texts, or the last hidden state of a ViT at its first place.
 *
 * @throws ValueError for images that `preprocess` does not take.
 * @example
 * const model = await load(CLIPVisionModelWithProjection, 'openai/clip-vit-base-patch32');
 * const [a, b] = await embedImages(model, processor, [photo, drawing]);
 * const cosine = a!.reduce((sum, x, i) => sum + x * b![i]!, 0);
 */
export async function embedImages(
  model: ImageModel | ImageTower,
  processor: ImageProcessor,
  images: readonly ImagePixels[],
  options: EmbedImagesOptions = {},
): Promise<Float32Array[]> {
  const { normalized = true } = options;
  const backend = backendOf(model);
  return inBatches('embedImages', images, options, (batch) => {
    const pixels = preprocess(batch, processor, { backend }); // [B, C, H, W]
    if ('embedImage' in model) return model.embedImage(pixels);
    const made = model.forward(pixels);
    const vectors = made.rank === 3 ? select(made, 1, 0) : made; // [B, E]
    return normalized ? normalize(vectors) : vectors;
  });
}
