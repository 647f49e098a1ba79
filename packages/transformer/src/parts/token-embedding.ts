import { embedding, type Initializer, param, type Tensor } from '@multihead/tensor';

/**
 * A learned vector for each token, [vocabulary, dim]. That of padding, where there is such a token, is not trained by being looked up: torch's
 * `padding_idx`.
 */
export class TokenEmbedding {
  weight: Tensor;
  readonly padding: number | undefined;

  constructor(vocabulary: number, dim: number, options: { init: Initializer; padding: number | null }) {
    this.weight = param([vocabulary, dim], options.init);
    this.padding = options.padding ?? undefined;
  }

  forward(ids: Tensor): Tensor {
    return embedding(this.weight, ids, { paddingIdx: this.padding });
  }
}
