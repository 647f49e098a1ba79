import { flexAttend, gatedDeltaRule, gatedLinearAttention, mergeHeads, splitHeads } from '@multihead/attention';
import * as t from '@multihead/tensor';
import type { Tensor } from '@multihead/tensor';
import { notBuilt } from '../suite.js';
import { type Call, op, type Outputs, type Table } from './call.js';

/* Attention by functions, attention with a state, and the convolution with a state that goes before it. */

function flexAttention(c: Call): Tensor {
  for (const graph of ['score_mod', 'prob_mod']) if (c.has(graph)) throw notBuilt(`FlexAttention with the graph ${graph}`);
  return flexAttend(c.tensor('q'), c.tensor('k'), c.tensor('v'), {
    scale: c.has('scale') ? c.number('scale') : undefined,
    scoreMod: (score) => score, // what the operator is without a graph, by the tiles that it would have with one
  });
}

function linearAttention(c: Call): Outputs {
  const heads = (name: string, count: string) => splitHeads(c.tensor(name), c.number(count));
  const [q, k, v] = [heads('q', 'q_num_heads'), heads('k', 'kv_num_heads'), heads('v', 'kv_num_heads')];
  const [batch, groups, tokens] = k.shape;
  // [B, T, G · n] as [B, G, T, n]; one number for all heads stands for each.
  const gate = (name: string) => {
    const x = c.optional(name);
    return x && splitHeads(x.shape[2] < groups ? t.broadcastTo(x, [batch, tokens, groups]) : x, groups);
  };
  const rule = c.text('update_rule', 'gated_delta');
  const run = rule.endsWith('delta') ? gatedDeltaRule : gatedLinearAttention;
  const decay = rule.startsWith('gated') ? gate('decay') : null;
  const beta = rule.endsWith('delta') ? gate('beta') : null;
  const scale = c.number('scale', 0) || undefined; // 0 stands for 1/√dim
  const { out, state } = run(q, k, v, { decay, beta, state: c.optional('past_state'), scale });
  return [mergeHeads(out), state];
}

function causalConvWithState(c: Call): Outputs {
  const [x, weight] = [c.tensor('x'), c.tensor('weight')]; // [B, C, T], [C, 1, n]
  const [batch, channels] = x.shape;
  const before = weight.shape[2] - 1;
  const past = c.optional('past_state') ?? t.zeros([batch, channels, before], { dtype: x.dtype, backend: c.backend });
  const whole = t.concat([past, x], 2);
  const y = t.conv1d(whole, weight, c.optional('bias'), { groups: channels });
  const activation = c.text('activation', 'none');
  if (!['none', 'silu', 'swish'].includes(activation)) throw notBuilt(`CausalConvWithState with ${activation}`);
  return [activation === 'none' ? y : t.silu(y), t.slice(whole, 2, whole.shape[2] - before)];
}

export const recurrentAttentions: Table = {
  FlexAttention: op('q k v', flexAttention),
  LinearAttention: op('q k v past_state decay beta', linearAttention),
  CausalConvWithState: op('x weight bias past_state', causalConvWithState),
};
