import {
  type ConvOptions,
  conv1d,
  conv2d,
  type Initializer,
  type PerAxis,
  param,
  type Rng,
  type Shape,
  type Tensor,
} from '@multihead/tensor';
import { constant, kaimingUniform, uniform } from './init.js';

export interface ConvLayerOptions extends ConvOptions {
  bias?: boolean;
  rng?: Rng;
  /** Of the weight; uniform within ±1/√fan in if left out, as in PyTorch. */
  init?: Initializer;
}

function parametersOf(weight: Shape, { bias = true, rng, init }: ConvLayerOptions): { weight: Tensor; bias: Tensor | null } {
  const bound = 1 / Math.sqrt(Math.max(1, weight.slice(1).reduce((n, size) => n * size, 1))); // biome-ignore format: one expression
  return {
    weight: param(weight, init ?? kaimingUniform(rng)),
    bias: bias ? param([weight[0]!], init ? constant(0) : uniform(rng, -bound, bound)) : null,
  };
}

function slidingOf({ stride, padding, dilation, groups }: ConvLayerOptions): ConvOptions {
  return { stride, padding, dilation, groups };
}

/**
 * A convolution over one axis, `conv1d` with weight [out, in / groups, kernel] and bias [out] of its own: x [N, in, L] to [N, out, M].
 *
 * The options are those of `conv1d` (stride, padding, dilation, groups). Names, layouts and the first values are those of `torch.nn.Conv1d`.
 *
 * @example
 * const encode = new Conv1d(8, 16, 3, { padding: 1, rng: new Rng(1) });
 * encode.forward(zeros([1, 8, 300])).shape; // [1, 16, 300]
 */
export class Conv1d {
  weight: Tensor;
  bias: Tensor | null;
  readonly #sliding: ConvOptions;

  constructor(inChannels: number, outChannels: number, kernel: number, options: ConvLayerOptions = {}) {
    const { weight, bias } = parametersOf([outChannels, inChannels / (options.groups ?? 1), kernel], options);
    this.weight = weight;
    this.bias = bias;
    this.#sliding = slidingOf(options);
  }

  forward(x: Tensor): Tensor {
    return conv1d(x, this.weight, this.bias, this.#sliding);
  }
}

/**
 * A convolution over two axes, `conv2d` with weight [out, in / groups, kh, kw] and bias [out] of its own: x [N, in, H, W] to [N, out, H′, W′].
 *
 * `kernel` is one number or [height, width]; the options are those of `conv2d`. Names, layouts and the first values are those of `torch.nn.Conv2d`.
 *
 * @example
 * const patches = new Conv2d(3, 64, 16, { stride: 16, rng: new Rng(1) });
 * patches.forward(zeros([1, 3, 224, 224])).shape; // [1, 64, 14, 14]
 */
export class Conv2d {
  weight: Tensor;
  bias: Tensor | null;
  readonly #sliding: ConvOptions;

  constructor(inChannels: number, outChannels: number, kernel: PerAxis, options: ConvLayerOptions = {}) {
    const [height, width = height] = typeof kernel === 'number' ? [kernel] : kernel;
    const { weight, bias } = parametersOf([outChannels, inChannels / (options.groups ?? 1), height!, width!], options);
    this.weight = weight;
    this.bias = bias;
    this.#sliding = slidingOf(options);
  }

  forward(x: Tensor): Tensor {
    return conv2d(x, this.weight, this.bias, this.#sliding);
  }
}
