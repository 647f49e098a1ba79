import { apply, detach, noGradient, record } from '../autograd.js';
import { isFusing, isRecording } from '../mode.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { abs, add, div, mul, neg, square, sub } from './arithmetic.js';
import { gt, le, logicalAnd, lt, where } from './compare.js';
import { binary, unary } from './elementwise.js';
import { onlyOnce } from './fused.js';
import { erf, exp, expm1, log1p, tanh } from './math.js';

/* The nonlinearities of neural networks. */

/** max(x, 0) */
export const relu = (x: Tensor): Tensor => unary('relu', x, (dy, x) => reluGrad(x, dy));

function reluGrad(x: Tensor, g: Tensor): Tensor {
  return binary('reluGrad', x, g, (dy, x, g) => [() => mul(dy, 0), () => mul(dy, asNumbers(gt(x, 0), g))]);
}

/** A bool tensor as 0 and 1 of the dtype of `x`. */
function asNumbers(mask: Tensor, x: Tensor): Tensor {
  return apply('cast', { mask }, mask.shape, x.dtype, (out, { kernels }) => kernels.cast(out, mask.buffer), noGradient);
}

/** 1 / (1 + e⁻ˣ) */
export const sigmoid = (x: Tensor): Tensor => unary('sigmoid', x, (dy, _x, y) => sigmoidGrad(y, dy));

function sigmoidGrad(y: Tensor, g: Tensor): Tensor {
  return binary('sigmoidGrad', y, g, (dy, y, g) => [() => mul(dy, mul(g, sub(1, mul(y, 2)))), () => mul(dy, mul(y, sub(1, y)))]);
}

/** x · Φ(x), by the error function (Hendrycks and Gimpel, 2016). */
export const gelu = (x: Tensor): Tensor =>
  plain() ? mul(mul(x, 0.5), add(erf(mul(x, Math.SQRT1_2)), 1)) : unary('gelu', x, (dy, x) => kernelGradient('gelu', x, dy));
/** GELU's approximation ½x(1 + tanh(√(2/π)(x + 0.044715x³))), as in GPT-2. */
export const geluTanh = (x: Tensor): Tensor =>
  plain()
    ? mul(mul(x, 0.5), add(tanh(mul(add(x, mul(mul(square(x), x), 0.044715)), Math.sqrt(2 / Math.PI))), 1))
    : unary('geluTanh', x, (dy, x) => kernelGradient('geluTanh', x, dy));
/** x · sigmoid(x), also called swish. */
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

/** ln(1 + eˣ), without overflow. */
export function softplus(x: Tensor): Tensor {
  checkTensor('softplus', 'x', x);
  const plain = detach(x);
  const y = add(relu(plain), log1p(exp(neg(abs(plain)))));
  return record('softplus', y.storage.retain(), x.shape, [x], (dy) => [() => mul(dy, sigmoid(x))]);
}
/** ln sigmoid(x), without overflow. */
export const logSigmoid = (x: Tensor): Tensor => neg(softplus(neg(x)));
/** x where positive, slope · x elsewhere. */
export const leakyRelu = (x: Tensor, slope = 0.01): Tensor => where(gt(x, 0), x, mul(x, slope));

/** x where positive, alpha · (eˣ - 1) elsewhere (Clevert et al., 2015). */
export function elu(x: Tensor, alpha = 1): Tensor {
  const left = le(x, 0);
  return where(left, mul(expm1(where(left, x, 0)), alpha), x);
}

/** x · tanh(softplus(x)) (Misra, 2019). */
export const mish = (x: Tensor): Tensor => mul(x, tanh(softplus(x)));

/** x · clamp(x + 3, 0, 6) / 6 */
export function hardSwish(x: Tensor): Tensor {
  const bend = logicalAnd(gt(x, -3), lt(x, 3));
  const inside = where(bend, x, 0);
  return where(bend, div(mul(inside, add(inside, 3)), 6), where(le(x, -3), mul(x, 0), x));
}
