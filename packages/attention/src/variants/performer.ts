import { add, amax, detach, exp, matmul, mul, type Rng, square, sub, sum, tensor, transpose } from '@multihead/tensor';
import type { AttentionFn } from '../attend.js';
import { type FeatureMap, linearAttention } from '../linear/linear-attention.js';
import { counted } from '../flex/rules.js';

export interface PerformerOptions {
  /** Elements of a head. */
  dim: number;
  /** How many random features: the error falls with their square root. */
  features: number;
  rng: Rng;
  /** Of the softmax that is approximated; 1/√dim if left out. */
  scale?: number;
}

/**
 * Performer: linear attention whose features make, on the average, exactly the softmax, φ(x) = exp(w · x - |x|² / 2) / √m for random w (FAVOR+,
 * positive orthogonal features).
 *
 * An approximation of `attend`, without bias; the error falls as 1/√features and grows with the scores. O(T · features · E). `causal` and masks as
 * for `linearAttention`. Directions are drawn once, when it is made: draw anew now and then in training. Choromanski et al., "Rethinking
 * Attention with Performers", 2021.
 *
 * @example
 * const attention = performer({ dim: 64, features: 256, rng: new Rng(0) });
 * const out = attention(q, k, v, { causal: true });
 */
export function performer({ dim, features, rng, scale = 1 / Math.sqrt(dim) }: PerformerOptions): AttentionFn {
  counted('performer', { dim, features }, 1);
  const directions = orthogonalDirections(dim, features, rng);
  const longest = Math.max(...directions.map((w) => w.reduce((total, x) => total + x * x, 0)));
  // exp(w · x - |x|² / 2) ≤ exp(|w|² / 2), which float32 holds up to 80 or so. What is taken away from all keys alike cancels.
  const tooMuch = Math.max(0, longest / 2 - 40);
  const featureMap: FeatureMap = (x, which) => {
    const w = tensor(Float64Array.from(directions.flat()), { shape: [features, dim], dtype: x.dtype as 'float32', backend: x.backend });
    const scaled = mul(x, Math.sqrt(scale));
    const logs = sub(matmul(scaled, transpose(w)), mul(sum(square(scaled), { axis: -1, keepDims: true }), 0.5)); // [B, H, T, m]
    // A query's own largest feature cancels, too, and none of its features can overflow or all be lost.
    return exp(which === 'query' ? sub(logs, amax(detach(logs), { axis: -1, keepDims: true })) : add(logs, -tooMuch));
  };
  return linearAttention(featureMap);
}

/** Normal vectors, of which each `dim` are at right angles: Gram and Schmidt's way, with the lengths of others. */
function orthogonalDirections(dim: number, count: number, rng: Rng): number[][] {
  const normal = () => Math.sqrt(-2 * Math.log(1 - rng.uniform())) * Math.cos(2 * Math.PI * rng.uniform());
  const draw = () => Array.from({ length: dim }, normal);
  const length = (w: readonly number[]) => Math.hypot(...w);
  const out: number[][] = [];
  while (out.length < count) {
    const block: number[][] = [];
    while (block.length < dim && out.length + block.length < count) {
      const w = draw();
      for (const other of block) {
        const along = w.reduce((total, x, i) => total + x * other[i]!, 0);
        for (let i = 0; i < dim; i++) w[i]! -= along * other[i]!;
      }
      const size = length(w);
      if (size > 1e-9) block.push(w.map((x) => x / size));
    }
    out.push(...block.map((w) => { const size = length(draw()); return w.map((x) => x * size); })); // biome-ignore format: one call
  }
  return out;
}
