import { detach } from '../autograd.js';
import { isFloat } from '../dtype.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { eq, ge, gt, le, logicalAnd, lt, where } from './compare.js';
import { binary, type Operand, unary } from './elementwise.js';

/* The four operations and what is made of them, signs, bounds and rounding. */

export const neg = (x: Tensor): Tensor => unary('neg', x, (dy) => neg(dy));
export const abs = (x: Tensor): Tensor => unary('abs', x, (dy, x) => sub(where(gt(x, 0), dy, 0), where(lt(x, 0), dy, 0)));
/** -1, 0 or 1. */
export const sign = (x: Tensor): Tensor => unary('sign', x, flat);
export const square = (x: Tensor): Tensor => unary('square', x, (dy, x) => mul(dy, mul(x, 2)));
/** 1 / x */
export const reciprocal = (x: Tensor): Tensor => unary('reciprocal', x, (dy, _x, y) => neg(mul(dy, square(y))));
export const floor = (x: Tensor): Tensor => unary('floor', x, flat);
export const ceil = (x: Tensor): Tensor => unary('ceil', x, flat);
/** To the nearest integer, halves to the even one. */
export const round = (x: Tensor): Tensor => unary('round', x, flat);
/** Towards zero. */
export const trunc = (x: Tensor): Tensor => unary('trunc', x, flat);

/** The gradient of what is constant between its jumps. */
function flat(dy: Tensor): Tensor {
  return mul(dy, 0);
}

export const add = (a: Operand, b: Operand): Tensor => binary('add', a, b, (dy) => [() => dy, () => dy]);
export const sub = (a: Operand, b: Operand): Tensor => binary('sub', a, b, (dy) => [() => dy, () => neg(dy)]);
export const mul = (a: Operand, b: Operand): Tensor => binary('mul', a, b, (dy, a, b) => [() => mul(dy, b), () => mul(dy, a)]);
export const div = (a: Operand, b: Operand): Tensor =>
  binary('div', a, b, (dy, _a, b, y) => [() => div(dy, b), () => neg(div(mul(dy, y), b))]);

/** a - b·⌊a / b⌋: what is left of a division, with the sign of the divisor, as Python's `%`. int32 by 0 gives 0. */
export const remainder = (a: Operand, b: Operand): Tensor =>
  binary('remainder', a, b, (dy, a, b, y) => [() => dy, () => neg(mul(dy, quotient(a, b, y)))]);
/** a - b·trunc(a / b): what is left of a division, with the sign of the dividend, as C's `fmod`. int32 by 0 gives 0. */
export const fmod = (a: Operand, b: Operand): Tensor =>
  binary('fmod', a, b, (dy, a, b, y) => [() => dy, () => neg(mul(dy, quotient(a, b, y)))]);

/** The whole number of times that `b` goes into `a` with `rest` left. */
function quotient(a: Tensor, b: Tensor, rest: Tensor): Tensor {
  return round(div(sub(a, rest), b));
}

export const maximum = (a: Operand, b: Operand): Tensor =>
  binary('maximum', a, b, (dy, a, b) => [() => shareTies(dy, lt(a, b), eq(a, b)), () => shareTies(dy, lt(b, a), eq(a, b))]);
export const minimum = (a: Operand, b: Operand): Tensor =>
  binary('minimum', a, b, (dy, a, b) => [() => shareTies(dy, gt(a, b), eq(a, b)), () => shareTies(dy, gt(b, a), eq(a, b))]);

/** No gradient to what loses, half of it at a tie as in PyTorch, all elsewhere, beside a NaN too. */
function shareTies(dy: Tensor, loses: Tensor, ties: Tensor): Tensor {
  return where(loses, 0, where(ties, mul(dy, 0.5), dy));
}

/** `x` held between `min` and `max`; where they cross, `max` wins. Gradients pass inside the bounds only. */
export function clamp(x: Tensor, min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY): Tensor {
  checkTensor('clamp', 'x', x);
  const low = min === Number.NEGATIVE_INFINITY ? detach(x) : maximum(detach(x), min);
  const held = max === Number.POSITIVE_INFINITY ? low : minimum(low, max);
  if (!isFloat(x.dtype)) return held;
  return where(logicalAnd(ge(x, min), le(x, max)), x, held);
}
