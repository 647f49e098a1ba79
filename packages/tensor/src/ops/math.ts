import { detach, record } from '../autograd.js';
import type { Tensor } from '../tensor.js';
import { add, div, mul, neg, square, sub } from './arithmetic.js';
import { eq, ge, logicalAnd, where } from './compare.js';
import { full } from './create.js';
import { binary, checkFloat, like, type Operand, unary } from './elementwise.js';
import { round } from './rounding.js';

/* Powers and roots, exponentials and logarithms. */

/**
 * √x, elementwise; NaN below 0. Floats only; throws a DTypeError for another dtype.
 *
 * @example
 * sqrt(tensor([4, 9])); // [2, 3]
 */
export const sqrt = (x: Tensor): Tensor => unary('sqrt', x, (dy, _x, y) => div(mul(dy, 0.5), y));

/**
 * 1 / √x, elementwise; ∞ at 0, NaN below. Floats only; throws a DTypeError for another dtype.
 *
 * @example
 * rsqrt(tensor([4, 16])); // [0.5, 0.25]
 */
export const rsqrt = (x: Tensor): Tensor => unary('rsqrt', x, (dy, _x, y) => mul(dy, mul(mul(square(y), y), -0.5)));

/**
 * aᵇ, elementwise; 1 for b = 0 and for a = 1, whatever the other, and NaN for a negative base with a fraction.
 *
 * Floats or int32, where a negative power of anything but ±1 is 0. `a` and `b` broadcast, are of one dtype, and a number may stand for one
 * of them. Gradients are 0 by `a` where b = 0 and by `b` where a = 0 and b ≥ 0, as in PyTorch. Throws a DTypeError for two dtypes or bool, a
 * ShapeError for shapes that do not broadcast.
 *
 * @example
 * pow(tensor([2, 3]), 2); // [4, 9]
 * pow(2, tensor([3, -1])); // [8, 0.5]
 */
export const pow = (a: Operand, b: Operand): Tensor =>
  binary('pow', a, b, (dy, a, b, y) => [
    () => where(eq(b, 0), full([], 0, like(dy)), mul(dy, mul(b, pow(a, sub(b, 1))))),
    () => where(logicalAnd(eq(a, 0), ge(b, 0)), full([], 0, like(dy)), mul(dy, mul(y, log(a)))),
  ]);

/**
 * eˣ, elementwise. Floats only; throws a DTypeError for another dtype.
 *
 * @example
 * exp(tensor([0, 1])); // [1, 2.7183]
 */
export const exp = (x: Tensor): Tensor => unary('exp', x, (dy, _x, y) => mul(dy, y));

/**
 * 2ˣ, elementwise, exact for integers. Floats only; throws a DTypeError for another dtype.
 *
 * @example
 * exp2(tensor([-1, 0, 3])); // [0.5, 1, 8]
 */
export function exp2(x: Tensor): Tensor {
  checkFloat('exp2', x);
  return pow(2, x);
}

/**
 * eˣ - 1, elementwise, accurate near 0. Floats only; throws a DTypeError for another dtype.
 *
 * @example
 * expm1(tensor([0, 1])); // [0, 1.7183]
 */
export const expm1 = (x: Tensor): Tensor => unary('expm1', x, (dy, _x, y) => mul(dy, add(y, 1)));

/**
 * ln x, the natural logarithm, elementwise; -∞ at 0, NaN below. Floats only; throws a DTypeError for another dtype.
 *
 * @example
 * log(tensor([1, 10])); // [0, 2.3026]
 */
export const log = (x: Tensor): Tensor => unary('log', x, (dy, x) => div(dy, x));

/**
 * The logarithm of x to the base 2, elementwise, exact for powers of 2; -∞ at 0, NaN below. Floats only; throws a DTypeError for another
 * dtype.
 *
 * @example
 * log2(tensor([0.5, 1, 8])); // [-1, 0, 3]
 */
export const log2 = (x: Tensor): Tensor => logarithm('log2', x, 2, Math.LN2);

/**
 * The logarithm of x to the base 10, elementwise, exact for powers of 10; -∞ at 0, NaN below. Floats only; throws a DTypeError for another
 * dtype.
 *
 * @example
 * log10(tensor([0.1, 1, 1000])); // [-1, 0, 3]
 */
export const log10 = (x: Tensor): Tensor => logarithm('log10', x, 10, Math.LN10);

/** ln x / ln base, or the integer whose power of `base` x is: rounding must not come between 8 and 3. */
function logarithm(op: string, x: Tensor, base: number, lnBase: number): Tensor {
  checkFloat(op, x);
  const near = div(log(detach(x)), lnBase);
  const whole = round(near);
  const value = where(eq(pow(base, whole), detach(x)), whole, near);
  return record(op, value.storage.retain(), x.shape, [x], (dy) => [() => div(dy, mul(x, lnBase))]);
}

/**
 * ln(1 + x), elementwise, accurate near 0; -∞ at -1, NaN below. Floats only; throws a DTypeError for another dtype.
 *
 * @example
 * log1p(tensor([0, 1])); // [0, 0.6931]
 */
export const log1p = (x: Tensor): Tensor => unary('log1p', x, (dy, x) => div(dy, add(x, 1)));

/**
 * The error function 2/√π ∫₀ˣ exp(-t²) dt, elementwise. Floats only; throws a DTypeError for another dtype.
 *
 * @example
 * erf(tensor([0, 1])); // [0, 0.8427]
 */
export const erf = (x: Tensor): Tensor => unary('erf', x, (dy, x) => mul(dy, mul(exp(neg(square(x))), 2 / Math.sqrt(Math.PI))));
