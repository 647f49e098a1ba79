import type { Rng } from '@multihead/tensor';
import { readImageProcessor } from '@multihead/transformer/vision';
import { readViTConfig, ViTForImageClassification } from '@multihead/transformer/vit';
import { side } from './data.js';

/** A small Vision Transformer: 49 patches of 4 × 4 pixels and one vector in front. */
export const config = {
  image_size: side,
  patch_size: 4,
  hidden_size: 64,
  num_hidden_layers: 4,
  initializer_range: 0.07,
  num_attention_heads: 4,
  intermediate_size: 128,
  id2label: Object.fromEntries(['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'].entries()),
};

/** What stands in preprocessor_config.json: images of every size become this one, and -1 to 1. */
export const processor = readImageProcessor({ image_processor_type: 'ViTImageProcessor', size: side, do_convert_rgb: true });

export function createModel({ rng, ...changes }: Partial<typeof config> & { rng?: Rng } = {}): ViTForImageClassification {
  return new ViTForImageClassification(readViTConfig({ ...config, ...changes }), { rng });
}
