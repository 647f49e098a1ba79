import { detach, ge, slice, topk, where } from '@multihead/tensor';
import { type AttentionFn, prepare } from '../attend.js';
import { handOut } from '../capture.js';
import { masked, maskOf, scoresOf, softmaxOrZero, weighted } from '../composed.js';
import { counted } from '../flex/rules.js';

/**
 * Top-k attention: each query looks at the `count` keys of its highest scores alone (and at those that equal the last of them).
 *
 * An approximation of `attend` that is exact from `count` = K on; the error is at most twice the weight that it leaves out, times the largest
 * value. O(Q · K) time and memory, as all scores are needed to choose. Gupta et al., "Memory-efficient Transformers via Top-k Attention", 2021.
 *
 * @example
 * const attention = topKAttention(64);
 * const out = attention(q, k, v, { causal: true });
 */
export function topKAttention(count: number): AttentionFn {
  counted('topKAttention', { count }, 1);
  return (q, k, v, options = {}) => {
    const { heads, inner, back } = prepare('topKAttention', q, k, v, options);
    const [queries, keys, values] = heads;
    let scores = masked(scoresOf(queries, keys, inner), maskOf(queries, keys, inner));
    if (count < keys.shape[2]!) {
      const least = slice(topk(detach(scores), count).values, -1, count - 1); // [B, H, Q, 1]
      scores = where(ge(detach(scores), least), scores, Number.NEGATIVE_INFINITY);
    }
    const weights = softmaxOrZero(scores);
    handOut(options.capture, () => weights);
    return back(weighted(weights, values, inner));
  };
}
