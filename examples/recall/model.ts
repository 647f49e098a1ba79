import { type AttentionFn, attend, deltaRule, linearAttention, MultiHeadAttention } from '@multihead/attention';
import { Embedding, Linear, RMSNorm } from '@multihead/layers';
import { add, concat, mul, normalize, ones, param, type Rng, silu, slice, type Tensor, zeros } from '@multihead/tensor';

/** What stands where attention stands. */
export const mixers: Readonly<Record<string, () => AttentionFn>> = {
  softmax: () => (q, k, v) => attend(q, k, v, { causal: true }),
  'window of 8': () => (q, k, v) => attend(q, k, v, { causal: true, window: 7 }),
  linear: () => {
    const attention = linearAttention();
    return (q, k, v) => attention(q, k, v, { causal: true });
  },
  'delta rule': () => (q, k, v) => deltaRule(normalize(silu(q)), normalize(silu(k)), v, { scale: 1 }).out,
};

export const size = { dim: 64, heads: 2 } as const;

/**
 * One layer of attention, and before it a look at the token before, as Zoology's models have it: the value of a pair thus knows its key.
 * Positions it has none. [B, T] to logits [B, T, vocabulary].
 */
export class RecallModel {
  embedding: Embedding;
  /** How much of each element comes from the token itself and from the one before, [2, dim]. */
  shift: Tensor;
  norm: RMSNorm;
  attention: MultiHeadAttention;
  head: Linear;

  constructor(vocabulary: number, mixer: AttentionFn, rng: Rng) {
    this.embedding = new Embedding(vocabulary, size.dim, { rng });
    this.shift = param([2, size.dim], (shape) => () => ones(shape));
    this.norm = new RMSNorm(size.dim);
    this.attention = new MultiHeadAttention(size.dim, size.heads, { rng, bias: false, attention: mixer });
    this.head = new Linear(size.dim, vocabulary, { rng });
  }

  forward(ids: Tensor): Tensor {
    const x = this.embedding.forward(ids); // [B, T, D]
    const [batch, tokens] = x.shape as [number, number];
    const before = concat([zeros([batch, 1, size.dim], { backend: x.backend }), slice(x, 1, 0, tokens - 1)], 1);
    const row = (i: number) => slice(this.shift, 0, i, i + 1);
    const both = this.norm.forward(add(mul(x, row(0)), mul(before, row(1))));
    return this.head.forward(add(x, this.attention.forward(both)));
  }
}
