import { apply, contiguous, noGradient } from '../autograd.js';
import { activationGradOps, type BinaryOp, compareOps, type UnaryOp } from '../backend.js';
import { type DType, isFloat } from '../dtype.js';
import { DTypeError } from '../errors.js';
import { broadcastShapes, broadcastStrides, collapse, contiguousStrides } from '../shape.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { full } from './create.js';

/*
 * What all elementwise functions have in common: checks, broadcasting, the call of the kernel. The functions themselves stand in `compare.ts`,
 * `arithmetic.ts`, `rounding.ts`, `math.ts`, `trigonometry.ts`, `activation.ts` and its neighbours, each with its gradient, which is a
 * required argument here. A number may stand for one of two tensors: `add(x, 1)`. Mixed dtypes throw; cast first.
 */

/** dy · f′(x), where y = f(x). */
export type UnaryGradient = (dy: Tensor, x: Tensor, y: Tensor) => Tensor;

/** dy times d/da and d/db of y = f(a, b), at the broadcast shape. */
export type BinaryGradient = (dy: Tensor, a: Tensor, b: Tensor, y: Tensor) => readonly [() => Tensor, () => Tensor];

const intUnary = new Set<UnaryOp>(['neg', 'abs', 'sign', 'square', 'relu']);
const boolOutput = new Set<BinaryOp>(compareOps);
const floatsOnly = new Set<BinaryOp>([...activationGradOps, 'atan2']);

export function unary(op: UnaryOp, x: Tensor, gradient: UnaryGradient | typeof noGradient): Tensor {
  checkTensor(op, 'x', x);
  const ok = op === 'logicalNot' ? x.dtype === 'bool' : isFloat(x.dtype) || (intUnary.has(op) && x.dtype === 'int32');
  if (!ok) throw new DTypeError(`${op}: x: expected ${op === 'logicalNot' ? 'bool' : 'a float type'}, got ${x.dtype}`);
  const dense = contiguous(x);
  return apply(
    op,
    { x: dense },
    x.shape,
    op === 'isnan' ? 'bool' : x.dtype,
    (out, { kernels }) => kernels.unary(op, out, dense.buffer),
    gradient === noGradient ? noGradient : (dy, y) => [() => gradient(dy, dense, y)],
  );
}

/** A tensor, or a number in its place: it takes the dtype and the backend of the tensor beside it. */
export type Operand = Tensor | number;

export function binary(op: BinaryOp, left: Operand, right: Operand, gradient: BinaryGradient | typeof noGradient): Tensor {
  const [a, b] = operands(op, left, right);
  checkKind(op, a.dtype);
  const shape = broadcastShapes(op, a.shape, b.shape);
  const strides = [a, b].map((t) => broadcastStrides(t.shape, contiguousStrides(t.shape), shape));
  const loop = collapse(shape, strides[0]!, strides[1]!);
  return apply(
    op,
    { a, b },
    shape,
    boolOutput.has(op) ? 'bool' : a.dtype,
    (out, { kernels }) => kernels.binary(op, loop.shape, out, a.buffer, loop.strides[0]!, b.buffer, loop.strides[1]!),
    gradient === noGradient ? noGradient : (dy, y) => gradient(dy, a, b, y),
  );
}

/** Both operands as contiguous tensors of one dtype. */
export function operands(op: string, left: Operand, right: Operand): [a: Tensor, b: Tensor] {
  const given = typeof left === 'number' ? right : left;
  checkTensor(op, typeof left === 'number' ? 'b' : 'a', given);
  const a = operand(op, 'a', left, given);
  const b = operand(op, 'b', right, given);
  if (a.dtype !== b.dtype)
    throw new DTypeError(`${op}: a is ${a.dtype} and b is ${b.dtype}: expected one dtype; use cast(x, '${a.dtype}')`);
  return [a, b];
}

/** An operand as a contiguous tensor, with the dtype and on the backend of `other` if it is a number. */
export function operand(op: string, name: string, value: Operand, other: Tensor): Tensor {
  if (typeof value === 'number') {
    if (other.dtype === 'int32' && !Number.isInteger(value))
      throw new DTypeError(`${op}: ${name}: ${value} beside an int32 tensor: expected an integer, or cast(x, 'float32') first`);
    if (other.dtype === 'bool' && value !== 0 && value !== 1)
      throw new DTypeError(`${op}: ${name}: ${value} beside a bool tensor: expected 0 or 1`);
    return full([], value, like(other));
  }
  checkTensor(op, name, value);
  return contiguous(value);
}

export function like(x: Tensor): { dtype: DType; backend: Tensor['backend'] } {
  return { dtype: x.dtype, backend: x.backend };
}

/** Throws a DTypeError unless `x` is a tensor of floats. */
export function checkFloat(op: string, x: Tensor, name = 'x'): void {
  checkTensor(op, name, x);
  if (!isFloat(x.dtype)) throw new DTypeError(`${op}: ${name}: expected a float type, got ${x.dtype}`);
}

/** Throws a DTypeError unless `x` is a tensor of floats or int32. */
export function checkNumbers(op: string, x: Tensor): void {
  checkTensor(op, 'x', x);
  if (x.dtype === 'bool') throw new DTypeError(`${op}: x: expected numbers, got bool; use cast(x, 'int32')`);
}

function checkKind(op: BinaryOp, dtype: DType): void {
  const logical = op === 'logicalAnd' || op === 'logicalOr';
  if (logical ? dtype !== 'bool' : dtype === 'bool' && !boolOutput.has(op)) {
    throw new DTypeError(`${op}: a and b: expected ${logical ? 'bool' : 'numbers'}, got ${dtype}`);
  }
  if (floatsOnly.has(op) && !isFloat(dtype)) throw new DTypeError(`${op}: expected a float type, got ${dtype}`);
}
