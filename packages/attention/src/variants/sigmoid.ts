import { add, sigmoid, type Tensor } from '@multihead/tensor';
import { type AttentionFn, prepare } from '../attend.js';
import { handOut } from '../capture.js';
import { masked, maskOf, scoresOf, weighted } from '../composed.js';

/**
 * Sigmoid attention: σ(scale · q kᵀ + bias) v. Each weight stands for itself; rows do not add up to 1.
 *
 * `bias`, a number or a tensor that broadcasts to [B, H, Q, K], is -ln K if left out, so that rows begin near 1; a tensor gets gradients.
 * Exact; O(Q · K) memory. A query that sees no key gets 0. Ramapuram et al., "Theory, Analysis, and Best Practices for Sigmoid Self-Attention", 2024.
 *
 * @example
 * const attention = sigmoidAttention();
 * const out = attention(q, k, v, { causal: true });
 */
export function sigmoidAttention(bias?: number | Tensor): AttentionFn {
  return (q, k, v, options = {}) => {
    const { heads, inner, back } = prepare('sigmoidAttention', q, k, v, options);
    const [queries, keys, values] = heads;
    const shift = bias ?? -Math.log(Math.max(1, keys.shape[2]!));
    const weights = sigmoid(masked(add(scoresOf(queries, keys, inner), shift), maskOf(queries, keys, inner)));
    handOut(options.capture, () => weights);
    return back(weighted(weights, values, inner));
  };
}
