import { apply, detach, noGradient, record } from '../autograd.js';
import { isFusing, isRecording } from '../mode.js';
import type { Tensor } from '../tensor.js';
import { abs, add, div, mul, neg, square, sub } from './arithmetic.js';
import { gt, where } from './compare.js';
import { binary, checkFloat, unary } from './elementwise.js';
import { onlyOnce } from './fused.js';
import { erf, exp, log1p } from './math.js';
import { tanh } from './trigonometry.js';

/* The nonlinearities of neural networks: those with kernels, and the smooth ones. `rectifier.ts` and `hard.ts` have those with kinks. */

/**
 * max(x, 0), elementwise; NaN stays NaN, and the gradient at 0 is 0. Floats and int32; throws a DTypeError for bool.
 *
 * @example
 * relu(tensor([-1, 2])); // [0, 2]
 */
export const relu = (x: Tensor): Tensor => unary('relu', x, (dy, x) => reluGrad(x, dy));

function reluGrad(x: Tensor, g: Tensor): Tensor {
  return binary('reluGrad', x, g, (dy, x, g) => [() => mul(dy, 0), () => mul(dy, asNumbers(gt(x, 0), g))]);
}

/** A bool tensor as 0 and 1 of the dtype of `x`. */
function asNumbers(mask: Tensor, x: Tensor): Tensor {
  return apply('cast', { mask }, mask.shape, x.dtype, (out, { kernels }) => kernels.cast(out, mask.buffer), noGradient);
}

/**
 * 1 / (1 + e⁻ˣ), elementwise, between 0 and 1. Floats only; throws a DTypeError for another dtype.
 *
 * @example
 * sigmoid(tensor([0, 2])); // [0.5, 0.8808]
 */
export const sigmoid = (x: Tensor): Tensor => unary('sigmoid', x, (dy, _x, y) => sigmoidGrad(y, dy));

function sigmoidGrad(y: Tensor, g: Tensor): Tensor {
  return binary('sigmoidGrad', y, g, (dy, y, g) => [() => mul(dy, mul(g, sub(1, mul(y, 2)))), () => mul(dy, mul(y, sub(1, y)))]);
}

/**
 * x · Φ(x), elementwise, with the distribution function Φ(x) = ½(1 + erf(x/√2)) of the standard normal. Floats only; throws a DTypeError for
 * another dtype. Its second derivative needs `composed`. Hendrycks and Gimpel, 2016.
 *
 * @example
 * gelu(tensor([-1, 1])); // [-0.1587, 0.8413]
 */
export const gelu = (x: Tensor): Tensor =>
  plain() ? mul(mul(x, 0.5), add(erf(mul(x, Math.SQRT1_2)), 1)) : unary('gelu', x, (dy, x) => kernelGradient('gelu', x, dy));

/**
 * GELU's approximation ½x(1 + tanh(√(2/π)(x + 0.044715x³))), elementwise, as in GPT-2. Floats only; throws a DTypeError for another dtype.
 * Its second derivative needs `composed`.
 *
 * @example
 * geluTanh(tensor([-1, 1])); // [-0.1588, 0.8412]
 */
export const geluTanh = (x: Tensor): Tensor =>
  plain()
    ? mul(mul(x, 0.5), add(tanh(mul(add(x, mul(mul(square(x), x), 0.044715)), Math.sqrt(2 / Math.PI))), 1))
    : unary('geluTanh', x, (dy, x) => kernelGradient('geluTanh', x, dy));

/**
 * x · sigmoid(x), elementwise, also called swish. Floats only; throws a DTypeError for another dtype. Its second derivative needs `composed`.
 *
 * @example
 * silu(tensor([-1, 1])); // [-0.2689, 0.7311]
 */
export const silu = (x: Tensor): Tensor => (plain() ? mul(x, sigmoid(x)) : unary('silu', x, (dy, x) => kernelGradient('silu', x, dy)));

/** True where the definition should serve, because its gradient may be differentiated again. */
function plain(): boolean {
  return isRecording() && !isFusing();
}

/** Of functions whose derivative is a kernel of its own, which has none. */
function kernelGradient(op: 'gelu' | 'geluTanh' | 'silu', x: Tensor, dy: Tensor): Tensor {
  onlyOnce(op);
  return binary(`${op}Grad`, x, dy, noGradient);
}

/**
 * x · sigmoid(1.702x), elementwise: GELU's approximation in CLIP. Floats only; throws a DTypeError for another dtype. Hendrycks and Gimpel, 2016.
 *
 * @example
 * quickGelu(tensor([-1, 1])); // [-0.1542, 0.8458]
 */
export function quickGelu(x: Tensor): Tensor {
  checkFloat('quickGelu', x);
  return mul(x, sigmoid(mul(x, 1.702)));
}

/**
 * ln(1 + exp(beta · x)) / beta, elementwise, without overflow. Where beta · x is above `threshold` it is x itself: PyTorch does so above 20,
 * which changes nothing in float32, and the default is not to. Floats only; throws a DTypeError for another dtype.
 *
 * @example
 * softplus(tensor([-1, 0, 100])); // [0.3133, 0.6931, 100]
 */
export function softplus(x: Tensor, options: { beta?: number; threshold?: number } = {}): Tensor {
  checkFloat('softplus', x);
  const { beta = 1, threshold = Number.POSITIVE_INFINITY } = options;
  const scaled = beta === 1 ? x : mul(x, beta);
  const y = beta === 1 ? logOnePlusExp(scaled) : div(logOnePlusExp(scaled), beta);
  return threshold === Number.POSITIVE_INFINITY ? y : where(gt(scaled, threshold), x, y);
}

function logOnePlusExp(x: Tensor): Tensor {
  const plain = detach(x);
  const y = add(relu(plain), log1p(exp(neg(abs(plain)))));
  return record('softplus', y.storage.retain(), x.shape, [x], (dy) => [() => mul(dy, sigmoid(x))]);
}

/**
 * ln sigmoid(x) = -ln(1 + e⁻ˣ), elementwise, without overflow. Floats only; throws a DTypeError for another dtype.
 *
 * @example
 * logSigmoid(tensor([-100, 0])); // [-100, -0.6931]
 */
export function logSigmoid(x: Tensor): Tensor {
  checkFloat('logSigmoid', x);
  return neg(softplus(neg(x)));
}

/**
 * x · tanh(softplus(x)), elementwise. Floats only; throws a DTypeError for another dtype. Misra, 2019.
 *
 * @example
 * mish(tensor([-1, 1])); // [-0.3034, 0.8651]
 */
export function mish(x: Tensor): Tensor {
  checkFloat('mish', x);
  return mul(x, tanh(softplus(x)));
}
