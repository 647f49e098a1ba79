import { add, exp, mul, rmsNorm, ShapeError, slice, sub, sum, type Tensor } from '@multihead/tensor';
import { type AttentionFn, attend, type Capture } from '../attend.js';

export interface DifferentialWeights {
  /** λ = exp(q1 · k1) - exp(q2 · k2) + init, from vectors [D]. */
  q1: Tensor;
  k1: Tensor;
  q2: Tensor;
  k2: Tensor;
  init: number;
  /** Weight [E] of the norm of each head's output; none if left out. */
  norm?: Tensor | null;
}

/**
 * Differential attention: the noise that two attentions share is taken away, norm((softmax(scale · q₁k₁ᵀ) - λ softmax(scale · q₂k₂ᵀ)) v) · (1 - init).
 *
 * A factory: its weights get gradients. q and k are twice as wide, [B, H, Q, 2D]: both halves are one attention. Exact; costs two `attend`.
 * Captured are the differences. Throws a ShapeError for widths that do not fit. Ye et al., "Differential Transformer", 2024.
 *
 * @example
 * const attention = differentialAttention({ q1, k1, q2, k2, init: differentialInit(0), norm: ones([64]) });
 * const out = attention(q, k, v, { causal: true }); // q, k [B, H, T, 2D], q1 … k2 [D]
 */
export function differentialAttention({ q1, k1, q2, k2, init, norm = null }: DifferentialWeights): AttentionFn {
  const term = (a: Tensor, b: Tensor) => exp(sum(mul(a, b)));
  return (q, k, v, options = {}) => {
    const dim = q1.size;
    if (q.shape.at(-1) !== 2 * dim || k.shape.at(-1) !== 2 * dim) {
      throw new ShapeError(
        `differentialAttention: expected q and k of width ${2 * dim}, got [${q.shape.join(', ')}] and [${k.shape.join(', ')}]`,
      );
    }
    const lambda = add(sub(term(q1, k1), term(q2, k2)), init);
    const maps: Tensor[] = [];
    const { capture } = options;
    const collecting =
      capture && (Object.assign((w: Tensor) => void maps.push(w), { weights: capture.weights, selection: capture.selection }) as Capture);
    const half = (from: number) =>
      attend(slice(q, -1, from, from + dim), slice(k, -1, from, from + dim), v, { ...options, capture: collecting });
    const y = sub(half(0), mul(half(dim), lambda));
    if (capture) capture(sub(maps[0]!, mul(maps[1]!, lambda)));
    return mul(rmsNorm(y, norm, { eps: 1e-5 }), 1 - init);
  };
}

/** The `init` of the paper by layer, counted from 0: 0.8 - 0.6 exp(-0.3 layer). */
export function differentialInit(layer: number): number {
  return 0.8 - 0.6 * Math.exp(-0.3 * layer);
}
