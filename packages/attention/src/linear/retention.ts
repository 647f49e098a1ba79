import {
  arange,
  broadcastTo,
  exp,
  ge,
  matmul,
  mul,
  reshape,
  ShapeError,
  sub,
  type Tensor,
  tensor,
  transpose,
  where,
} from '@multihead/tensor';
import { repeatHeads } from '../heads.js';
import { chunkwise, type Gates, type Recurrent, stepwise } from './recurrence.js';

export interface RetentionOptions extends Pick<Gates, 'state' | 'scale' | 'chunk'> {
  /** What each key/value head keeps from token to token; `retentionDecays` if left out. */
  decays?: ArrayLike<number>;
}

/**
 * The decays of RetNet by head: 1 - 2^(-5 - h).
 *
 * @example
 * retentionDecays(2); // 0.96875, 0.984375
 */
export function retentionDecays(heads: number): Float32Array {
  return Float32Array.from({ length: heads }, (_, h) => 1 - 2 ** (-5 - h));
}

/**
 * Retention: linear attention in which each head forgets at its own pace, out_t = scale · Σ_{j ≤ t} γ^(t-j) (q_t · k_j) v_j, by chunks.
 *
 * q [B, H, T, D], k [B, G, T, D], v [B, G, T, E] give `out` [B, H, T, E] and `state` [B, G, D, E]; causal by nature. Queries and keys are turned
 * before (`xPosTables`), the output is normed by head behind. Exact; O(T · D · E + T · chunk). `parallelRetention` and `recurrentRetention` give the
 * same. Throws a ShapeError that gives all shapes. Sun et al., "Retentive Network: A Successor to Transformer for Large Language Models", 2023.
 *
 * @example
 * const { out, state } = retention(q, k, v);
 * const next = retention(q1, k1, v1, { state }); // the tokens that follow
 */
export function retention(q: Tensor, k: Tensor, v: Tensor, options: RetentionOptions = {}): Recurrent {
  return chunkwise('retention', q, k, v, gatesOf('retention', k, options), false);
}

/** The same, token by token: O(1) memory, what decoding does. */
export function recurrentRetention(q: Tensor, k: Tensor, v: Tensor, options: RetentionOptions = {}): Recurrent {
  return stepwise('recurrentRetention', q, k, v, gatesOf('recurrentRetention', k, options), false);
}

/** The same as one product, (q kᵀ ⊙ γ^(i-j)) v: O(T²), for short sequences. It has no state. */
export function parallelRetention(q: Tensor, k: Tensor, v: Tensor, options: Pick<RetentionOptions, 'decays' | 'scale'> = {}): Tensor {
  const [heads, tokens, dim] = q.shape.slice(1) as [number, number, number];
  const { scale = 1 / Math.sqrt(dim) } = options;
  const places = arange(0, tokens, 1, { dtype: q.dtype as 'float32', backend: q.backend });
  const distance = sub(reshape(places, [tokens, 1]), places); // [Q, K]
  const seen = ge(distance, 0);
  const logs = repeatHeads(logDecays('parallelRetention', k, options), heads); // [1, H, 1, 1]
  const kept = where(seen, exp(mul(logs, where(seen, distance, 0))), 0);
  const scores = mul(matmul(q, transpose(repeatHeads(k, heads))), mul(kept, scale));
  return matmul(scores, repeatHeads(v, heads));
}

function gatesOf(op: string, k: Tensor, options: RetentionOptions): Gates {
  const [batch, groups, tokens] = k.shape as [number, number, number];
  return { ...options, decay: broadcastTo(logDecays(op, k, options), [batch, groups, tokens, 1]) };
}

/** [1, G, 1, 1]. */
function logDecays(op: string, k: Tensor, { decays = retentionDecays(k.shape[1]!) }: Pick<RetentionOptions, 'decays'>): Tensor {
  const groups = k.shape[1]!;
  if (decays.length !== groups) throw new ShapeError(`${op}: decays: expected ${groups}, one for each head of keys, got ${decays.length}`);
  return tensor(Float64Array.from(decays, Math.log), { shape: [1, groups, 1, 1], dtype: k.dtype as 'float32', backend: k.backend });
}
