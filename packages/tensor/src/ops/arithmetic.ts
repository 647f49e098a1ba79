import { detach, record } from '../autograd.js';
import { isFloat } from '../dtype.js';
import { DTypeError, ValueError } from '../errors.js';
import { broadcastShapes } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { eq, ge, gt, le, logicalAnd, logicalOr, lt, ne, where } from './compare.js';
import { zerosLike } from './create.js';
import { binary, checkFloat, checkNumbers, type Operand, operand, operands, unary } from './elementwise.js';
import { round, trunc } from './rounding.js';

/* The four operations and what is made of them, and bounds. */

/**
 * -x, elementwise. Floats and int32; throws a DTypeError for bool.
 *
 * @example
 * neg(tensor([1, -2])); // [-1, 2]
 */
export const neg = (x: Tensor): Tensor => unary('neg', x, (dy) => neg(dy));

/**
 * |x|, elementwise; its gradient at 0 is 0. Floats and int32; throws a DTypeError for bool.
 *
 * @example
 * abs(tensor([1, -2])); // [1, 2]
 */
export const abs = (x: Tensor): Tensor => unary('abs', x, (dy, x) => sub(where(gt(x, 0), dy, 0), where(lt(x, 0), dy, 0)));

/**
 * x², elementwise. Floats and int32; throws a DTypeError for bool.
 *
 * @example
 * square(tensor([1, -2])); // [1, 4]
 */
export const square = (x: Tensor): Tensor => unary('square', x, (dy, x) => mul(dy, mul(x, 2)));

/**
 * 1 / x, elementwise; ±∞ at ±0. Floats only; throws a DTypeError for another dtype.
 *
 * @example
 * reciprocal(tensor([2, -4])); // [0.5, -0.25]
 */
export const reciprocal = (x: Tensor): Tensor => unary('reciprocal', x, (dy, _x, y) => neg(mul(dy, square(y))));

/**
 * x - trunc(x), the fraction of x with its sign, elementwise; NaN at ±∞. Floats only; throws a DTypeError for another dtype.
 *
 * @example
 * frac(tensor([2.75, -0.5])); // [0.75, -0.5]
 */
export function frac(x: Tensor): Tensor {
  checkFloat('frac', x);
  return sub(x, trunc(x));
}

/**
 * a + b, elementwise. Floats or int32, which wraps around at ±2³¹; `a` and `b` broadcast, are of one dtype, and a number may stand for
 * one of them. Throws a DTypeError for two dtypes, bool, or a fraction beside int32; a ShapeError for shapes that do not broadcast.
 *
 * @example
 * add(tensor([1, 2]), 10); // [11, 12]
 */
export const add = (a: Operand, b: Operand): Tensor => binary('add', a, b, (dy) => [() => dy, () => dy]);

/**
 * a - b, elementwise. Inputs, dtypes and errors as for `add`.
 *
 * @example
 * sub(1, tensor([1, 2])); // [0, -1]
 */
export const sub = (a: Operand, b: Operand): Tensor => binary('sub', a, b, (dy) => [() => dy, () => neg(dy)]);

/**
 * a · b, elementwise. Inputs, dtypes and errors as for `add`.
 *
 * @example
 * mul(tensor([[1], [2]]), tensor([3, 4])); // [[3, 4], [6, 8]]
 */
export const mul = (a: Operand, b: Operand): Tensor => binary('mul', a, b, (dy, a, b) => [() => mul(dy, b), () => mul(dy, a)]);

/**
 * a / b, elementwise; int32 truncates towards zero, and by 0 gives 0. Inputs, dtypes and errors as for `add`.
 *
 * @example
 * div(tensor([1, 3]), 2); // [0.5, 1.5]
 */
export const div = (a: Operand, b: Operand): Tensor =>
  binary('div', a, b, (dy, _a, b, y) => [() => div(dy, b), () => neg(div(mul(dy, y), b))]);

/**
 * ⌊a / b⌋, elementwise, as Python's `//`: right also where the quotient would be rounded up to an integer. Floats divide by ±0 as `div`
 * does, int32 by 0 gives 0. Its gradient is 0. Inputs, dtypes and errors as for `add`.
 *
 * @example
 * floorDivide(tensor([7, -7]), 2); // [3, -4]
 */
export function floorDivide(a: Operand, b: Operand): Tensor {
  const given = operands('floorDivide', a, b);
  const [x, y] = given.map(detach) as [Tensor, Tensor];
  if (x.dtype === 'bool') throw new DTypeError('floorDivide: a and b: expected numbers, got bool');
  broadcastShapes('floorDivide', x.shape, y.shape);
  const rest = fmod(x, y);
  const over = logicalAnd(ne(rest, 0), ne(lt(y, 0), lt(rest, 0))); // truncation went up
  if (!isFloat(x.dtype)) return sub(div(x, y), where(over, operand('floorDivide', 'b', 1, x), 0));
  const exact = div(x, y);
  const truncated = div(sub(x, rest), y);
  const floored = round(where(over, sub(truncated, 1), truncated));
  // A 0 has the sign of the quotient.
  const value = where(eq(y, 0), exact, where(eq(floored, 0), mul(exact, 0), floored));
  return record('floorDivide', value.storage.retain(), value.shape, given, (dy) => [() => zerosLike(dy), () => zerosLike(dy)]);
}

/**
 * a - b·⌊a / b⌋, elementwise: what is left of a division, with the sign of the divisor, as Python's `%`. By 0, floats give NaN, int32 gives
 * 0. Inputs, dtypes and errors as for `add`.
 *
 * @example
 * remainder(tensor([7, -7]), 3); // [1, 2]
 */
export const remainder = (a: Operand, b: Operand): Tensor =>
  binary('remainder', a, b, (dy, a, b, y) => [() => dy, () => neg(mul(dy, quotient(a, b, y)))]);

/**
 * a - b·trunc(a / b), elementwise: what is left of a division, with the sign of the dividend, as C's `fmod`. By 0, floats give NaN, int32
 * gives 0. Inputs, dtypes and errors as for `add`.
 *
 * @example
 * fmod(tensor([7, -7]), 3); // [1, -1]
 */
export const fmod = (a: Operand, b: Operand): Tensor =>
  binary('fmod', a, b, (dy, a, b, y) => [() => dy, () => neg(mul(dy, quotient(a, b, y)))]);

/** The whole number of times that `b` goes into `a` with `rest` left. */
function quotient(a: Tensor, b: Tensor, rest: Tensor): Tensor {
  return round(div(sub(a, rest), b));
}

/**
 * a + weight · (b - a), elementwise: `a` at weight 0, `b` at weight 1, both exactly. Floats that broadcast; `weight` is a number or a tensor.
 * Throws a DTypeError for other or mixed dtypes, a ShapeError for shapes that do not broadcast.
 *
 * @example
 * lerp(tensor([0, 10]), tensor([1, 20]), 0.5); // [0.5, 15]
 */
export function lerp(a: Tensor, b: Tensor, weight: Operand): Tensor {
  checkFloat('lerp', a, 'a');
  const [x, y] = operands('lerp', a, b);
  const w = operands('lerp', x, weight)[1];
  broadcastShapes('lerp', broadcastShapes('lerp', x.shape, y.shape), w.shape);
  const way = detach(sub(y, x));
  // From the nearer end, so that rounding cannot miss it.
  const ahead = () => add(detach(x), mul(way, detach(w)));
  const back = () => sub(detach(y), mul(way, sub(1, detach(w))));
  const isNear = typeof weight === 'number' ? Math.abs(weight) < 0.5 : lt(abs(detach(w)), 0.5);
  const value = typeof isNear === 'boolean' ? (isNear ? ahead() : back()) : where(isNear, ahead(), back());
  const vjp = (dy: Tensor) => [() => mul(dy, sub(1, w)), () => mul(dy, w), () => mul(dy, sub(y, x))];
  return record('lerp', value.storage.retain(), value.shape, [x, y, w], vjp);
}

/**
 * The greater of a and b, elementwise; NaN wins, and a tie halves the gradient. Inputs, dtypes and errors as for `add`.
 *
 * @example
 * maximum(tensor([-1, 1]), 0); // [0, 1]
 */
export const maximum = (a: Operand, b: Operand): Tensor =>
  binary('maximum', a, b, (dy, a, b) => [() => shareTies(dy, lt(a, b), eq(a, b)), () => shareTies(dy, lt(b, a), eq(a, b))]);

/**
 * The lesser of a and b, elementwise; NaN wins, and a tie halves the gradient. Inputs, dtypes and errors as for `add`.
 *
 * @example
 * minimum(tensor([-1, 1]), 0); // [-1, 0]
 */
export const minimum = (a: Operand, b: Operand): Tensor =>
  binary('minimum', a, b, (dy, a, b) => [() => shareTies(dy, gt(a, b), eq(a, b)), () => shareTies(dy, gt(b, a), eq(a, b))]);

/** No gradient to what loses, half of it at a tie as in PyTorch, all elsewhere, beside a NaN too. */
function shareTies(dy: Tensor, loses: Tensor, ties: Tensor): Tensor {
  return where(loses, 0, where(ties, mul(dy, 0.5), dy));
}

/**
 * `x` held between `min` and `max`, elementwise: min(max(x, min), max), so that `max` wins where they cross, and NaN stays NaN.
 *
 * Floats or int32; a bound is a number, a tensor of the dtype of `x` that broadcasts with it, or null for none. `x` gets the gradient inside
 * the bounds and on them, a tensor bound where it holds `x`. Throws a ValueError without any bound, a DTypeError for two dtypes, a ShapeError
 * for shapes that do not broadcast.
 *
 * @example
 * clamp(tensor([-2, 0.5, 2]), -1, 1); // [-1, 0.5, 1]
 * clamp(tensor([-2, 0.5, 2]), tensor([0, 1, 1])); // [0, 1, 2]
 */
export function clamp(x: Tensor, min: Operand | null = null, max: Operand | null = null): Tensor {
  checkNumbers('clamp', x);
  if (min === null && max === null) throw new ValueError('clamp: min, max: expected one of them at least');
  const low = bound(x, min, Number.NEGATIVE_INFINITY);
  const high = bound(x, max, Number.POSITIVE_INFINITY);
  if (!low && !high) return x;
  const raised = low ? maximum(detach(x), detach(low)) : detach(x);
  const value = high ? minimum(raised, detach(high)) : raised;
  return record('clamp', value.storage.retain(), value.shape, [x, ...(low ? [low] : []), ...(high ? [high] : [])], (dy) => [
    () => where(isInside(x, low, high), dy, 0),
    ...(low ? [() => where(isRaised(x, low, high), dy, 0)] : []),
    ...(high ? [() => where(isLowered(x, low, high), dy, 0)] : []),
  ]);
}

/** A bound of `clamp` as a tensor; null where there is none, which for int32 cannot be said by an infinite number. */
function bound(x: Tensor, value: Operand | null, none: number): Tensor | null {
  if (value === null || value === none) return null;
  const limit = operands('clamp', x, value)[1];
  broadcastShapes('clamp', x.shape, limit.shape);
  return limit;
}

function isInside(x: Tensor, low: Tensor | null, high: Tensor | null): Tensor {
  if (low && high) return logicalAnd(ge(x, low), le(x, high));
  return low ? ge(x, low) : le(x, high!);
}

function isRaised(x: Tensor, low: Tensor, high: Tensor | null): Tensor {
  return high ? logicalAnd(lt(x, low), lt(low, high)) : lt(x, low);
}

function isLowered(x: Tensor, low: Tensor | null, high: Tensor): Tensor {
  return low ? logicalOr(gt(x, high), lt(high, low)) : gt(x, high);
}
