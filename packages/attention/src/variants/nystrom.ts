import { abs, amax, eye, matmul, mul, div, sub, sum, type Tensor, tensor, transpose } from '@multihead/tensor';
import { type AttentionFn, prepare } from '../attend.js';
import { handOut } from '../capture.js';
import { refuse, scoresOf, softmaxOrZero } from '../composed.js';
import { counted } from '../flex/rules.js';
import { repeatHeads } from '../heads.js';

export interface NystromOptions {
  /** Means of neighbouring queries and keys that stand for all. */
  landmarks: number;
  /** Steps towards the pseudo-inverse; 6 if left out. */
  iterations?: number;
}

/**
 * Nyströmformer: the matrix of weights from some of its rows and columns, softmax(q k̃ᵀ) softmax(q̃ k̃ᵀ)⁺ softmax(q̃ kᵀ) v, where q̃ and k̃ are means of
 * segments.
 *
 * An approximation of `attend` without a direction: no `causal`, `window`, `mask` or dropout; the error falls with `landmarks`. O(T · landmarks).
 * Captured are the products, whose rows add up to about 1. Throws a ValueError for what it cannot do.
 * Xiong et al., "Nyströmformer: A Nyström-Based Algorithm for Approximating Self-Attention", 2021.
 *
 * @example
 * const attention = nystromAttention({ landmarks: 64 });
 * const out = attention(q, k, v);
 */
export function nystromAttention({ landmarks, iterations = 6 }: NystromOptions): AttentionFn {
  counted('nystromAttention', { landmarks, iterations }, 1);
  return (q, k, v, options = {}) => {
    const op = 'nystromAttention';
    const { heads, inner, back } = prepare(op, q, k, v, options);
    refuse(op, inner, ['mask', 'causal', 'window', 'dropout']);
    const [queries, values] = [heads[0], repeatHeads(heads[2], heads[0].shape[1]!)];
    const keys = repeatHeads(heads[1], queries.shape[1]!);
    const count = Math.min(landmarks, queries.shape[2]!, keys.shape[2]!);
    if (count === 0) return back(matmul(scoresOf(queries, keys, inner), values));
    const [queryMeans, keyMeans] = [segmentMeans(queries, count), segmentMeans(keys, count)];
    const weights = (a: Tensor, b: Tensor) => softmaxOrZero(scoresOf(a, b, inner));
    const left = matmul(weights(queries, keyMeans), pseudoInverse(weights(queryMeans, keyMeans), iterations)); // [B, H, Q, m]
    const right = weights(queryMeans, keys); // [B, H, m, K]
    handOut(options.capture, () => matmul(left, right));
    return back(matmul(left, matmul(right, values)));
  };
}

/** Means of `count` segments as even as can be, [B, H, count, D]. */
function segmentMeans(x: Tensor, count: number): Tensor {
  const tokens = x.shape[2]!;
  const shares = new Float64Array(count * tokens);
  for (let i = 0; i < count; i++) {
    const [from, to] = [Math.floor((i * tokens) / count), Math.floor(((i + 1) * tokens) / count)];
    shares.fill(1 / (to - from), i * tokens + from, i * tokens + to);
  }
  return matmul(tensor(shares, { shape: [count, tokens], dtype: x.dtype as 'float32', backend: x.backend }), x);
}

/** Of square matrices [..., m, m]: z ← z (13 - a z (15 - a z (7 - a z))) / 4, from aᵀ / (largest column sum · largest row sum). Razavi et al., 2014. */
function pseudoInverse(a: Tensor, iterations: number): Tensor {
  const largest = (axis: number) => amax(sum(abs(a), { axis, keepDims: true }), { axis: [-2, -1], keepDims: true });
  const one = eye(a.shape.at(-1)!, a.shape.at(-1)!, { dtype: a.dtype as 'float32', backend: a.backend });
  let z = div(transpose(a), mul(largest(-2), largest(-1)));
  for (let i = 0; i < iterations; i++) {
    const az = matmul(a, z);
    const inner = sub(mul(one, 15), matmul(az, sub(mul(one, 7), az)));
    z = mul(matmul(z, sub(mul(one, 13), matmul(az, inner))), 0.25);
  }
  return z;
}
