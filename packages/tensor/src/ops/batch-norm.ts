import { detach } from '../autograd.js';
import { ValueError } from '../errors.js';
import { noGrad } from '../mode.js';
import { tidy } from '../scope.js';
import { show, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { add, mul, square, sub } from './arithmetic.js';
import { affineByChannel, byChannel, checkChannels } from './group-norm.js';
import { rsqrt } from './math.js';
import { mean } from './reduce.js';
import { reshape } from './view.js';

/** A mean and a variance for each channel, [C]. */
export interface ChannelStatistics {
  mean: Tensor;
  variance: Tensor;
}

export interface BatchNormOptions extends ChannelStatistics {
  /** 1e-5 if left out. */
  eps?: number;
}

/**
 * (x - mean) / √(variance + eps) · weight + bias with given statistics: batch normalisation as a trained model evaluates it.
 *
 * x is [N, C, …] of a float type; mean, variance, weight and bias are [C], of its type; the result has the shape of x.
 * `torch.nn.functional.batch_norm` with `training=False`; Ioffe and Szegedy, "Batch Normalization", 2015. To train, see `batchNormTrain`.
 * Throws a ShapeError where something is not [C], a DTypeError for mixed types.
 *
 * @example
 * batchNorm(tensor([[3], [7]]), null, null, { mean: tensor([5]), variance: tensor([4]), eps: 0 }); // [[-1], [1]]
 */
export function batchNorm(x: Tensor, weight: Tensor | null, bias: Tensor | null, options: BatchNormOptions): Tensor {
  const { mean, variance, eps = 1e-5 } = options;
  checkChannels('batchNorm', x, { weight, bias, mean, variance }, 2);
  return normalize(x, { weight, bias }, { mean, variance }, eps);
}

export interface BatchNormTrainOptions {
  /** The running statistics so far; they are not changed. */
  running?: ChannelStatistics;
  /** How much of the batch goes into the running statistics; 0.1 if left out. */
  momentum?: number;
  /** 1e-5 if left out. */
  eps?: number;
}

export interface BatchNormTrained {
  /** The normalised x, of its shape. */
  output: Tensor;
  /** Of this batch, with the biased variance Σ(x - mean)² / n, by which x was divided. */
  batch: ChannelStatistics;
  /** (1 - momentum)·running + momentum·batch, with the unbiased variance of the batch; null without `running`. */
  running: ChannelStatistics | null;
}

/**
 * (x - mean) / √(variance + eps) · weight + bias with mean and variance of the batch itself, by channel: batch normalisation as it trains.
 * Gradients pass through the statistics of the batch, none through the running ones.
 *
 * x is [N, C, …] of a float type, weight and bias are [C]; the output has the shape of x. Store `running` for `batchNorm`, say with `assign`.
 * `torch.nn.functional.batch_norm` with `training=True`; Ioffe and Szegedy, "Batch Normalization", 2015.
 * Throws a ValueError where a channel has a single element, a ShapeError where something is not [C], a DTypeError for mixed types.
 *
 * @example
 * batchNormTrain(tensor([[3], [7]]), null, null).output; // [[-1], [1]]
 * const before = { mean: zeros([1]), variance: ones([1]) };
 * const { running } = batchNormTrain(tensor([[3], [7]]), null, null, { running: before });
 * running?.variance; // [1.7]
 */
export function batchNormTrain(
  x: Tensor,
  weight: Tensor | null = null,
  bias: Tensor | null = null,
  options: BatchNormTrainOptions = {},
): BatchNormTrained {
  const { running, momentum = 0.1, eps = 1e-5 } = options;
  checkChannels(
    'batchNormTrain',
    x,
    { weight, bias, 'running.mean': running?.mean ?? null, 'running.variance': running?.variance ?? null },
    2,
  );
  const n = x.shape[0]! * sizeOf(x.shape.slice(2));
  if (n === 1) throw new ValueError(`batchNormTrain: x: expected more than one element for each channel, got ${show(x.shape)}`);
  const batch = statistics(x);
  return {
    output: normalize(x, { weight, bias }, batch, eps),
    batch,
    running: running ? updated(running, batch, momentum, n / (n - 1)) : null,
  };
}

function statistics(x: Tensor): ChannelStatistics {
  const axis = [...x.shape.keys()].filter((i) => i !== 1);
  const channels = [x.shape[1]!];
  const average = mean(x, { axis, keepDims: true });
  const variance = mean(square(sub(x, average)), { axis });
  return { mean: reshape(average, channels), variance };
}

function updated(running: ChannelStatistics, batch: ChannelStatistics, momentum: number, unbiasing: number): ChannelStatistics {
  const mix = (old: Tensor, now: Tensor, factor: number) => add(mul(old, 1 - momentum), mul(now, momentum * factor));
  return noGrad(() =>
    tidy(() => ({
      mean: mix(detach(running.mean), batch.mean, 1),
      variance: mix(detach(running.variance), batch.variance, unbiasing),
    })),
  );
}

function normalize(
  x: Tensor,
  affine: { weight: Tensor | null; bias: Tensor | null },
  { mean, variance }: ChannelStatistics,
  eps: number,
): Tensor {
  const { weight, bias } = affine;
  const rate = rsqrt(add(variance, eps)); // [C]
  return affineByChannel(sub(x, byChannel(mean, x)), { weight: weight ? mul(rate, weight) : rate, bias });
}
