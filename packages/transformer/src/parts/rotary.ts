import {
  type AttentionCache,
  KVCache,
  type RopeTables,
  ropeOfConfig,
  ropeTables,
  SlidingWindowCache,
  splitHeads,
} from '@multihead/attention';
import type { Linear } from '@multihead/layers';
import { type Backend, reshape, rope, type Tensor } from '@multihead/tensor';
import type { BlockContext } from '../context.js';
import type { LayerType } from '../loading/layer-types.js';
import { type RopeConfig, turning } from '../loading/rope.js';
import { attendHeads, type HeadOptions } from './attend-heads.js';

/* Rotary positions: tables once for each forward pass, and the attention of Llama and its kin. */

/** cos and sin for tokens at these places, [T, R/2] or [B, T, R/2]; how many tokens there are decides where a scaling depends on it. */
export function rotaryTables(
  config: { rope_parameters: RopeConfig; max_position_embeddings: number },
  headDim: number,
  places: readonly (readonly number[])[],
  backend: Backend,
): RopeTables {
  const { rope_parameters, max_position_embeddings: maxPositions } = config;
  const tokens = 1 + places.reduce((most, row) => Math.max(most, ...row), 0);
  const frequencies = ropeOfConfig(rope_parameters, { dim: turning(rope_parameters, headDim), maxPositions, tokens });
  const { cos, sin } = ropeTables(places.flat(), frequencies, { backend });
  if (places.length === 1) return { cos, sin };
  const shape = [places.length, places[0]!.length, cos.shape[1]!];
  return { cos: reshape(cos, shape), sin: reshape(sin, shape) };
}

/** The tables of a model whose sliding layers turn otherwise than the others. */
export function twoRotaryTables(
  config: { rope_parameters: Record<LayerType, RopeConfig>; max_position_embeddings: number },
  headDim: number,
  places: readonly (readonly number[])[],
  backend: Backend,
): Record<LayerType, RopeTables> {
  const of = (type: LayerType) => rotaryTables({ ...config, rope_parameters: config.rope_parameters[type] }, headDim, places, backend);
  return { full_attention: of('full_attention'), sliding_attention: of('sliding_attention') };
}

/** What an attention with rotary positions has: four projections, and norms of each head's queries and keys where there are such. */
export interface Projections {
  q_proj: Linear;
  k_proj: Linear;
  v_proj: Linear;
  o_proj: Linear;
  q_norm?: { forward(x: Tensor): Tensor } | null;
  k_norm?: { forward(x: Tensor): Tensor } | null;
}

export interface RotaryOptions extends HeadOptions {
  heads: number;
  /** Heads of keys and values. */
  groups: number;
  /** Null: places play no part in this layer. */
  tables: RopeTables | null;
}

/** Project, norm each head, turn by place, attend causally, project back: x [B, T, E] to [B, T, E]. */
export function rotaryAttention(parts: Projections, x: Tensor, ctx: BlockContext, options: RotaryOptions): Tensor {
  const { heads, groups, tables, ...rest } = options;
  const turn = (part: Tensor) => (tables ? rope(part, tables.cos, tables.sin) : part);
  const q = splitHeads(parts.q_proj.forward(x), heads); // [B, H, T, D]
  const k = splitHeads(parts.k_proj.forward(x), groups); // [B, G, T, D]
  const v = splitHeads(parts.v_proj.forward(x), groups);
  const [qNormed, kNormed] = [parts.q_norm?.forward(q) ?? q, parts.k_norm?.forward(k) ?? k];
  return parts.o_proj.forward(attendHeads(turn(qNormed), turn(kNormed), v, ctx, { causal: 'bottom-right', ...rest }));
}

/** How far a sliding window of `size` tokens, their own place among them, reaches back; no window for null. */
export function windowOf(size: number | null): number | undefined {
  return size === null ? undefined : size - 1;
}

/** A cache for a layer with such a window, which keeps no more than the window needs; null: for one that sees all tokens. */
export function cacheOf(size: number | null): AttentionCache {
  return size === null ? new KVCache() : new SlidingWindowCache(size - 1);
}
