import { add, checkpoint, concat, matmul, reshape, ShapeError, slice, tanh, type Tensor, unsqueeze } from '@multihead/tensor';
import { type AttentionFn, prepare } from '../attend.js';
import { handOut } from '../capture.js';
import { capped, masked, maskOf, softmaxOrZero, weighted } from '../composed.js';
import { repeatHeads } from '../heads.js';

export interface AdditiveWeights {
  /** [D, A], [D, A] and [A]; queries and keys may differ in D. */
  query: Tensor;
  key: Tensor;
  score: Tensor;
}

/** Numbers in the sums of one tile of queries, at most. */
const LARGEST = 2 ** 21;

/**
 * Additive attention: softmax(scoreᵀ tanh(q W_query + k W_key)) v, a small network in place of the product.
 *
 * A factory: its weights get gradients. `scale` is 1 if left out. Exact; time O(Q · K · A), memory O(Q · K), as queries are taken in tiles that
 * are computed again for the gradient. Throws a ShapeError for weights that do not fit one another.
 * Bahdanau, Cho, Bengio: "Neural Machine Translation by Jointly Learning to Align and Translate", 2015.
 *
 * @example
 * const attention = additiveAttention({ query: randn([64, 32], { rng }), key: randn([64, 32], { rng }), score: randn([32], { rng }) });
 * const out = attention(q, k, v);
 */
export function additiveAttention({ query, key, score }: AdditiveWeights): AttentionFn {
  const size = score.size;
  if ([query, key].some((w) => w.rank !== 2 || w.shape[1] !== size) || score.rank !== 1) {
    const got = [query, key, score].map((w) => `[${w.shape.join(', ')}]`).join(', ');
    throw new ShapeError(`additiveAttention: expected query [D, A], key [D, A] and score [A], got ${got}`);
  }
  return (q, k, v, options = {}) => {
    // Only products need one width of queries and keys.
    const projected = [matmul(q, query), matmul(k, key)] as const;
    const { heads, inner, back } = prepare('additiveAttention', ...projected, v, options);
    const [queries, keys, values] = heads;
    const sums = scoresOf(queries, repeatHeads(keys, queries.shape[1]!), score);
    const scores = capped(sums, 1, { ...inner, scale: options.scale ?? 1 });
    const weights = softmaxOrZero(masked(scores, maskOf(queries, keys, inner)));
    handOut(options.capture, () => weights);
    return back(weighted(weights, values, inner));
  };
}

/** scoreᵀ tanh(q + k), [B, H, Q, K], from [B, H, Q, A] and [B, H, K, A]. */
function scoresOf(q: Tensor, k: Tensor, score: Tensor): Tensor {
  const queries = q.shape[2]!;
  const tile = (rows: Tensor, keys: Tensor) => {
    const sums = matmul(tanh(add(unsqueeze(rows, 3), unsqueeze(keys, 2))), reshape(score, [-1, 1])); // [B, H, rows, K, 1]
    return reshape(sums, sums.shape.slice(0, -1));
  };
  const rows = Math.max(1, Math.floor((LARGEST * queries) / Math.max(1, q.size * k.shape[2]!)));
  if (rows >= queries) return tile(q, k);
  const starts = Array.from({ length: Math.ceil(queries / rows) }, (_, i) => i * rows);
  return concat(starts.map((from) => checkpoint(tile as (...x: Tensor[]) => Tensor, [slice(q, 2, from, Math.min(queries, from + rows)), k])), 2); // biome-ignore format: one call
}
