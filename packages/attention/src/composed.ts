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
  ValueError,
  where,
} from '@multihead/tensor';
import { repeatHeads } from './heads.js';
import { combineMasks } from './masks.js';

/* The steps of attention in plain operations, for variants that change one of them. */

/** cap(scale · q kᵀ), [B, H, Q, K]. */
export function scoresOf(q: Tensor, k: Tensor, options: AttentionOptions): Tensor {
  return capped(matmul(q, transpose(repeatHeads(k, q.shape[1]!))), q.shape[3]!, options);
}

/** Products of queries and keys of `dim` elements, scaled and capped. */
export function capped(products: Tensor, dim: number, { scale = 1 / Math.sqrt(dim), softcap = 0 }: AttentionOptions): Tensor {
  const scores = mul(products, scale);
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

/** Throws a ValueError for an option that `op` cannot honour. */
export function refuse(
  op: string,
  options: AttentionOptions,
  what: readonly ('mask' | 'causal' | 'window' | 'softcap' | 'dropout')[],
): void {
  const given = {
    mask: Boolean(options.mask),
    causal: typeof options.causalOffset === 'number',
    window: typeof options.windowOffset === 'number',
    softcap: Boolean(options.softcap),
    dropout: Boolean(options.dropout && options.rng),
  };
  for (const name of what) if (given[name]) throw new ValueError(`${op}: ${name}: it cannot be had with this kind of attention`);
}

/** A bool mask by key alone as [B or 1, 1, K, 1], null without a mask. Throws a ValueError for another one. */
export function maskByKey(op: string, { mask }: AttentionOptions): Tensor | null {
  if (!mask) return null;
  if (mask.dtype !== 'bool' || (mask.shape.at(-2) ?? 1) !== 1 || (mask.shape.at(-3) ?? 1) !== 1) {
    throw new ValueError(`${op}: mask: expected bool by key alone, [B, 1, 1, K], got ${mask.dtype} [${mask.shape.join(', ')}]`);
  }
  return transpose(mask.rank < 2 ? reshape(mask, [1, -1]) : mask);
}
