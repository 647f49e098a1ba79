import { embedding, type Initializer, param, type Rng, type Tensor } from '@multihead/tensor';
import { normal } from './init.js';

/**
 * A learned vector for each id: int32 ids [...] to [..., dim], rows of weight [vocabulary, dim].
 *
 * Names and layouts are those of `torch.nn.Embedding`. `forward` throws a ValueError that names an id outside the vocabulary.
 *
 * @example
 * const table = new Embedding(40, 256, { rng: new Rng(1) });
 * table.forward(tensor(Int32Array.of(3, 0, 39))).shape; // [3, 256]
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
