import { type Activation, type Initializer, linear, param, type Rng, type Tensor } from '@multihead/tensor';
import { constant, kaimingUniform, uniform } from './init.js';

export interface LinearOptions {
  bias?: boolean;
  rng?: Rng;
  /** Of the weight; uniform within ±1/√in if left out, as in PyTorch. */
  init?: Initializer;
}

/**
 * y = activation(x · weightᵀ + bias): x [..., in], weight [out, in], bias [out], y [..., out].
 *
 * Weight and bias begin uniform within ±1/√in. Names, layouts and defaults are those of `torch.nn.Linear`; `bias: false` leaves the bias out.
 * `forward` throws a ShapeError where x does not end in `in`.
 *
 * @example
 * const project = new Linear(256, 40, { rng: new Rng(1) });
 * project.forward(zeros([2, 7, 256])).shape; // [2, 7, 40]
 */
export class Linear {
  weight: Tensor;
  bias: Tensor | null;

  constructor(inFeatures: number, outFeatures: number, options: LinearOptions = {}) {
    const { bias = true, rng, init } = options;
    const bound = 1 / Math.sqrt(Math.max(1, inFeatures));
    this.weight = param([outFeatures, inFeatures], init ?? kaimingUniform(rng));
    this.bias = bias ? param([outFeatures], init ? constant(0) : uniform(rng, -bound, bound)) : null;
  }

  forward(x: Tensor, activation: Activation = 'none'): Tensor {
    return linear(x, this.weight, this.bias, { activation });
  }
}
