import type { Tensor } from '../tensor.js';
import { add, div, mul, neg, reciprocal, square, sub } from './arithmetic.js';
import { binary, type Operand, unary } from './elementwise.js';
import { rsqrt } from './math.js';

/* Circular and hyperbolic functions, and their inverses. */

/**
 * sin x, elementwise, x in radians. Floats only; throws a DTypeError for another dtype.
 *
 * @example
 * sin(tensor([0, Math.PI / 2])); // [0, 1]
 */
export const sin = (x: Tensor): Tensor => unary('sin', x, (dy, x) => mul(dy, cos(x)));

/**
 * cos x, elementwise, x in radians. Floats only; throws a DTypeError for another dtype.
 *
 * @example
 * cos(tensor([0, Math.PI])); // [1, -1]
 */
export const cos = (x: Tensor): Tensor => unary('cos', x, (dy, x) => neg(mul(dy, sin(x))));

/**
 * tan x, elementwise, x in radians. Floats only; throws a DTypeError for another dtype.
 *
 * @example
 * tan(tensor([0, Math.PI / 4])); // [0, 1]
 */
export const tan = (x: Tensor): Tensor => unary('tan', x, (dy, _x, y) => mul(dy, add(square(y), 1)));

/**
 * The angle from -π/2 to π/2 whose sine is x, elementwise; NaN beyond ±1. Floats only; throws a DTypeError for another dtype.
 *
 * @example
 * asin(tensor([0, 1])); // [0, 1.5708]
 */
export const asin = (x: Tensor): Tensor => unary('asin', x, (dy, x) => mul(dy, rsqrt(sub(1, square(x)))));

/**
 * The angle from 0 to π whose cosine is x, elementwise; NaN beyond ±1. Floats only; throws a DTypeError for another dtype.
 *
 * @example
 * acos(tensor([1, -1])); // [0, 3.1416]
 */
export const acos = (x: Tensor): Tensor => unary('acos', x, (dy, x) => neg(mul(dy, rsqrt(sub(1, square(x))))));

/**
 * The angle from -π/2 to π/2 whose tangent is x, elementwise. Floats only; throws a DTypeError for another dtype.
 *
 * @example
 * atan(tensor([0, 1])); // [0, 0.7854]
 */
export const atan = (x: Tensor): Tensor => unary('atan', x, (dy, x) => div(dy, add(square(x), 1)));

/**
 * The angle of the point (x, y) = (b, a), from -π to π, elementwise; 0 or ±π, by the signs of the zeros, at the origin, where the gradient is
 * NaN. Floats that broadcast; a number may stand for one of them. Throws a DTypeError for other or mixed dtypes, a ShapeError for shapes
 * that do not broadcast.
 *
 * @example
 * atan2(tensor([1, 1]), tensor([1, -1])); // [0.7854, 2.3562]
 */
export const atan2 = (a: Operand, b: Operand): Tensor =>
  binary('atan2', a, b, (dy, a, b) => {
    const scaled = mul(dy, reciprocal(add(square(a), square(b))));
    return [() => mul(scaled, b), () => neg(mul(scaled, a))];
  });

/**
 * sinh x = (eˣ - e⁻ˣ) / 2, elementwise. Floats only; throws a DTypeError for another dtype.
 *
 * @example
 * sinh(tensor([0, 1])); // [0, 1.1752]
 */
export const sinh = (x: Tensor): Tensor => unary('sinh', x, (dy, x) => mul(dy, cosh(x)));

/**
 * cosh x = (eˣ + e⁻ˣ) / 2, elementwise. Floats only; throws a DTypeError for another dtype.
 *
 * @example
 * cosh(tensor([0, 1])); // [1, 1.5431]
 */
export const cosh = (x: Tensor): Tensor => unary('cosh', x, (dy, x) => mul(dy, sinh(x)));

/**
 * tanh x = (eˣ - e⁻ˣ) / (eˣ + e⁻ˣ), elementwise, between -1 and 1. Floats only; throws a DTypeError for another dtype.
 *
 * @example
 * tanh(tensor([0, 1])); // [0, 0.7616]
 */
export const tanh = (x: Tensor): Tensor => unary('tanh', x, (dy, _x, y) => tanhGrad(y, dy));

function tanhGrad(y: Tensor, g: Tensor): Tensor {
  return binary('tanhGrad', y, g, (dy, y, g) => [() => mul(dy, mul(mul(y, g), -2)), () => mul(dy, sub(1, square(y)))]);
}

/**
 * The inverse of sinh, elementwise: ln(x + √(x² + 1)). Floats only; throws a DTypeError for another dtype.
 *
 * @example
 * asinh(tensor([0, 1])); // [0, 0.8814]
 */
export const asinh = (x: Tensor): Tensor => unary('asinh', x, (dy, x) => mul(dy, rsqrt(add(square(x), 1))));

/**
 * The inverse of cosh, elementwise: ln(x + √(x² - 1)); NaN below 1. Floats only; throws a DTypeError for another dtype.
 *
 * @example
 * acosh(tensor([1, 2])); // [0, 1.317]
 */
export const acosh = (x: Tensor): Tensor => unary('acosh', x, (dy, x) => mul(dy, rsqrt(sub(square(x), 1))));

/**
 * The inverse of tanh, elementwise: ½ ln((1 + x) / (1 - x)); ±∞ at ±1, NaN beyond. Floats only; throws a DTypeError for another dtype.
 *
 * @example
 * atanh(tensor([0, 0.5])); // [0, 0.5493]
 */
export const atanh = (x: Tensor): Tensor => unary('atanh', x, (dy, x) => div(dy, sub(1, square(x))));
