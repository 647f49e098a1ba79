import { embedding, type Initializer, param, type Rng, type Tensor } from '@multihead/tensor';
import { normal } from './init.js';

/**
 * A learned vector for each id: int32 ids [...] to [..., dim]. Throws a ValueError that names an id outside the vocabulary.
 *
 * @example
 * const x = new Embedding(40, 256, { rng }).forward(ids);
 */
export class Embedding {
  weight: Tensor;

  /** Standard normal unless `init` says otherwise. */
  constructor(vocabulary: number, dim: number, options: { rng?: Rng; init?: Initializer } = {}) {
    this.weight = param([vocabulary, dim], options.init ?? normal(options.rng));
  }

  forward(ids: Tensor): Tensor {
    return embedding(this.weight, ids);
  }
}
