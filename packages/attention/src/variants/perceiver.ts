import { type Tensor, unsqueeze } from '@multihead/tensor';
import { type AttendOptions, attend } from '../attend.js';

/**
 * Perceiver's latents: a few learned queries read many inputs, attend(latents, k, v), so that what follows costs by latents, not by inputs.
 *
 * A factory from `latents` [H, N, D], which get gradients; the function takes k [B, G, K, D] and v [B, G, K, E] and gives [B, H, N, E]. Options
 * and errors are those of `attend`. Exact; O(N · K). Jaegle et al., "Perceiver: General Perception with Iterative Attention", 2021; as pooling:
 * Lee et al., "Set Transformer", 2019.
 *
 * @example
 * const read = perceiverLatents(randn([8, 16, 64], { rng })); // 16 latents for 8 heads
 * const y = read(k, v, { mask: paddingMask(lengths, tokens) }); // [B, 8, 16, E]
 */
export function perceiverLatents(latents: Tensor): (k: Tensor, v: Tensor, options?: AttendOptions) => Tensor {
  return (k, v, options) => attend(unsqueeze(latents, 0), k, v, options);
}
