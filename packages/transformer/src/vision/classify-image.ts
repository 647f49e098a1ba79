import { sigmoid, softmax, type Tensor } from '@multihead/tensor';
import type { ForwardContext } from '../context.js';
import { originOf } from '../loading/config.js';
import { backendOf } from '../text/batches.js';
import type { LabelScore } from '../text/classify.js';
import { type BatchOptions, checkCount, inBatches } from './batches.js';
import type { ImagePixels } from './image.js';
import { preprocess } from './preprocess.js';
import type { ImageProcessor } from './processor.js';

/** What is asked of a model: pixels [B, C, H, W] to logits or features. */
export interface ImageModel {
  forward(pixels: Tensor, ctx?: ForwardContext): Tensor;
  readonly config: object;
}

export interface ClassifyImageOptions extends BatchOptions {
  /** How many labels of each image; 5 if left out. */
  top?: number;
}

/**
 * The labels of each image with their probabilities, the likeliest first: softmax over the logits [B, labels] of a model for image classification; where its
 * config.json says `problem_type: 'multi_label_classification'`, or there is one label, the sigmoid of each.
 *
 * @throws ValueError for images that `preprocess` does not take, ShapeError for a processor that makes another size than the model's.
 * @example
 * const model = await load(ViTForImageClassification, 'google/vit-base-patch16-224');
 * const processor = await loadImageProcessor('google/vit-base-patch16-224');
 * const [[best]] = await classifyImage(model, processor, [photo]); // { label: 'Egyptian cat', score: 0.94 }
 */
export async function classifyImage(
  model: ImageModel,
  processor: ImageProcessor,
  images: readonly ImagePixels[],
  options: ClassifyImageOptions = {},
): Promise<LabelScore[][]> {
  const { top = 5 } = options;
  checkCount('classifyImage', 'top', top);
  const { id2label } = model.config as { id2label?: string[] | null };
  const backend = backendOf(model);
  const each = originOf(model.config)?.problem_type === 'multi_label_classification';
  const rows = await inBatches('classifyImage', images, options, (batch) => {
    const logits = model.forward(preprocess(batch, processor, { backend })); // [B, labels]
    return each || logits.shape[1] === 1 ? sigmoid(logits) : softmax(logits);
  });
  return rows.map((row) => ranked(row, (i) => id2label?.[i] ?? `LABEL_${i}`, top));
}

/** Labels by their scores, the highest first. */
export function ranked(scores: Float32Array, nameOf: (i: number) => string, top: number): LabelScore[] {
  return Array.from(scores, (score, i) => ({ label: nameOf(i), score }))
    .sort((a, b) => b.score - a.score)
    .slice(0, top);
}
