import { isFloat } from '../dtype.js';
import { DTypeError, ShapeError, ValueError } from '../errors.js';
import { sameShape, show, sizeOf } from '../shape.js';
import { commonBackend, type Tensor } from '../tensor.js';
import { add, mul } from './arithmetic.js';
import { layerNorm } from './norm.js';
import { reshape } from './view.js';

export interface GroupNormOptions {
  /** Into how many groups the channels fall. */
  groups: number;
  /** 1e-5 if left out. */
  eps?: number;
}

/**
 * (x - mean) / √(variance + eps) · weight + bias, with mean and biased variance over each sample's groups of C / groups channels.
 *
 * x is [N, C, …] of a float type, weight and bias are [C]; the result has the shape of x. `groups: 1` is a layer norm over all of a sample,
 * `groups: C` is `instanceNorm`. `torch.nn.functional.group_norm`; Wu and He, "Group Normalization", 2018.
 * Throws a ShapeError where the groups do not divide the channels or a parameter is not [C], a DTypeError for mixed types.
 *
 * @example
 * groupNorm(tensor([[1, 3, 10, 30]]), null, null, { groups: 2 }); // [[-1, 1, -1, 1]]
 */
export function groupNorm(x: Tensor, weight: Tensor | null, bias: Tensor | null, options: GroupNormOptions): Tensor {
  const { groups, eps } = options;
  checkChannels('groupNorm', x, { weight, bias }, 2);
  const channels = x.shape[1]!;
  if (!(Number.isInteger(groups) && groups >= 1)) throw new ValueError(`groupNorm: groups: expected a positive integer, got ${groups}`);
  if (channels % groups !== 0)
    throw new ShapeError(`groupNorm: x: expected channels (axis 1) that are a multiple of ${groups} groups, got ${show(x.shape)}`);
  return normalizeGroups(x, { weight, bias }, groups, eps);
}

/**
 * (x - mean) / √(variance + eps) · weight + bias, with mean and biased variance over each channel of each sample.
 *
 * x is [N, C, …] of a float type with at least one axis after C, weight and bias are [C]; the result has the shape of x.
 * `torch.nn.functional.instance_norm` without running statistics (with them it is `batchNorm`); Ulyanov, Vedaldi, Lempitsky,
 * "Instance Normalization", 2016. Throws a ShapeError where x has fewer axes or a parameter is not [C], a DTypeError for mixed types.
 *
 * @example
 * instanceNorm(tensor([[[1, 3], [10, 30]]])); // [[[-1, 1], [-1, 1]]]
 */
export function instanceNorm(x: Tensor, weight: Tensor | null = null, bias: Tensor | null = null, options: { eps?: number } = {}): Tensor {
  checkChannels('instanceNorm', x, { weight, bias }, 3);
  return normalizeGroups(x, { weight, bias }, x.shape[1]!, options.eps);
}

/** What norms over channels ask of their arguments: x [N, C, …] of at least `rank` axes, parameters [C]. */
export function checkChannels(op: string, x: Tensor, parameters: Record<string, Tensor | null>, rank: number): void {
  commonBackend(op, { x, ...parameters });
  if (!isFloat(x.dtype)) throw new DTypeError(`${op}: x: expected a float type, got ${x.dtype}`);
  if (x.rank < rank) throw new ShapeError(`${op}: x: expected [N, C, …] of at least ${rank} axes, got ${show(x.shape)}`);
  for (const [name, p] of Object.entries(parameters)) {
    if (p && !sameShape(p.shape, [x.shape[1]!])) {
      throw new ShapeError(`${op}: ${name}: expected [${x.shape[1]}], one for each channel of x ${show(x.shape)}, got ${show(p.shape)}`);
    }
    if (p && p.dtype !== x.dtype) throw new DTypeError(`${op}: ${name}: expected ${x.dtype} as x, got ${p.dtype}`);
  }
}

interface Affine {
  readonly weight: Tensor | null;
  readonly bias: Tensor | null;
}

/** A layer norm of each group as one row, then weight and bias by channel. */
function normalizeGroups(x: Tensor, affine: Affine, groups: number, eps?: number): Tensor {
  const [batch, channels] = x.shape as [number, number];
  const row = sizeOf(x.shape.slice(2)) * (channels / Math.max(1, groups));
  return affineByChannel(reshape(layerNorm(reshape(x, [batch, groups, row]), null, null, { eps }), x.shape), affine);
}

/** x [N, C, …] times weight [C] plus bias [C]. */
export function affineByChannel(x: Tensor, { weight, bias }: Affine): Tensor {
  const scaled = weight ? mul(x, byChannel(weight, x)) : x;
  return bias ? add(scaled, byChannel(bias, x)) : scaled;
}

/** [C] as a shape that broadcasts against x [N, C, …]. */
export function byChannel(p: Tensor, x: Tensor): Tensor {
  return reshape(p, [p.size, ...x.shape.slice(2).fill(1)]);
}
