import { mul, type Rng, type Tensor, tensor } from '@multihead/tensor';

/*
 * SpecAugment: Park et al., "SpecAugment: A Simple Data Augmentation Method for Automatic Speech Recognition", 2019. In training, stretches of
 * frames and of frequencies are silenced.
 */

/** Keys of config.json. */
export interface SpecAugmentConfig {
  apply_spec_augment: boolean;
  /** The share of frames that spans of `mask_time_length` are to silence, and how many spans there are at least; likewise of frequencies. */
  mask_time_prob: number;
  mask_time_length: number;
  mask_time_min_masks: number;
  mask_feature_prob: number;
  mask_feature_length: number;
  mask_feature_min_masks: number;
}

/** Log-mel features [B, bins, frames] with 0 in spans that are drawn for each sample; as they are where nothing is to be silenced. */
export function specAugment(features: Tensor, config: SpecAugmentConfig, rng: Rng): Tensor {
  const [batch, bins, frames] = features.shape as [number, number, number];
  const time = { share: config.mask_time_prob, length: config.mask_time_length, least: config.mask_time_min_masks };
  const pitch = { share: config.mask_feature_prob, length: config.mask_feature_length, least: config.mask_feature_min_masks };
  const masks = [
    time.share > 0 && tensor(kept(batch, frames, time, rng), { shape: [batch, 1, frames], backend: features.backend }),
    pitch.share > 0 && tensor(kept(batch, bins, pitch, rng), { shape: [batch, bins, 1], backend: features.backend }),
  ];
  return masks.reduce<Tensor>((x, mask) => (mask ? mul(x, mask) : x), features);
}

/** 0 in the spans of each row, 1 elsewhere: [batch, size]. The number of spans is rounded up or down by chance, alike in all rows. */
function kept(
  batch: number,
  size: number,
  { share, length, least }: { share: number; length: number; least: number },
  rng: Rng,
): Float32Array {
  const starts = size - length + 1;
  const wanted = Math.max(Math.floor((share * size) / length + rng.uniform()), least);
  const spans = Math.max(Math.min(wanted, Math.floor(size / length), starts), 0);
  const rows = new Float32Array(batch * size).fill(1);
  for (let row = 0; row < batch; row++) {
    for (const start of chosen(starts, spans, rng)) rows.fill(0, row * size + start, row * size + start + length);
  }
  return rows;
}

/** `count` different numbers below `size`. */
function chosen(size: number, count: number, rng: Rng): Set<number> {
  const found = new Set<number>();
  while (found.size < count) found.add(rng.integer(size));
  return found;
}
