import type { Tensor } from '../tensor.js';
import { add, div, mul, neg, reciprocal, square, sub } from './arithmetic.js';
import { eq, ge, logicalAnd, where } from './compare.js';
import { binary, like, type Operand, unary } from './elementwise.js';
import { full } from './create.js';

/* Powers and roots, exponentials and logarithms, circular and hyperbolic functions. */

export const sqrt = (x: Tensor): Tensor => unary('sqrt', x, (dy, _x, y) => div(mul(dy, 0.5), y));
/** 1 / √x */
export const rsqrt = (x: Tensor): Tensor => unary('rsqrt', x, (dy, _x, y) => mul(dy, mul(mul(square(y), y), -0.5)));
/** aᵇ */
export const pow = (a: Operand, b: Operand): Tensor =>
  binary('pow', a, b, (dy, a, b, y) => [
    () => where(eq(b, 0), full([], 0, like(dy)), mul(dy, mul(b, pow(a, sub(b, 1))))),
    () => where(logicalAnd(eq(a, 0), ge(b, 0)), full([], 0, like(dy)), mul(dy, mul(y, log(a)))),
  ]);

export const exp = (x: Tensor): Tensor => unary('exp', x, (dy, _x, y) => mul(dy, y));
/** eˣ - 1, exact near 0. */
export const expm1 = (x: Tensor): Tensor => unary('expm1', x, (dy, _x, y) => mul(dy, add(y, 1)));
/** The natural logarithm. */
export const log = (x: Tensor): Tensor => unary('log', x, (dy, x) => div(dy, x));
/** ln(1 + x), exact near 0. */
export const log1p = (x: Tensor): Tensor => unary('log1p', x, (dy, x) => div(dy, add(x, 1)));

export const sin = (x: Tensor): Tensor => unary('sin', x, (dy, x) => mul(dy, cos(x)));
export const cos = (x: Tensor): Tensor => unary('cos', x, (dy, x) => neg(mul(dy, sin(x))));
export const tan = (x: Tensor): Tensor => unary('tan', x, (dy, _x, y) => mul(dy, add(square(y), 1)));
export const asin = (x: Tensor): Tensor => unary('asin', x, (dy, x) => mul(dy, rsqrt(sub(1, square(x)))));
export const acos = (x: Tensor): Tensor => unary('acos', x, (dy, x) => neg(mul(dy, rsqrt(sub(1, square(x))))));
export const atan = (x: Tensor): Tensor => unary('atan', x, (dy, x) => div(dy, add(square(x), 1)));
/** The angle of the point (x, y) = (b, a), from -π to π. */
export const atan2 = (a: Operand, b: Operand): Tensor =>
  binary('atan2', a, b, (dy, a, b) => {
    const scaled = mul(dy, reciprocal(add(square(a), square(b))));
    return [() => mul(scaled, b), () => neg(mul(scaled, a))];
  });

export const sinh = (x: Tensor): Tensor => unary('sinh', x, (dy, x) => mul(dy, cosh(x)));
export const cosh = (x: Tensor): Tensor => unary('cosh', x, (dy, x) => mul(dy, sinh(x)));
export const tanh = (x: Tensor): Tensor => unary('tanh', x, (dy, _x, y) => tanhGrad(y, dy));
export const asinh = (x: Tensor): Tensor => unary('asinh', x, (dy, x) => mul(dy, rsqrt(add(square(x), 1))));
export const acosh = (x: Tensor): Tensor => unary('acosh', x, (dy, x) => mul(dy, rsqrt(sub(square(x), 1))));
export const atanh = (x: Tensor): Tensor => unary('atanh', x, (dy, x) => div(dy, sub(1, square(x))));

function tanhGrad(y: Tensor, g: Tensor): Tensor {
  return binary('tanhGrad', y, g, (dy, y, g) => [() => mul(dy, mul(mul(y, g), -2)), () => mul(dy, sub(1, square(y)))]);
}

/** The error function 2/√π ∫₀ˣ e^(-t²) dt. */
export const erf = (x: Tensor): Tensor => unary('erf', x, (dy, x) => mul(dy, mul(exp(neg(square(x))), 2 / Math.sqrt(Math.PI))));
