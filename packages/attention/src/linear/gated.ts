import type { Tensor } from '@multihead/tensor';
import { chunkwise, type Gates, type Recurrent, stepwise } from './recurrence.js';

/**
 * Gated linear attention: a state that decays as each token says, S_t = diag(exp decay_t) S_{t-1} + k_t v_tᵀ, out_t = scale · S_tᵀ q_t.
 *
 * q [B, H, T, D], k [B, G, T, D], v [B, G, T, E] give `out` [B, H, T, E] and `state` [B, G, D, E]; causal by nature. Without `decay`, linear
 * attention without a normaliser. Exact; O(T · D · E + T · chunk), by chunks. Throws a ShapeError that gives all shapes.
 * Yang et al., "Gated Linear Attention Transformers with Hardware-Efficient Training", 2023.
 *
 * @example
 * const { out, state } = gatedLinearAttention(q, k, v, { decay: logSigmoid(gate) });
 * const next = gatedLinearAttention(q1, k1, v1, { decay: decay1, state }); // the tokens that follow
 */
export function gatedLinearAttention(q: Tensor, k: Tensor, v: Tensor, gates: Omit<Gates, 'beta'> = {}): Recurrent {
  return chunkwise('gatedLinearAttention', q, k, v, gates, false);
}

/** The same, token by token: the definition, and what decoding does. */
export function recurrentGatedLinearAttention(q: Tensor, k: Tensor, v: Tensor, gates: Omit<Gates, 'beta'> = {}): Recurrent {
  return stepwise('recurrentGatedLinearAttention', q, k, v, gates, false);
}
