import type { Tensor } from '@multihead/tensor';
import { chunkwise, type Gates, type Recurrent, stepwise } from './recurrence.js';

/**
 * The delta rule: what the state says for a key is replaced by the new value, S_t = S_{t-1} + k_t (beta_t (v_t - S_{t-1}ᵀ k_t))ᵀ, out_t = scale · S_tᵀ q_t.
 *
 * q [B, H, T, D], k [B, G, T, D] (of length 1: normalize(k)), v [B, G, T, E] and beta [B, G, T, 1] in [0, 1] give `out` [B, H, T, E] and `state`
 * [B, G, D, E]; causal by nature. Exact; O(T · D · E + T · chunk), by chunks that solve a triangular system each. Throws a ShapeError that
 * gives all shapes. Schlag, Irie, Schmidhuber, 2021; Yang et al., "Parallelizing Linear Transformers with the Delta Rule over Sequence
 * Length", 2024.
 *
 * @example
 * const { out, state } = deltaRule(q, normalize(k), v, { beta: sigmoid(b) });
 */
export function deltaRule(q: Tensor, k: Tensor, v: Tensor, gates: Omit<Gates, 'decay'> = {}): Recurrent {
  return chunkwise('deltaRule', q, k, v, gates, true);
}

/** The same, token by token: the definition, and what decoding does. */
export function recurrentDeltaRule(q: Tensor, k: Tensor, v: Tensor, gates: Omit<Gates, 'decay'> = {}): Recurrent {
  return stepwise('recurrentDeltaRule', q, k, v, gates, true);
}

/**
 * The delta rule with a state that decays: S = diag(exp decay_t) S_{t-1}, then S_t = S + k_t (beta_t (v_t - Sᵀ k_t))ᵀ, out_t = scale · S_tᵀ q_t.
 *
 * Shapes, cost and errors are those of `deltaRule`; decay is [B, G, T, 1], or [B, G, T, D] by element (Kimi's). Exact.
 * Yang, Kautz, Hatamizadeh: "Gated Delta Networks", 2024 (Qwen 3 Next); Kimi Team, "Kimi Linear", 2025.
 *
 * @example
 * const { out, state } = gatedDeltaRule(q, normalize(k), v, { beta: sigmoid(b), decay: neg(softplus(a)) });
 */
export function gatedDeltaRule(q: Tensor, k: Tensor, v: Tensor, gates: Gates = {}): Recurrent {
  return chunkwise('gatedDeltaRule', q, k, v, gates, true);
}

/** The same, token by token: the definition, and what decoding does. */
export function recurrentGatedDeltaRule(q: Tensor, k: Tensor, v: Tensor, gates: Gates = {}): Recurrent {
  return stepwise('recurrentGatedDeltaRule', q, k, v, gates, true);
}
