import { add, type Backend, clamp, embedding, index, movedim, sub, take, type Tensor, tensor, ValueError } from '@multihead/tensor';
import type { ScoreMod } from '../flex/flex-attend.js';

export interface T5BucketOptions {
  /** True, the default: half of the buckets are for keys ahead, as in T5's encoder. False: all are for keys behind, as in its decoder. */
  bidirectional?: boolean;
  /** Distances from here on share the last bucket. */
  maxDistance?: number;
}

/**
 * T5's buckets of relative positions: one for each of the near distances, then ever wider ones, by the logarithm, up to `maxDistance`.
 *
 * `distance` is key place - query place. Raffel et al., "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer", 2020,
 * section 2.1. Rounded to float32 as in the original, where bounds depend on it. Throws a ValueError for too few buckets.
 *
 * @example
 * t5Bucket(-3, 32); // 3
 * t5Bucket(3, 32); // 19
 */
export function t5Bucket(distance: number, buckets: number, options: T5BucketOptions = {}): number {
  const { bidirectional = true, maxDistance = 128 } = options;
  const own = bidirectional ? Math.floor(buckets / 2) : buckets;
  const near = Math.floor(own / 2);
  if (!(near >= 1)) throw new ValueError(`t5Bucket: buckets: expected at least ${bidirectional ? 4 : 2}, got ${buckets}`);
  const ahead = bidirectional && distance > 0 ? own : 0;
  const far = bidirectional ? Math.abs(distance) : Math.max(-distance, 0);
  if (far < near) return ahead + far;
  const { fround, log } = Math;
  const steps = fround(fround(fround(log(fround(far / near))) / fround(log(maxDistance / near))) * (own - near));
  return ahead + Math.min(near + Math.trunc(steps), own - 1);
}

/**
 * T5's relative position bias: a learned number for each bucket and head, [H, Q, K], as a `mask` of `attend`, with gradients to `weight` [buckets, H].
 * With fewer queries than keys, they are the last, as behind a cache. Exact; costs Q · K numbers a head.
 *
 * @example
 * const mask = t5Bias(weight, queries, keys, { bidirectional: false });
 * const out = attend(q, k, v, { mask, causal: 'bottom-right', scale: 1 });
 */
export function t5Bias(weight: Tensor, queries: number, keys = queries, options: T5BucketOptions = {}): Tensor {
  return movedim(embedding(weight, t5Buckets(weight.shape[0]!, queries, keys, { ...options, backend: weight.backend })), -1, 0);
}

/**
 * The bucket of each query and key as int32, [Q, K]: what `t5Bias` looks up. Models compute it once for all their layers.
 *
 * @example
 * t5Buckets(32, 2); // [[0, 17], [1, 0]]
 */
export function t5Buckets(buckets: number, queries: number, keys = queries, options: T5BucketOptions & { backend?: Backend } = {}): Tensor {
  const first = keys - queries; // the place of query 0
  const byDistance = Int32Array.from({ length: queries + keys }, (_, i) => t5Bucket(i - (first + queries - 1), buckets, options));
  const data = new Int32Array(queries * keys);
  for (let i = 0; i < queries; i++) data.set(byDistance.subarray(queries - 1 - i, queries - 1 - i + keys), i * keys);
  return tensor(data, { shape: [queries, keys], backend: options.backend });
}

/**
 * T5's bias as a `scoreMod` of `flexAttend`, with gradients to `weight` [buckets, H]: exact, and nothing is kept by query and key. Queries are counted
 * as their keys are: behind a cache of n tokens, `first` is n.
 *
 * @example
 * const out = flexAttend(q, k, v, { scoreMod: t5Mod(weight), scale: 1 });
 */
export function t5Mod(weight: Tensor, options: T5BucketOptions & { first?: number } = {}): ScoreMod {
  const { maxDistance = 128, first = 0 } = options;
  const buckets = weight.shape[0]!;
  // Beyond the largest distance there is one bucket on each side.
  const byDistance = Int32Array.from({ length: 2 * maxDistance + 1 }, (_, i) => t5Bucket(i - maxDistance, buckets, options));
  return (score, _b, head, query, key) => {
    const distance = clamp(sub(sub(key, query), first), -maxDistance, maxDistance);
    const bucket = take(tensor(byDistance, { backend: score.backend }), add(distance, maxDistance)); // [Q, K]
    return add(score, index(weight, [bucket, head])); // [1, H, Q, K]
  };
}
