import { dropout, type Rng, type Tensor } from '@multihead/tensor';

/**
 * Sets elements to 0 with probability `p` and scales the others by 1 / (1 - p), if and only if the context has an `rng`: `dropout` as a layer.
 *
 * x is of any shape and a float type. `forward` throws a ValueError for a `p` outside [0, 1]. Srivastava et al., 2014.
 *
 * @example
 * new Dropout(0.5).forward(tensor([1, 2, 3, 4])); // [1, 2, 3, 4]
 * new Dropout(0.5).forward(tensor([1, 2, 3, 4]), { rng: new Rng(3) }); // [2, 0, 6, 8]
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
