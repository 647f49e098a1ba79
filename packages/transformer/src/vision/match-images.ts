import { type Tensor, ValueError } from '@multihead/tensor';
import type { LabelScore } from '../text/classify.js';
import type { TextTokenizer } from '../text/tokenizer.js';
import { checkCount } from './batches.js';
import { type ClassifyImageOptions, ranked } from './classify-image.js';
import { embedImages, type ImageTower } from './embed-images.js';
import { embedTexts, type TextTower } from './embed-texts.js';
import type { ImagePixels } from './image.js';
import type { ImageProcessor } from './processor.js';

/** What is asked of a model: CLIPModel has it. */
export interface MatchingModel extends ImageTower, TextTower {
  /** The logarithm of what cosines are multiplied by. */
  readonly logit_scale: Tensor;
}

export interface MatchOptions extends ClassifyImageOptions {
  /** What an image of this kind may be; each is put in the template's place. */
  labels: readonly string[];
  /** A sentence with {} in it; `This is a photo of {}.` if left out, as in transformers. `{}` alone takes labels as they are. */
  template?: string;
}

/**
 * Which of the labels each image shows, the likeliest first, without any training on them: softmax over labels of exp(logit_scale) · cosine(image, text),
 * from a CLIPModel.
 *
 * @throws ValueError without labels, for a template without {}, and as `preprocess` and `embedTexts`.
 * @example
 * const model = await load(CLIPModel, 'openai/clip-vit-base-patch32');
 * const [[best]] = await matchImages(model, { processor, tokenizer }, [photo], { labels: ['a cat', 'a dog', 'a car'] });
 * @see https://arxiv.org/abs/2103.00020
 */
export async function matchImages(
  model: MatchingModel,
  { processor, tokenizer }: { processor: ImageProcessor; tokenizer: Pick<TextTokenizer, 'encode'> },
  images: readonly ImagePixels[],
  { labels, template = 'This is a photo of {}.', top = 5, ...options }: MatchOptions,
): Promise<LabelScore[][]> {
  checkCount('matchImages', 'top', top);
  if (!Array.isArray(labels) || labels.length === 0) {
    throw new ValueError(`matchImages: labels: expected a list of at least one, got ${Array.isArray(labels) ? 'none' : typeof labels}`);
  }
  if (!template.includes('{}')) throw new ValueError(`matchImages: template: expected {} in it, got ${JSON.stringify(template)}`);
  const sentences = labels.map((label) => template.replaceAll('{}', () => label));
  const texts = await embedTexts(model, tokenizer, sentences, options);
  const shown = await embedImages(model, processor, images, options);
  const scale = Math.exp(await model.logit_scale.item());
  return shown.map((image) => {
    const logits = texts.map((text) => scale * text.reduce((sum, x, i) => sum + x * image[i]!, 0));
    const greatest = logits.reduce((a, b) => Math.max(a, b));
    const shares = logits.map((logit) => Math.exp(logit - greatest));
    const total = shares.reduce((a, b) => a + b);
    return ranked(
      Float32Array.from(shares, (share) => share / total),
      (i) => labels[i]!,
      top,
    );
  });
}
