import { apply, contiguous, noGradient } from '../autograd.js';
import { isFloat } from '../dtype.js';
import { DTypeError, ShapeError } from '../errors.js';
import { broadcastShapes, broadcastStrides, collapse, contiguousStrides, show } from '../shape.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { binary, checkFloat, type Operand, operands, unary } from './elementwise.js';

/* Comparisons and logic, whose results are bool, and the choice between two tensors. */

/**
 * a = b, elementwise; NaN equals nothing. `a` and `b` broadcast, are of one dtype, and a number may stand for one of them; bool.
 * Throws a DTypeError for two dtypes, a ShapeError for shapes that do not broadcast.
 *
 * @example
 * eq(tensor([1, 2]), 2); // [false, true]
 */
export const eq = (a: Operand, b: Operand): Tensor => binary('eq', a, b, noGradient);

/**
 * a ≠ b, elementwise; true wherever there is a NaN. Inputs, result and errors as for `eq`.
 *
 * @example
 * ne(tensor([1, 2]), 2); // [true, false]
 */
export const ne = (a: Operand, b: Operand): Tensor => binary('ne', a, b, noGradient);

/**
 * a < b, elementwise; false wherever there is a NaN. Inputs, result and errors as for `eq`.
 *
 * @example
 * lt(tensor([1, 2, 3]), 2); // [true, false, false]
 */
export const lt = (a: Operand, b: Operand): Tensor => binary('lt', a, b, noGradient);

/**
 * a ≤ b, elementwise; false wherever there is a NaN. Inputs, result and errors as for `eq`.
 *
 * @example
 * le(tensor([1, 2, 3]), 2); // [true, true, false]
 */
export const le = (a: Operand, b: Operand): Tensor => binary('le', a, b, noGradient);

/**
 * a > b, elementwise; false wherever there is a NaN. Inputs, result and errors as for `eq`.
 *
 * @example
 * gt(tensor([1, 2, 3]), 2); // [false, false, true]
 */
export const gt = (a: Operand, b: Operand): Tensor => binary('gt', a, b, noGradient);

/**
 * a ≥ b, elementwise; false wherever there is a NaN. Inputs, result and errors as for `eq`.
 *
 * @example
 * ge(tensor([1, 2, 3]), 2); // [false, true, true]
 */
export const ge = (a: Operand, b: Operand): Tensor => binary('ge', a, b, noGradient);

/**
 * a ∧ b, elementwise, of bool tensors that broadcast. Throws a DTypeError for other dtypes (cast first: `cast(x, 'bool')` is x ≠ 0), a
 * ShapeError for shapes that do not broadcast.
 *
 * @example
 * logicalAnd(tensor([true, true]), tensor([true, false])); // [true, false]
 */
export const logicalAnd = (a: Operand, b: Operand): Tensor => binary('logicalAnd', a, b, noGradient);

/**
 * a ∨ b, elementwise, of bool tensors that broadcast. Errors as for `logicalAnd`.
 *
 * @example
 * logicalOr(tensor([false, true]), tensor([false, false])); // [false, true]
 */
export const logicalOr = (a: Operand, b: Operand): Tensor => binary('logicalOr', a, b, noGradient);

/**
 * Either a or b, not both, elementwise, of bool tensors that broadcast. Errors as for `logicalAnd`.
 *
 * @example
 * logicalXor(tensor([false, true, true]), tensor([false, false, true])); // [false, true, false]
 */
export function logicalXor(a: Operand, b: Operand): Tensor {
  const [x, y] = operands('logicalXor', a, b);
  if (x.dtype !== 'bool') throw new DTypeError(`logicalXor: a and b: expected bool, got ${x.dtype}`);
  broadcastShapes('logicalXor', x.shape, y.shape);
  return ne(x, y);
}

/**
 * ¬x, elementwise, of a bool tensor. Throws a DTypeError for another dtype.
 *
 * @example
 * logicalNot(tensor([true, false])); // [false, true]
 */
export const logicalNot = (x: Tensor): Tensor => unary('logicalNot', x, noGradient);

/**
 * True where `x` is NaN. Floats only; throws a DTypeError for another dtype.
 *
 * @example
 * isnan(tensor([1, Number.NaN])); // [false, true]
 */
export const isnan = (x: Tensor): Tensor => unary('isnan', x, noGradient);

/**
 * True where `x` is ∞ or -∞. Floats only; throws a DTypeError for another dtype.
 *
 * @example
 * isinf(tensor([1, -Infinity, Number.NaN])); // [false, true, false]
 */
export function isinf(x: Tensor): Tensor {
  return eq(magnitude('isinf', x), Number.POSITIVE_INFINITY);
}

/**
 * True where `x` is neither infinite nor NaN. Floats only; throws a DTypeError for another dtype.
 *
 * @example
 * isfinite(tensor([1, -Infinity, Number.NaN])); // [true, false, false]
 */
export function isfinite(x: Tensor): Tensor {
  return lt(magnitude('isfinite', x), Number.POSITIVE_INFINITY);
}

function magnitude(op: string, x: Tensor): Tensor {
  checkFloat(op, x);
  return unary('abs', x, noGradient);
}

/**
 * `a` where `condition` is true, else `b`, elementwise; all three broadcast.
 *
 * `condition` is bool, `a` and `b` are of one dtype, and a number may stand for one of them. A branch gets a gradient only where it was
 * taken, but its own derivative is still multiplied by that 0, and 0 · ∞ is NaN, as in PyTorch: make the branch safe first, as in
 * `where(mask, log(where(mask, x, 1)), 0)`. Throws a DTypeError for other dtypes, a ShapeError for shapes that do not broadcast.
 *
 * @example
 * where(tensor([true, false]), tensor([1, 2]), -1); // [1, -1]
 */
export function where(condition: Tensor, left: Operand, right: Operand): Tensor {
  checkTensor('where', 'condition', condition);
  if (condition.dtype !== 'bool') throw new DTypeError(`where: condition: expected bool, got ${condition.dtype}`);
  const c = contiguous(condition);
  const [a, b] = operands('where', left, right);
  const shape = broadcastShapes('where', broadcastShapes('where', c.shape, a.shape), b.shape);
  const loop = collapse(shape, ...[c, a, b].map((t) => broadcastStrides(t.shape, contiguousStrides(t.shape), shape)));
  const input = (t: Tensor, i: number) => ({ buffer: t.buffer, strides: loop.strides[i]! });
  return apply(
    'where',
    { condition: c, a, b },
    shape,
    a.dtype,
    (out, { kernels }) => kernels.select(loop.shape, out, input(c, 0), input(a, 1), input(b, 2)),
    (dy) => [null, () => where(c, dy, 0), () => where(c, 0, dy)],
  );
}

/**
 * `x` with `value` wherever the bool `mask` is true; `x` and `mask` broadcast. `value` is a number or a scalar tensor of the dtype of `x`.
 * Throws a DTypeError for other dtypes, a ShapeError for a value that is no scalar or shapes that do not broadcast.
 *
 * @example
 * maskedFill(tensor([1, 2, 3]), tensor([false, true, false]), 0); // [1, 0, 3]
 */
export function maskedFill(x: Tensor, mask: Tensor, value: Operand): Tensor {
  checkTensor('maskedFill', 'x', x);
  if (typeof value !== 'number') {
    checkTensor('maskedFill', 'value', value);
    if (value.rank !== 0) throw new ShapeError(`maskedFill: value: expected a number or a scalar tensor, got shape ${show(value.shape)}`);
  }
  return where(mask, value, x);
}

/**
 * `x` with 0 for NaN and the greatest and least finite numbers for ∞ and -∞, or with what `options` say. Gradients pass where `x` is finite.
 * Integers and booleans come back as they are. `x` is any tensor, the result of its shape and dtype.
 *
 * @example
 * nanToNum(tensor([Number.NaN, -Infinity, 1]), { neginf: -9 }); // [0, -9, 1]
 */
export function nanToNum(x: Tensor, options: { nan?: number; posinf?: number; neginf?: number } = {}): Tensor {
  checkTensor('nanToNum', 'x', x);
  if (!isFloat(x.dtype)) return x;
  const largest = x.dtype === 'float64' ? Number.MAX_VALUE : 3.4028234663852886e38;
  const { nan = 0, posinf = largest, neginf = -largest } = options;
  const finite = where(eq(x, Number.POSITIVE_INFINITY), posinf, where(eq(x, Number.NEGATIVE_INFINITY), neginf, x));
  return where(isnan(x), nan, finite);
}
