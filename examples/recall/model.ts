import { attend, deltaRule, linearAttention, mergeHeads, splitHeads } from '@multihead/attention';
import { Embedding, Linear, RMSNorm } from '@multihead/layers';
import { add, concat, normalize, type Rng, sigmoid, silu, slice, type Tensor, zeros } from '@multihead/tensor';

/** What stands where attention stands: q, k, v [B, H, T, D], and a number for each head of each token, [B, H, T, 1]. */
export type Mixer = (q: Tensor, k: Tensor, v: Tensor, gate: Tensor) => Tensor;

export const mixers: Readonly<Record<string, () => Mixer>> = {
  softmax: () => (q, k, v) => attend(q, k, v, { causal: true }),
  'window of 8': () => (q, k, v) => attend(q, k, v, { causal: true, window: 7 }),
  linear: () => {
    const attention = linearAttention();
    return (q, k, v) => attention(q, k, v, { causal: true });
  },
  'delta rule': () => (q, k, v, gate) => deltaRule(normalize(silu(q)), normalize(silu(k)), v, { beta: sigmoid(gate), scale: 1 }).out,
};

/** Heads are short, so that a state of 8 by 8 numbers each is soon full. */
export const size = { dim: 64, heads: 2, headDim: 8 } as const;

/**
 * One layer of attention, and before it a look at the token before, as Zoology's models have it: the value of a pair thus knows its key.
 * Positions it has none. [B, T] to logits [B, T, vocabulary].
 */
export class RecallModel {
  embedding: Embedding;
  norm: RMSNorm;
  query: Linear;
  key: Linear;
  value: Linear;
  gate: Linear;
  out: Linear;
  head: Linear;
  readonly #mixer: Mixer;

  constructor(vocabulary: number, mixer: Mixer, rng: Rng) {
    const { dim, heads } = size;
    const width = heads * size.headDim;
    this.embedding = new Embedding(vocabulary, dim, { rng });
    this.norm = new RMSNorm(2 * dim);
    this.query = new Linear(2 * dim, width, { rng });
    this.key = new Linear(2 * dim, width, { rng });
    this.value = new Linear(2 * dim, width, { rng });
    this.gate = new Linear(2 * dim, heads, { rng });
    this.out = new Linear(width, dim, { rng });
    this.head = new Linear(dim, vocabulary, { rng });
    this.#mixer = mixer;
  }

  forward(ids: Tensor): Tensor {
    const x = this.embedding.forward(ids); // [B, T, D]
    const [batch, tokens, dim] = x.shape as [number, number, number];
    const before = concat([zeros([batch, 1, dim], { backend: x.backend }), slice(x, 1, 0, tokens - 1)], 1);
    const both = this.norm.forward(concat([x, before], 2)); // [B, T, 2D]
    const [q, k, v, gate] = [this.query, this.key, this.value, this.gate].map((layer) => splitHeads(layer.forward(both), size.heads));
    return this.head.forward(add(x, this.out.forward(mergeHeads(this.#mixer(q!, k!, v!, gate!)))));
  }
}
