import { apply, contiguous, noGradient } from '../autograd.js';
import { DTypeError } from '../errors.js';
import { broadcastShapes, broadcastStrides, collapse, contiguousStrides } from '../shape.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { binary, type Operand, operand, unary } from './elementwise.js';

/* Comparisons and logic, whose results are bool, and the choice between two tensors. */

export const eq = (a: Operand, b: Operand): Tensor => binary('eq', a, b, noGradient);
export const ne = (a: Operand, b: Operand): Tensor => binary('ne', a, b, noGradient);
export const lt = (a: Operand, b: Operand): Tensor => binary('lt', a, b, noGradient);
export const le = (a: Operand, b: Operand): Tensor => binary('le', a, b, noGradient);
export const gt = (a: Operand, b: Operand): Tensor => binary('gt', a, b, noGradient);
export const ge = (a: Operand, b: Operand): Tensor => binary('ge', a, b, noGradient);
export const logicalAnd = (a: Operand, b: Operand): Tensor => binary('logicalAnd', a, b, noGradient);
export const logicalOr = (a: Operand, b: Operand): Tensor => binary('logicalOr', a, b, noGradient);
export const logicalNot = (x: Tensor): Tensor => unary('logicalNot', x, noGradient);
export const isnan = (x: Tensor): Tensor => unary('isnan', x, noGradient);

/** `a` where `condition` is true, else `b`; all three broadcast. */
export function where(condition: Tensor, left: Operand, right: Operand): Tensor {
  checkTensor('where', 'condition', condition);
  if (condition.dtype !== 'bool') throw new DTypeError(`where: condition: expected bool, got ${condition.dtype}`);
  const given = typeof left === 'number' ? right : left;
  checkTensor('where', typeof left === 'number' ? 'b' : 'a', given);
  const [c, a, b] = [contiguous(condition), operand('where', 'a', left, given), operand('where', 'b', right, given)];
  if (a.dtype !== b.dtype) throw new DTypeError(`where: a is ${a.dtype} and b is ${b.dtype}: expected one dtype`);
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

/** `x` with `value` wherever `mask` is true. */
export const maskedFill = (x: Tensor, mask: Tensor, value: number): Tensor => where(mask, value, x);
