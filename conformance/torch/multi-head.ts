import { MultiHeadAttention } from '@multihead/attention';
import { dispose, mean, reshape, type Tensor, transpose, unsqueeze } from '@multihead/tensor';
import { Skip } from '../suite.js';
import type { Call } from './call.js';
import { maskOf } from './masks.js';

/* PyTorch's multi-head attention, as a module and as a function: its layouts, its masks, its weights averaged over heads. */

/** From PyTorch's layout, which may be tokens first or without a batch, to [B, T, E] and back. */
export function layoutOf(example: Tensor, batchFirst: boolean): { inward(x: Tensor): Tensor; outward(x: Tensor): Tensor } {
  if (example.rank === 2) return { inward: (x) => unsqueeze(x, 0), outward: (x) => reshape(x, x.shape.slice(1)) };
  if (batchFirst) return { inward: (x) => x, outward: (x) => x };
  return { inward: (x) => transpose(x, 0, 1), outward: (x) => transpose(x, 0, 1) };
}

export interface MultiHeadCall {
  readonly query: Tensor;
  readonly key: Tensor;
  readonly value: Tensor;
  readonly mask: Tensor | null;
  readonly batchFirst: boolean;
  readonly needWeights: boolean;
  readonly averageWeights: boolean;
}

/** The output, and the weights if they are asked for. */
export function attendWith(module: MultiHeadAttention, call: MultiHeadCall): (Tensor | null)[] {
  const layout = layoutOf(call.query, call.batchFirst);
  const [q, k, v] = [call.query, call.key, call.value].map(layout.inward);
  const { output, weights } = module.forwardWithWeights(q, k, v, { mask: call.mask });
  if (!call.needWeights) return [layout.outward(output), null];
  const shown = call.averageWeights ? mean(weights, { axis: 1 }) : weights;
  return [layout.outward(output), call.query.rank === 2 ? reshape(shown, shown.shape.slice(1)) : shown];
}

export const multiHeadParameters =
  'query key value embed_dim_to_check num_heads in_proj_weight in_proj_bias bias_k bias_v add_zero_attn dropout_p out_proj_weight ' +
  'out_proj_bias training key_padding_mask need_weights attn_mask use_separate_proj_weight q_proj_weight k_proj_weight v_proj_weight ' +
  'static_k static_v average_attn_weights is_causal';

/** A module with the parameters that the function was given in place of its own. */
export function multiHeadAttentionForward(c: Call): (Tensor | null)[] {
  if (c.number('dropout_p', 0) > 0 && c.flag('training', true))
    throw new Skip("by design: dropout draws other random numbers than PyTorch's");
  const [query, key, value, heads] = [c.tensor('query'), c.tensor('key'), c.tensor('value'), c.number('num_heads')];
  const module = new MultiHeadAttention(query.shape.at(-1)!, heads, {
    dims: { key: key.shape.at(-1), value: value.shape.at(-1) },
    bias: false,
    extraKeys: { zero: c.flag('add_zero_attn') },
  });
  dispose(module);
  const separate = c.flag('use_separate_proj_weight');
  Object.assign(module, {
    in_proj_weight: separate ? null : c.tensor('in_proj_weight'),
    q_proj_weight: c.optional('q_proj_weight'),
    k_proj_weight: c.optional('k_proj_weight'),
    v_proj_weight: c.optional('v_proj_weight'),
    in_proj_bias: c.optional('in_proj_bias'),
    bias_k: asToken(c.optional('bias_k')),
    bias_v: asToken(c.optional('bias_v')),
    out_proj: { weight: c.tensor('out_proj_weight'), bias: c.optional('out_proj_bias') },
  });
  return attendWith(module, {
    query,
    key,
    value,
    mask: maskOf(c.optional('attn_mask'), c.optional('key_padding_mask'), heads),
    batchFirst: false,
    needWeights: c.flag('need_weights', true),
    averageWeights: c.flag('average_attn_weights', true),
  });
}

/** [E] or [1, 1, E] as [1, 1, E]. */
const asToken = (x: Tensor | null) => x && reshape(x, [1, 1, x.size]);
