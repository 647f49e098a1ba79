import { abs, arange, type Backend, cast, mul, neg, reshape, sub, take, type Tensor, tensor, ValueError } from '@multihead/tensor';
import type { ScoreMod } from '../flex/flex-attend.js';

/**
 * The slopes of ALiBi by head: 2^(-8h / H) for head h = 1 … H; where H is no power of two, those of the power below it, and then every other
 * one of the power above. Press, Smith, Lewis: "Train Short, Test Long", 2022.
 *
 * @example
 * alibiSlopes(8); // 1/2, 1/4 … 1/256
 */
export function alibiSlopes(heads: number): Float32Array {
  if (!(Number.isInteger(heads) && heads > 0)) throw new ValueError(`alibiSlopes: heads: expected a positive integer, got ${heads}`);
  const power = 2 ** Math.floor(Math.log2(heads));
  const slope = (h: number, of: number) => 2 ** ((-8 * h) / of);
  return Float32Array.from({ length: heads }, (_, i) => (i < power ? slope(i + 1, power) : slope(2 * (i - power) + 1, 2 * power)));
}

/**
 * ALiBi: -slope · |i - j| to be added to the scores, [H, Q, K], as a `mask` of `attend`. Exact; costs Q · K numbers a head (`alibiMod` of
 * `flexAttend` costs none). With fewer queries than keys, they are the last. Press, Smith, Lewis: "Train Short, Test Long", 2022.
 *
 * @example
 * const out = attend(q, k, v, { causal: true, mask: alibi(8, tokens) });
 */
export function alibi(heads: number, queries: number, keys = queries, options: { backend?: Backend } = {}): Tensor {
  const { backend } = options;
  const places = (from: number, to: number) => arange(from, to, 1, { dtype: 'float32', backend });
  const distance = abs(sub(places(0, keys), reshape(places(keys - queries, keys), [queries, 1]))); // [Q, K]
  return mul(neg(distance), tensor(alibiSlopes(heads), { shape: [heads, 1, 1], backend }));
}

/**
 * ALiBi as a `scoreMod` of `flexAttend`: exact, and no numbers are kept for it. Queries are counted as their keys are: behind a cache of n tokens,
 * `first` is n.
 *
 * @example
 * const out = flexAttend(q, k, v, { scoreMod: alibiMod(8), causal: true });
 */
export function alibiMod(heads: number, first = 0): ScoreMod {
  const slopes = alibiSlopes(heads);
  return (score, _b, head, query, key) => {
    const { dtype, backend } = score;
    const slope = take(tensor(slopes, { dtype: dtype as 'float32', backend }), head); // [1, H, 1, 1]
    const distance = abs(sub(sub(key, query), first));
    return sub(score, mul(cast(distance, dtype), slope));
  };
}
