import { groupNorm, layerNorm, param, rmsNorm, type Shape, type Tensor } from '@multihead/tensor';
import { constant } from './init.js';

/**
 * (x - mean) / √(variance + eps) · weight + bias over the last axes, x [..., *shape]: `layerNorm` with parameters of its own.
 *
 * weight and bias are [*shape] and begin with 1 and 0; `bias: false` leaves the bias out. Names and defaults are those of `torch.nn.LayerNorm`.
 * Ba, Kiros, Hinton, 2016. `forward` throws a ShapeError where x does not end in the shape.
 *
 * @example
 * new LayerNorm(3).forward(tensor([[1, 2, 3]])); // [[-1.2247, 0, 1.2247]]
 */
export class LayerNorm {
  weight: Tensor;
  bias: Tensor | null;
  readonly #eps: number;

  constructor(shape: number | Shape, options: { eps?: number; bias?: boolean } = {}) {
    const axes = typeof shape === 'number' ? [shape] : shape;
    this.weight = param(axes, constant(1));
    this.bias = options.bias === false ? null : param(axes, constant(0));
    this.#eps = options.eps ?? 1e-5;
  }

  forward(x: Tensor): Tensor {
    return layerNorm(x, this.weight, this.bias, { eps: this.#eps });
  }
}

/**
 * x / √(mean(x²) + eps) · weight over the last axes, x [..., *shape]: `rmsNorm` with a weight of its own.
 *
 * weight is [*shape] and begins with 1; without an `eps` it is PyTorch's, 2⁻²³. Names are those of `torch.nn.RMSNorm`. Zhang, Sennrich, 2019.
 * `forward` throws a ShapeError where x does not end in the shape.
 *
 * @example
 * new RMSNorm(2).forward(tensor([[3, 4]])); // [[0.8485, 1.1314]]
 */
export class RMSNorm {
  weight: Tensor;
  readonly #eps: number | undefined;

  constructor(shape: number | Shape, options: { eps?: number } = {}) {
    this.weight = param(typeof shape === 'number' ? [shape] : shape, constant(1));
    this.#eps = options.eps;
  }

  forward(x: Tensor): Tensor {
    return rmsNorm(x, this.weight, { eps: this.#eps });
  }
}

/**
 * (x - mean) / √(variance + eps) · weight + bias over `groups` groups of channels of each sample, x [N, channels, …]: `groupNorm` with
 * parameters of its own.
 *
 * weight and bias are [channels] and begin with 1 and 0, or are null with `affine: false`. Names and defaults are those of `torch.nn.GroupNorm`.
 * Wu and He, 2018. `forward` throws a ShapeError where the groups do not divide the channels.
 *
 * @example
 * new GroupNorm(2, 4).forward(tensor([[1, 3, 10, 30]])); // [[-1, 1, -1, 1]]
 */
export class GroupNorm {
  weight: Tensor | null;
  bias: Tensor | null;
  readonly #groups: number;
  readonly #eps: number;

  constructor(groups: number, channels: number, options: { eps?: number; affine?: boolean } = {}) {
    const { eps = 1e-5, affine = true } = options;
    this.weight = affine ? param([channels], constant(1)) : null;
    this.bias = affine ? param([channels], constant(0)) : null;
    this.#groups = groups;
    this.#eps = eps;
  }

  forward(x: Tensor): Tensor {
    return groupNorm(x, this.weight, this.bias, { groups: this.#groups, eps: this.#eps });
  }
}
