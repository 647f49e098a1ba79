import { layerNorm, param, rmsNorm, type Shape, type Tensor } from '@multihead/tensor';
import { constant } from './init.js';

/**
 * (x - mean) / √(variance + eps) · weight + bias over the last axes. Ba, Kiros, Hinton, 2016.
 *
 * @example
 * const y = new LayerNorm(256).forward(x);
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
 * x / √(mean(x²) + eps) · weight over the last axis. Zhang, Sennrich, 2019.
 *
 * @example
 * const y = new RMSNorm(256).forward(x);
 */
export class RMSNorm {
  weight: Tensor;
  readonly #eps: number;

  constructor(dim: number, options: { eps?: number } = {}) {
    this.weight = param([dim], constant(1));
    this.#eps = options.eps ?? 1e-6;
  }

  forward(x: Tensor): Tensor {
    return rmsNorm(x, this.weight, { eps: this.#eps });
  }
}
