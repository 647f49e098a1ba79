import { concat, expand, matmul, ShapeError, type Tensor, transpose, unsqueeze } from '@multihead/tensor';
import { type AttendOptions, attend } from '../attend.js';

export interface LatentQueries {
  /** [B, H, Q, D]. */
  content: Tensor;
  /** The part that was turned by rotary positions, [B, H, Q, R]; none if left out. */
  rope?: Tensor | null;
}

/** What a cache keeps: L + R numbers a token, whatever the number of heads. */
export interface LatentKeys {
  /** [B, K, L]. */
  latents: Tensor;
  /** [B, K, R], one for all heads, turned by rotary positions. */
  rope?: Tensor | null;
}

export interface LatentWeights {
  /** Keys from latents by head, [H, L, D]. */
  key: Tensor;
  /** Values from latents by head, [H, L, E]. */
  value: Tensor;
}

/**
 * Latent attention: keys and values of all heads are made of one short latent for each token, k_h = c W_key,h, v_h = c W_value,h, beside a
 * part of the key that carries the positions. `scale` is 1/√(D + R) if left out.
 *
 * Gives [B, H, Q, E]. Exact. This form makes the keys and values and attends, for training and prompts; `absorbedLatentAttention` gives the same
 * and reads the latents alone, for decoding. Other options are those of `attend`. Throws a ShapeError for shapes that do not fit.
 * DeepSeek-AI, "DeepSeek-V2", 2024, section 2.1.
 *
 * @example
 * const out = latentAttention({ content, rope: qRope }, { latents, rope: kRope }, { key, value }, { causal: true });
 */
export function latentAttention(q: LatentQueries, k: LatentKeys, weights: LatentWeights, options: AttendOptions = {}): Tensor {
  check('latentAttention', q, k, weights);
  const latents = unsqueeze(k.latents, 1); // [B, 1, K, L]
  const content = matmul(latents, weights.key); // [B, H, K, D]
  const shared = k.rope && unsqueeze(k.rope, 1);
  const keys = shared ? concat([content, expand(shared, [...content.shape.slice(0, 3), shared.shape[3]!])], -1) : content;
  return attend(joined(q.content, q.rope), keys, matmul(latents, weights.value), options);
}

/** The same, with the weights moved over to queries and outputs: one key/value head of latents serves all. O(Q · K · L), without keys or values. */
export function absorbedLatentAttention(q: LatentQueries, k: LatentKeys, weights: LatentWeights, options: AttendOptions = {}): Tensor {
  check('absorbedLatentAttention', q, k, weights);
  const { scale = 1 / Math.sqrt(q.content.shape[3]! + (q.rope?.shape[3] ?? 0)) } = options;
  const queries = matmul(q.content, transpose(weights.key)); // [B, H, Q, L]
  const latents = unsqueeze(k.latents, 1);
  const keys = joined(latents, k.rope && unsqueeze(k.rope, 1));
  const y = attend(joined(queries, q.rope), keys, latents, { ...options, scale }); // [B, H, Q, L]
  return matmul(y, weights.value);
}

function joined(content: Tensor, rope: Tensor | null | undefined): Tensor {
  return rope ? concat([content, rope], -1) : content;
}

function check(op: string, q: LatentQueries, k: LatentKeys, { key, value }: LatentWeights): void {
  const [, heads, , dim] = q.content.shape;
  const size = k.latents.shape[2];
  const fits = q.content.rank === 4 && k.latents.rank === 3 && Boolean(q.rope) === Boolean(k.rope);
  const weigh = String(key.shape) === String([heads, size, dim]) && String(value.shape.slice(0, 2)) === String([heads, size]);
  if (fits && weigh && value.rank === 3) return;
  const got = [q.content, k.latents, key, value].map((x) => `[${x.shape.join(', ')}]`).join(', ');
  throw new ShapeError(
    `${op}: expected content [B, H, Q, D], latents [B, K, L], key [H, L, D], value [H, L, E], and rope of both or neither, got ${got}`,
  );
}
