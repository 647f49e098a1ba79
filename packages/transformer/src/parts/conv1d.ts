import { constant } from '@multihead/layers';
import { type Activation, type Initializer, linear, param, type Tensor } from '@multihead/tensor';

/** A linear map whose weight lies [in, out]: what GPT-2's checkpoints have. */
export class Conv1D {
  weight: Tensor;
  bias: Tensor;

  constructor(inFeatures: number, outFeatures: number, init: Initializer) {
    this.weight = param([inFeatures, outFeatures], init);
    this.bias = param([outFeatures], constant(0));
  }

  forward(x: Tensor, activation: Activation = 'none'): Tensor {
    return linear(x, this.weight, this.bias, { transposed: true, activation });
  }
}
