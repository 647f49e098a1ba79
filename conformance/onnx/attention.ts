import { attend, combineMasks, mergeHeads, splitHeads } from '@multihead/attention';
import * as t from '@multihead/tensor';
import type { Tensor } from '@multihead/tensor';
import { type Call, op, type Outputs, type Table } from './call.js';

/* Attention, with all that ONNX's operator has: heads side by side, past keys, padded caches, windows, capped scores, scores as an output. */

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

/** What a query may see, by the options that say so: causal, windows, padding. null: everything. */
function visible(c: Call, heads: Heads): Tensor | null {
  const keys = places(heads.k.shape[2], c.backend); // [K]
  const at = queryPlaces(c, heads);
  const used = c.optional('nonpad_kv_seqlen');
  const [left, right] = [c.number('left_window_size', -1), c.number('right_window_size', -1)];
  const rules = [
    c.flag('is_causal') ? t.le(keys, at) : null,
    left >= 0 ? t.ge(keys, t.sub(at, left)) : null,
    right >= 0 ? t.le(keys, t.add(at, right)) : null,
    used && t.lt(keys, t.reshape(used, [-1, 1, 1, 1])),
  ];
  return rules.reduce((a, b) => combineMasks(a, b), null);
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
  const [scale, cap] = [c.number('scale', 1 / Math.sqrt(q.shape[3])), c.number('softcap', 0)];
  const mask = combineMasks(givenMask(c, heads), visible(c, heads));
  const scores = scoresOf(heads, scale);
  const capped = cap > 0 ? t.mul(t.tanh(t.div(scores, cap)), cap) : scores;
  let weights: Tensor | null = null;
  const capture = (seen: Tensor) => {
    weights = seen;
  };
  // `attend` caps nothing: scores that are capped already come in as a mask, on top of none.
  const y =
    cap > 0 ? attend(t.zerosLike(q), k, v, { mask: combineMasks(capped, mask), capture }) : attend(q, k, v, { mask, scale, capture });
  const shown = [scores, capped, combineMasks(capped, mask), weights][c.number('qk_matmul_output_mode', 0)];
  return [c.tensor('q').rank === 3 ? mergeHeads(y) : y, k, v, shown];
}

export const attentions: Table = {
  Attention: op('q k v attn_mask past_key past_value nonpad_kv_seqlen', attention),
};
