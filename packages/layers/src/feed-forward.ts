import { type Activation, dropout, type Initializer, type Rng, type Tensor } from '@multihead/tensor';
import { Linear } from './linear.js';

export interface FeedForwardOptions {
  activation?: Activation;
  bias?: boolean;
  /** Of the hidden layer, where the context has an `rng`. */
  dropout?: number;
  rng?: Rng;
  init?: Initializer;
}

/**
 * linear2(dropout(activation(linear1(x)))): [..., dim] to [..., hidden] to [..., dim]. Vaswani et al., 2017, section 3.3 (with ReLU).
 *
 * `forward(x, { rng })` drops hidden elements if and only if there is an `rng`; it throws a ShapeError where x does not end in `dim`.
 *
 * @example
 * const feedForward = new FeedForward(256, 1024, { activation: 'gelu', rng: new Rng(1) });
 * feedForward.forward(zeros([2, 7, 256])).shape; // [2, 7, 256]
 */
export class FeedForward {
  linear1: Linear;
  linear2: Linear;
  readonly #activation: Activation;
  readonly #dropout: number;

  constructor(dim: number, hidden: number, options: FeedForwardOptions = {}) {
    const { activation = 'relu', dropout = 0, ...rest } = options;
    this.linear1 = new Linear(dim, hidden, rest);
    this.linear2 = new Linear(hidden, dim, rest);
    this.#activation = activation;
    this.#dropout = dropout;
  }

  forward(x: Tensor, ctx: { rng?: Rng } = {}): Tensor {
    const hidden = this.linear1.forward(x, this.#activation);
    return this.linear2.forward(dropout(hidden, this.#dropout, ctx.rng));
  }
}
