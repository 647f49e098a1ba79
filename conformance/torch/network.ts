import { attend } from '@multihead/attention';
import * as t from '@multihead/tensor';
import type { Tensor } from '@multihead/tensor';
import { notBuilt } from '../suite.js';
import { type Call, op, type Table } from './call.js';
import { multiHeadAttentionForward, multiHeadParameters } from './multi-head.js';
import { windows } from './windows.js';

/* Norms, embeddings, attention; with what slides windows, in `windows.ts`. */

/** A padding row is one without a gradient. */
export function embedding(weight: Tensor, ids: Tensor, padding: number | null): Tensor {
  return t.embedding(weight, ids, padding === null ? {} : { paddingIdx: padding });
}

function scaledDotProductAttention(c: Call): Tensor {
  if (c.number('dropout_p', 0) !== 0) throw notBuilt("PyTorch's random numbers (dropout)");
  const scale = c.get('scale') === null ? undefined : c.number('scale');
  const options = { mask: c.optional('attn_mask'), causal: c.flag('is_causal'), scale };
  return attend(c.tensor('q'), c.tensor('k'), c.tensor('v'), options);
}

/** The machine epsilon of float32: PyTorch's for rms_norm without one. */
export const epsilon = 2 ** -23;

export const network: Table = {
  layer_norm: op('x normalized_shape weight bias eps', (c) => {
    const options = { shape: c.numbers('normalized_shape'), eps: c.number('eps', 1e-5) };
    return t.layerNorm(c.tensor('x'), c.optional('weight'), c.optional('bias'), options);
  }),
  rms_norm: op('x normalized_shape weight eps', (c) =>
    t.rmsNorm(c.tensor('x'), c.optional('weight'), { shape: c.numbers('normalized_shape'), eps: c.number('eps', epsilon) }),
  ),

  embedding: op('weight ids padding_idx', (c) =>
    embedding(c.tensor('weight'), c.tensor('ids'), c.get('padding_idx') === null ? null : c.number('padding_idx')),
  ),
  scaled_dot_product_attention: op('q k v attn_mask dropout_p is_causal scale enable_gqa', scaledDotProductAttention),
  multi_head_attention_forward: op(multiHeadParameters, multiHeadAttentionForward),
  ...windows,
};
