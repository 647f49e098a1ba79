/*
 * A small encoder that says what *it* means, as one would sketch it: embeddings, two pre-norm Transformer blocks, and no head for the answer. The
 * answer is the attention of *it* itself, in the last block, as the mean of its heads.
 */
import { type Capture, MultiHeadAttention, sinusoidalPositions } from '@multihead/attention';
import { Embedding, FeedForward, LayerNorm, normal } from '@multihead/layers';
import { add, linear, mean, mul, type Rng, type Tensor } from '@multihead/tensor';

export interface ItModelConfig {
  vocabulary: number;
  dim: number;
  heads: number;
  layers: number;
}

class Block {
  norm1: LayerNorm;
  attention: MultiHeadAttention;
  norm2: LayerNorm;
  feedForward: FeedForward;

  constructor({ dim, heads }: ItModelConfig, rng: Rng) {
    this.norm1 = new LayerNorm(dim);
    this.attention = new MultiHeadAttention(dim, heads, { rng });
    this.norm2 = new LayerNorm(dim);
    this.feedForward = new FeedForward(dim, 2 * dim, { activation: 'gelu', rng });
  }

  forward(x: Tensor, mask: Tensor, capture?: Capture): Tensor {
    const y = this.norm1.forward(x);
    const looked = add(x, this.attention.forward(y, y, y, { mask, capture }));
    return add(looked, this.feedForward.forward(this.norm2.forward(looked))); // [B, T, E]
  }
}

export class ItModel {
  words: Embedding;
  blocks: Block[];
  norm: LayerNorm;

  constructor(config: ItModelConfig, rng: Rng) {
    this.words = new Embedding(config.vocabulary, config.dim, { init: normal(rng, config.dim ** -0.5) });
    this.blocks = Array.from({ length: config.layers }, () => new Block(config, rng));
    this.norm = new LayerNorm(config.dim);
  }

  /** ids [B, T], mask [B, 1, 1, T] to one vector for each word, [B, T, E]; `capture` gets the weights [B, H, T, T] of each layer. */
  forward(ids: Tensor, mask: Tensor, capture?: (layer: number, weights: Tensor) => void): Tensor {
    const embedded = this.words.forward(ids);
    const positions = sinusoidalPositions(ids.shape[1]!, embedded.shape[2]!, { backend: ids.backend });
    const x = add(mul(embedded, Math.sqrt(embedded.shape[2]!)), positions);
    const last = this.blocks.reduce((y, block, i) => block.forward(y, mask, capture && ((weights) => capture(i, weights))), x);
    return this.norm.forward(last);
  }

  /** What each word looks at in the last block, the mean of its heads: [B, T, T]. */
  look(ids: Tensor, mask: Tensor): Tensor {
    let weights: Tensor | undefined;
    this.forward(ids, mask, (layer, found) => {
      if (layer === this.blocks.length - 1) weights = found;
    });
    return mean(weights!, { axis: 1 });
  }

  /** Which word is hidden there: vectors [N, E] to logits [N, vocabulary]. The embedding serves as the output layer, too. */
  guess(vectors: Tensor): Tensor {
    return linear(vectors, this.words.weight);
  }
}
