import { ShapeError, ValueError } from '../errors.js';
import { show } from '../shape.js';
import { commonBackend, type Tensor } from '../tensor.js';
import { relu } from './activation.js';
import { div, mul, square } from './arithmetic.js';
import { gt, le, where } from './compare.js';
import { checkFloat, checkNumbers, type Operand } from './elementwise.js';
import { expm1 } from './math.js';
import { reshape } from './view.js';

/* Relatives of the rectifier: x where positive, something else elsewhere. */

/**
 * x where positive, slope · x elsewhere. Floats only; throws a DTypeError for another dtype. Maas et al., 2013.
 *
 * @example
 * leakyRelu(tensor([-1, 2]), 0.1); // [-0.1, 2]
 */
export function leakyRelu(x: Tensor, slope = 0.01): Tensor {
  checkFloat('leakyRelu', x);
  return where(gt(x, 0), x, mul(x, slope));
}

/**
 * x where positive, weight · x elsewhere, with a `weight` that is learnt: one for all or one for each index of axis 1, the channels.
 * `x` [N, C, ...], `weight` [C] or [1], floats of one dtype. Throws a ShapeError for other weights. He et al., 2015.
 *
 * @example
 * prelu(tensor([[-1, -1]]), tensor([0.1, 0.5])); // [[-0.1, -0.5]]
 */
export function prelu(x: Tensor, weight: Tensor): Tensor {
  checkFloat('prelu', x);
  checkFloat('prelu', weight, 'weight');
  commonBackend('prelu', { x, weight });
  const channels = x.rank > 1 ? x.shape[1]! : 1;
  if (weight.rank > 1 || (weight.size !== 1 && weight.size !== channels)) {
    throw new ShapeError(`prelu: weight: expected [1] or [${channels}] for x ${show(x.shape)}, got ${show(weight.shape)}`);
  }
  const slope = weight.size === 1 ? reshape(weight, []) : reshape(weight, [channels, ...x.shape.slice(2).map(() => 1)]);
  const positive = gt(x, 0);
  return where(positive, x, mul(where(positive, 0, x), slope));
}

/**
 * max(x, 0)², elementwise. Floats and int32; throws a DTypeError for bool. So et al., "Primer", 2021.
 *
 * @example
 * reluSquared(tensor([-1, 3])); // [0, 9]
 */
export function reluSquared(x: Tensor): Tensor {
  return square(relu(x));
}

/**
 * x where it is above `at`, `value` elsewhere; no gradient passes elsewhere. Floats or int32; `value` is a number or a scalar tensor.
 * With value 0 it is ONNX's ThresholdedRelu. Throws a DTypeError for two dtypes.
 *
 * @example
 * threshold(tensor([0.5, 1.5]), 1, -9); // [-9, 1.5]
 */
export function threshold(x: Tensor, at: number, value: Operand): Tensor {
  checkNumbers('threshold', x);
  return where(le(x, at), value, x);
}

/**
 * x where positive, alpha · (eˣ - 1) elsewhere. Floats only; throws a DTypeError for another dtype. Clevert et al., 2015.
 *
 * @example
 * elu(tensor([-1, 2])); // [-0.6321, 2]
 */
export function elu(x: Tensor, alpha = 1): Tensor {
  checkFloat('elu', x);
  const left = le(x, 0);
  return where(left, mul(expm1(where(left, x, 0)), alpha), x);
}

/**
 * x where positive, alpha · (exp(x / alpha) - 1) elsewhere: an ELU whose derivative has no jump. Floats only; throws a DTypeError for another
 * dtype, a ValueError for alpha = 0. Barron, 2017.
 *
 * @example
 * celu(tensor([-1, 2]), 2); // [-0.7869, 2]
 */
export function celu(x: Tensor, alpha = 1): Tensor {
  checkFloat('celu', x);
  if (alpha === 0) throw new ValueError('celu: alpha: expected a number other than 0, got 0');
  const left = le(x, 0);
  return where(left, mul(expm1(div(where(left, x, 0), alpha)), alpha), x);
}

/**
 * scale · (x where positive, alpha · (eˣ - 1) elsewhere), with the two constants that keep mean 0 and variance 1 from layer to layer:
 * alpha = 1.6733 and scale = 1.0507. Floats only; throws a DTypeError for another dtype. Klambauer et al., 2017.
 *
 * @example
 * selu(tensor([-1, 1])); // [-1.1113, 1.0507]
 */
export function selu(x: Tensor): Tensor {
  checkFloat('selu', x);
  return mul(elu(x, 1.6732632423543772), 1.0507009873554805);
}
