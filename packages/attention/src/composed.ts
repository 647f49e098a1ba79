import {
  add,
  amax,
  arange,
  type AttentionOptions,
  detach,
  div,
  dropout,
  eq,
  exp,
  ge,
  le,
  matmul,
  mul,
  reshape,
  sub,
  sum,
  tanh,
  type Tensor,
  transpose,
  where,
} from '@multihead/tensor';
import { repeatHeads } from './heads.js';
import { combineMasks } from './masks.js';

/* The steps of attention in plain operations, for variants that change one of them. */

/** cap(scale · q kᵀ), [B, H, Q, K]. */
export function scoresOf(q: Tensor, k: Tensor, { scale = 1 / Math.sqrt(q.shape[3]!), softcap = 0 }: AttentionOptions): Tensor {
  const scores = mul(matmul(q, transpose(repeatHeads(k, q.shape[1]!))), scale);
  return softcap > 0 ? mul(tanh(div(scores, softcap)), softcap) : scores;
}

/** `mask`, `causal` and `window` in one; null: everything may be seen. */
export function maskOf(q: Tensor, k: Tensor, options: AttentionOptions): Tensor | null {
  const { backend } = q;
  const places = reshape(arange(0, q.shape[2]!, 1, { dtype: 'int32', backend }), [-1, 1]);
  return combineMasks(options.mask, limitMask(places, k.shape[2]!, options));
}

/** `causal` and `window` for queries at `places` [Q, 1]: bool [Q, K]. */
export function limitMask(places: Tensor, keys: number, { causalOffset, windowOffset }: AttentionOptions): Tensor | null {
  const all = arange(0, keys, 1, { dtype: 'int32', backend: places.backend });
  const causal = typeof causalOffset === 'number' ? le(all, add(places, causalOffset)) : null;
  return combineMasks(causal, typeof windowOffset === 'number' ? ge(all, add(places, windowOffset)) : null);
}

/** Scores of -∞ where a bool mask is false, or with a float mask added. */
export function masked(scores: Tensor, mask: Tensor | null): Tensor {
  if (!mask) return scores;
  return mask.dtype === 'bool' ? where(mask, scores, Number.NEGATIVE_INFINITY) : add(scores, mask);
}

/** A softmax over keys in which a query that sees nothing has weights 0, with gradient 0. */
export function softmaxOrZero(scores: Tensor): Tensor {
  if (scores.shape.at(-1) === 0) return scores;
  const highest = amax(detach(scores), { axis: -1, keepDims: true });
  const nothing = eq(highest, Number.NEGATIVE_INFINITY);
  const parts = exp(sub(scores, where(nothing, 0, highest)));
  return div(parts, where(nothing, 1, sum(parts, { axis: -1, keepDims: true })));
}

/** weights v with weights dropped, [B, H, Q, E]. */
export function weighted(weights: Tensor, v: Tensor, options: AttentionOptions): Tensor {
  return matmul(dropout(weights, options.dropout ?? 0, options.rng), repeatHeads(v, weights.shape[1]!));
}
