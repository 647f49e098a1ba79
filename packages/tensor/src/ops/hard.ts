import { ValueError } from '../errors.js';
import type { Tensor } from '../tensor.js';
import { abs, add, div, mul, sub } from './arithmetic.js';
import { ge, gt, le, logicalAnd, lt, where } from './compare.js';
import { checkFloat, checkNumbers } from './elementwise.js';
import { tanh } from './trigonometry.js';

/* Activations made of straight pieces, and those that pull towards 0. Gradients at the kinks are PyTorch's. */

/**
 * x held between `min` and `max`, elementwise; unlike `clamp` it lets no gradient pass on the bounds themselves. Floats or int32.
 * Throws a DTypeError for bool.
 *
 * @example
 * hardtanh(tensor([-2, 0.5, 2])); // [-1, 0.5, 1]
 */
export function hardtanh(x: Tensor, min = -1, max = 1): Tensor {
  checkNumbers('hardtanh', x);
  return where(le(x, min), min, where(ge(x, max), max, x));
}

/**
 * min(max(x, 0), 6), elementwise; no gradient passes at 0 and 6. Floats or int32; throws a DTypeError for bool. Howard et al., 2017.
 *
 * @example
 * relu6(tensor([-1, 3, 8])); // [0, 3, 6]
 */
export function relu6(x: Tensor): Tensor {
  return hardtanh(x, 0, 6);
}

/**
 * alpha · x + beta held between 0 and 1, elementwise. The defaults 1/6 and 1/2 are PyTorch's; ONNX's are 0.2 and 0.5. Floats only; throws a
 * DTypeError for another dtype.
 *
 * @example
 * hardSigmoid(tensor([-4, 0, 1.5])); // [0, 0.5, 0.75]
 */
export function hardSigmoid(x: Tensor, options: { alpha?: number; beta?: number } = {}): Tensor {
  checkFloat('hardSigmoid', x);
  const { alpha = 1 / 6, beta = 0.5 } = options;
  return hardtanh(add(mul(x, alpha), beta), 0, 1);
}

/**
 * x · min(max(x + 3, 0), 6) / 6, elementwise. Floats only; throws a DTypeError for another dtype. Howard et al., 2019.
 *
 * @example
 * hardSwish(tensor([-4, 1, 4])); // [0, 0.6667, 4]
 */
export function hardSwish(x: Tensor): Tensor {
  checkFloat('hardSwish', x);
  const bend = logicalAnd(gt(x, -3), lt(x, 3));
  const inside = where(bend, x, 0);
  return where(bend, div(mul(inside, add(inside, 3)), 6), where(le(x, -3), mul(x, 0), x));
}

/**
 * x / (1 + |x|), elementwise, between -1 and 1. Floats only; throws a DTypeError for another dtype. Turian et al., 2009.
 *
 * @example
 * softsign(tensor([-1, 3])); // [-0.5, 0.75]
 */
export function softsign(x: Tensor): Tensor {
  checkFloat('softsign', x);
  return div(x, add(abs(x), 1));
}

/**
 * x - tanh x, elementwise. Floats only; throws a DTypeError for another dtype.
 *
 * @example
 * tanhshrink(tensor([0, 1])); // [0, 0.2384]
 */
export function tanhshrink(x: Tensor): Tensor {
  checkFloat('tanhshrink', x);
  return sub(x, tanh(x));
}

/**
 * x where |x| is above `lambda`, 0 elsewhere. Floats only; throws a DTypeError for another dtype.
 *
 * @example
 * hardshrink(tensor([-1, 0.25, 1])); // [-1, 0, 1]
 */
export function hardshrink(x: Tensor, lambda = 0.5): Tensor {
  checkFloat('hardshrink', x);
  return where(isWithin(x, lambda), 0, x);
}

/**
 * x brought nearer to 0 by `lambda`, and 0 where |x| is not above it: the proximal operator of lambda · |x|. Floats only; throws a DTypeError
 * for another dtype, a ValueError for a negative `lambda`.
 *
 * @example
 * softshrink(tensor([-1, 0.25, 1])); // [-0.5, 0, 0.5]
 */
export function softshrink(x: Tensor, lambda = 0.5): Tensor {
  checkFloat('softshrink', x);
  if (!(lambda >= 0)) throw new ValueError(`softshrink: lambda: expected a number from 0, got ${lambda}`);
  return where(isWithin(x, lambda), 0, where(gt(x, 0), sub(x, lambda), add(x, lambda)));
}

function isWithin(x: Tensor, lambda: number): Tensor {
  return logicalAnd(ge(x, -lambda), le(x, lambda));
}
