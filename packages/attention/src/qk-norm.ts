import { rmsNorm, type Tensor } from '@multihead/tensor';
import { type AttentionFn, attend } from './attend.js';

export interface QKNormOptions {
  /** Learned weights [D] of queries and keys; none if left out. */
  q?: Tensor | null;
  k?: Tensor | null;
  eps?: number;
  /** What is normed for; `attend` if left out. */
  attention?: AttentionFn;
}

/**
 * Attention over queries and keys that were brought to one length each, so that scores cannot grow without bound: attend(norm(q), norm(k), v),
 * where norm(x) = x / √(mean(x²) + eps) · weight.
 *
 * Exact; costs two norms. Models that turn by rotary positions norm before that, by `rmsNorm` itself (Qwen 3, Gemma 3).
 * Henry et al., "Query-Key Normalization for Transformers", 2020; Dehghani et al., "Scaling Vision Transformers to 22 Billion Parameters", 2023.
 *
 * @example
 * const attention = qkNorm({ q: ones([64]), k: ones([64]) });
 * const out = attention(q, k, v, { causal: true });
 */
export function qkNorm({ q: qWeight = null, k: kWeight = null, eps = 1e-6, attention = attend }: QKNormOptions = {}): AttentionFn {
  return (q, k, v, options) => attention(rmsNorm(q, qWeight, { eps }), rmsNorm(k, kWeight, { eps }), v, options);
}
