import { causalMask, combineMasks, mergeHeads, splitHeads } from '@multihead/attention';
import * as t from '@multihead/tensor';
import type { Tensor } from '@multihead/tensor';
import { type Call, op, type Outputs, type Table } from './call.js';

/* Attention, with all that ONNX's operator has: heads side by side, past keys, padded caches, windows, capped scores, scores as an output; rotary positions. */

const places = (n: number, backend: t.Backend) => t.arange(0, n, 1, { dtype: 'int32', backend });

interface Heads {
  readonly q: Tensor; // [B, H, Q, D]
  readonly k: Tensor; // [B, G, K, D], past keys first
  readonly v: Tensor; // [B, G, K, E]
  readonly past: number;
}

function headsOf(c: Call): Heads {
  const heads = (name: string, count: string) => (c.tensor(name).rank === 3 ? splitHeads(c.tensor(name), c.number(count)) : c.tensor(name));
  const whole = (x: Tensor, past: string) => (c.has(past) ? t.concat([c.tensor(past), x], 2) : x);
  return {
    q: heads('q', 'q_num_heads'),
    k: whole(heads('k', 'kv_num_heads'), 'past_key'),
    v: whole(heads('v', 'kv_num_heads'), 'past_value'),
    past: c.optional('past_key')?.shape[2] ?? 0,
  };
}

/** Where each query stands among the keys, [B or 1, 1, Q, 1]: after the past, or at the end of what is not padding. */
function queryPlaces(c: Call, { q, past }: Heads): Tensor {
  const own = t.reshape(places(q.shape[2], c.backend), [1, 1, -1, 1]);
  const used = c.optional('nonpad_kv_seqlen');
  return used ? t.add(own, t.sub(t.reshape(used, [-1, 1, 1, 1]), q.shape[2])) : t.add(own, past);
}

/** What a query may see where that differs between samples, and what lies ahead of it; null: everything. */
function visible(c: Call, heads: Heads): Tensor | null {
  const keys = places(heads.k.shape[2], c.backend); // [K]
  const at = queryPlaces(c, heads);
  const used = c.optional('nonpad_kv_seqlen');
  const [left, right] = [c.number('left_window_size', -1), c.number('right_window_size', -1)];
  const rules = [
    used && t.lt(keys, t.reshape(used, [-1, 1, 1, 1])),
    used && c.flag('is_causal') ? t.le(keys, at) : null,
    used && left >= 0 ? t.ge(keys, t.sub(at, left)) : null,
    right >= 0 ? t.le(keys, t.add(at, right)) : null,
  ];
  return rules.reduce((a, b) => combineMasks(a, b), null);
}

/** The limits that are the same for all samples. */
function limits(c: Call, { past }: Heads): Pick<t.AttentionOptions, 'causalOffset' | 'windowOffset'> {
  if (c.has('nonpad_kv_seqlen')) return {};
  const left = c.number('left_window_size', -1);
  return { causalOffset: c.flag('is_causal') ? past : null, windowOffset: left >= 0 ? past - left : null };
}

/** A mask may be shorter than the keys: what is beyond it is hidden. */
function givenMask(c: Call, { k }: Heads): Tensor | null {
  const mask = c.optional('attn_mask');
  const missing = mask && mask.rank > 0 ? k.shape[2] - mask.shape.at(-1)! : 0;
  if (!mask || missing === 0 || mask.shape.at(-1) === 1) return mask;
  const hidden = t.full([...mask.shape.slice(0, -1), missing], mask.dtype === 'bool' ? 0 : Number.NEGATIVE_INFINITY, { dtype: mask.dtype, backend: c.backend }); // biome-ignore format: one call
  return t.concat([mask, hidden], -1);
}

/** q kᵀ · scale, [B, H, Q, K]. */
function scoresOf({ q, k }: Heads, scale: number): Tensor {
  const [batch, heads, , dim] = q.shape;
  const [, groups, keys] = k.shape;
  const each = t.broadcastTo(t.unsqueeze(k, 2), [batch, groups, heads / groups, keys, dim]);
  return t.mul(t.matmul(q, t.transpose(t.reshape(each, [batch, heads, keys, dim]))), scale);
}

function attention(c: Call): Outputs {
  const heads = headsOf(c);
  const { q, k, v } = heads;
  const [scale, softcap] = [c.number('scale', 1 / Math.sqrt(q.shape[3])), c.number('softcap', 0)];
  const options = { scale, softcap, mask: combineMasks(givenMask(c, heads), visible(c, heads)), ...limits(c, heads) };
  const y = t.attention(q, k, v, options);
  const shown = c.wants(3) ? shownOf(c, heads, options) : null;
  return [c.tensor('q').rank === 3 ? mergeHeads(y) : y, k, v, shown];
}

/** The scores as they come, capped, with all masks, or the weights. */
function shownOf(c: Call, heads: Heads, options: t.AttentionOptions & { scale: number; softcap: number }): Tensor | null {
  const mode = c.number('qk_matmul_output_mode', 0);
  if (mode === 3) return t.attentionWeights(heads.q, heads.k, options);
  const scores = scoresOf(heads, options.scale);
  if (mode === 0) return scores;
  const capped = options.softcap > 0 ? t.mul(t.tanh(t.div(scores, options.softcap)), options.softcap) : scores;
  return mode === 1 ? capped : combineMasks(capped, combineMasks(options.mask, limitMask(c, heads)));
}

/** The limits as a mask. */
function limitMask(c: Call, heads: Heads): Tensor | null {
  const { causalOffset, windowOffset } = limits(c, heads);
  const [queries, keys] = [heads.q.shape[2], heads.k.shape[2]];
  const causal = causalOffset == null ? null : causalMask(queries, keys, causalOffset, c.backend);
  return combineMasks(causal, windowOffset == null ? null : t.logicalNot(causalMask(queries, keys, windowOffset - 1, c.backend)));
}

/** Tables of cos and sin, by position or already for each token. */
function rotaryEmbedding(c: Call): Tensor {
  const x = c.tensor('x');
  const [cos, sin] = ['cos_cache', 'sin_cache'].map((name) => {
    const table = c.tensor(name);
    return c.has('position_ids') ? t.embedding(table, c.tensor('position_ids')) : table;
  });
  const turned = t.rope(x.rank === 3 ? splitHeads(x, c.number('num_heads')) : x, cos, sin, { interleaved: c.flag('interleaved') });
  return x.rank === 3 ? mergeHeads(turned) : turned;
}

export const attentions: Table = {
  Attention: op('q k v attn_mask past_key past_value nonpad_kv_seqlen', attention),
  RotaryEmbedding: op('x cos_cache sin_cache position_ids', rotaryEmbedding),
};
