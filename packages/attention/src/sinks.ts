import {
  add,
  attentionWeights,
  attentionWithLse,
  dropout,
  matmul,
  mul,
  neg,
  reshape,
  ShapeError,
  sigmoid,
  type Tensor,
} from '@multihead/tensor';
import { type AttentionFn, prepare } from './attend.js';
import { picked } from './capture.js';
import { repeatHeads } from './heads.js';

/**
 * Attention with a sink: each head has one more score, learned, that takes its share of the softmax and stands for no value, so that a query
 * can look at nothing. softmax([scores, sink])[:-1] v = σ(lse - sink) · attend(q, k, v).
 *
 * `logits` [H] gets gradients. Exact; costs what `attend` costs. Captured weights add up to less than 1.
 * Throws a ShapeError unless there is one logit for each head. gpt-oss, 2025; Xiao et al., "Efficient Streaming Language Models with Attention
 * Sinks", 2023; Miller, "Attention Is Off By One", 2023 (logits of 0).
 *
 * @example
 * const sinks = zeros([8], { requiresGrad: true }); // learned, one for each head
 * const attention = attentionSinks(sinks);
 * const out = attention(q, k, v, { causal: true, window: 127 });
 */
export function attentionSinks(logits: Tensor): AttentionFn {
  return (q, k, v, options = {}) => {
    const { heads, inner, back } = prepare('attentionSinks', q, k, v, options);
    const [queries, keys, values] = heads;
    if (logits.size !== queries.shape[1]) {
      throw new ShapeError(`attentionSinks: logits: expected one for each of ${queries.shape[1]} heads, got [${logits.shape.join(', ')}]`);
    }
    const { out, lse } = attentionWithLse(queries, keys, values, inner);
    const share = reshape(sigmoid(add(lse, neg(reshape(logits, [-1, 1])))), [...lse.shape, 1]); // [B, H, Q, 1]
    const { capture, rng } = options;
    capture?.(mul((capture.weights ?? attentionWeights)(queries, keys, inner), picked(capture, share)));
    if (!options.dropout || !rng) return back(mul(out, share));
    const weights = dropout(mul(attentionWeights(queries, keys, inner), share), options.dropout, rng);
    return back(matmul(weights, repeatHeads(values, queries.shape[1])));
  };
}
