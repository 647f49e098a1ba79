import {
  add,
  arange,
  clamp,
  expand,
  matmul,
  reshape,
  ShapeError,
  scatterAdd,
  sub,
  takeAlong,
  type Tensor,
  transpose,
  zeros,
} from '@multihead/tensor';
import { type AttentionFn, prepare } from '../attend.js';
import { handOut } from '../capture.js';
import { capped, masked, maskOf, softmaxOrZero, weighted } from '../composed.js';
import { repeatHeads } from '../heads.js';

export interface ShawWeights {
  /** A vector for each distance -n … n of a key from a query, [2n + 1, D]; those farther away use the last ones. */
  keys: Tensor;
  /** The same for values, [2n + 1, E]; none if left out. */
  values?: Tensor | null;
}

/**
 * Relative positions by Shaw: a learned vector for each distance is added to keys, and another one to values,
 * softmax(scale · q (k + a_(j-i))ᵀ) (v + b_(j-i)), all heads alike.
 *
 * A factory: the tables get gradients. With fewer queries than keys, they are the last. Exact; O(Q · K) memory.
 * Throws a ShapeError for tables that do not fit. Shaw, Uszkoreit, Vaswani: "Self-Attention with Relative Position Representations", 2018.
 *
 * @example
 * const attention = shawAttention({ keys: zeros([33, 64], { requiresGrad: true }) }); // 16 tokens to either side
 * const out = attention(q, k, v, { causal: true });
 */
export function shawAttention({ keys: keyTable, values: valueTable = null }: ShawWeights): AttentionFn {
  return (q, k, v, options = {}) => {
    const { heads, inner, back } = prepare('shawAttention', q, k, v, options);
    const [queries, keys, values] = heads;
    const [batch, count, length, dim] = queries.shape as [number, number, number, number];
    const size = keyTable.shape[0]!;
    const fits = (table: Tensor, width: number) => table.rank === 2 && size % 2 === 1 && String(table.shape) === String([size, width]);
    if (!fits(keyTable, dim) || (valueTable && !fits(valueTable, values.shape[3]!))) {
      const got = [keyTable, valueTable].map((table) => (table ? `[${table.shape.join(', ')}]` : 'none')).join(' and ');
      throw new ShapeError(`shawAttention: expected tables [2n + 1, ${dim}] and [2n + 1, ${values.shape[3]}], got ${got}`);
    }
    const distances = distancesOf(queries, keys.shape[2]!, (size - 1) / 2);
    const ids = expand(distances, [batch, count, length, keys.shape[2]!]); // [B, H, Q, K]
    const byDistance = matmul(queries, transpose(keyTable)); // [B, H, Q, 2n + 1]
    const products = add(matmul(queries, transpose(repeatHeads(keys, count))), takeAlong(byDistance, ids));
    const weights = softmaxOrZero(masked(capped(products, dim, inner), maskOf(queries, keys, inner)));
    handOut(options.capture, () => weights);
    const y = weighted(weights, values, inner);
    if (!valueTable) return back(y);
    const none = zeros([batch, count, length, size], { dtype: y.dtype as 'float32', backend: y.backend });
    return back(add(y, matmul(scatterAdd(none, -1, ids, weights), valueTable)));
  };
}

/** Rows of the tables by query and key, int32 [Q, K]. */
function distancesOf(q: Tensor, keys: number, farthest: number): Tensor {
  const queries = q.shape[2]!;
  const places = (from: number, to: number) => arange(from, to, 1, { dtype: 'int32', backend: q.backend });
  const distance = sub(places(0, keys), reshape(places(keys - queries, keys), [queries, 1]));
  return add(clamp(distance, -farthest, farthest), farthest);
}
