import { dropout, type Rng, type Tensor } from '@multihead/tensor';

/**
 * Sets elements to 0 with probability `p` and scales the others by 1 / (1 - p), if and only if the context has an `rng`.
 *
 * @example
 * const y = new Dropout(0.1).forward(x, { rng });
 */
export class Dropout {
  readonly p: number;

  constructor(p: number) {
    this.p = p;
  }

  forward(x: Tensor, ctx: { rng?: Rng } = {}): Tensor {
    return dropout(x, this.p, ctx.rng);
  }
}
