import { apply, contiguous, detach, noGradient, record, type Vjp } from '../autograd.js';
import { activationGradOps, type BinaryOp, compareOps, type UnaryOp } from '../backend.js';
import { type DType, isFloat } from '../dtype.js';
import { DTypeError } from '../errors.js';
import { isFusing, isRecording } from '../mode.js';
import { broadcastShapes, broadcastStrides, collapse, contiguousStrides } from '../shape.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { full } from './create.js';
import { onlyOnce } from './fused.js';

/*
 * Elementwise functions: one table of gradients for those of one input, one for those of two. A number may stand for one tensor:
 * `add(x, 1)`. Mixed dtypes throw; cast first.
 */

type UnaryVjp = (x: Tensor, y: Tensor, dy: Tensor) => Tensor;

/** d/dx of each function, times dy. A missing row does not compile. */
const unaryGradients: Record<UnaryOp, UnaryVjp | typeof noGradient> = {
  neg: (_x, _y, dy) => neg(dy),
  abs: (x, _y, dy) => sub(where(gt(x, 0), dy, 0), where(lt(x, 0), dy, 0)),
  sign: (_x, _y, dy) => mul(dy, 0),
  square: (x, _y, dy) => mul(dy, mul(x, 2)),
  sqrt: (_x, y, dy) => div(mul(dy, 0.5), y),
  rsqrt: (_x, y, dy) => mul(dy, mul(mul(square(y), y), -0.5)),
  reciprocal: (_x, y, dy) => neg(mul(dy, square(y))),
  exp: (_x, y, dy) => mul(dy, y),
  log: (x, _y, dy) => div(dy, x),
  expm1: (_x, y, dy) => mul(dy, add(y, 1)),
  log1p: (x, _y, dy) => div(dy, add(x, 1)),
  sin: (x, _y, dy) => mul(dy, cos(x)),
  cos: (x, _y, dy) => neg(mul(dy, sin(x))),
  tanh: (_x, y, dy) => binary('tanhGrad', y, dy),
  erf: (x, _y, dy) => mul(dy, mul(exp(neg(square(x))), 2 / Math.sqrt(Math.PI))),
  floor: (_x, _y, dy) => mul(dy, 0),
  ceil: (_x, _y, dy) => mul(dy, 0),
  round: (_x, _y, dy) => mul(dy, 0),
  sigmoid: (_x, y, dy) => binary('sigmoidGrad', y, dy),
  relu: (x, _y, dy) => binary('reluGrad', x, dy),
  gelu: (x, _y, dy) => kernelGradient('gelu', x, dy),
  geluTanh: (x, _y, dy) => kernelGradient('geluTanh', x, dy),
  silu: (x, _y, dy) => kernelGradient('silu', x, dy),
  isnan: noGradient,
  logicalNot: noGradient,
};

/** Of functions whose derivative is a kernel of its own, which has none. */
function kernelGradient(op: 'gelu' | 'geluTanh' | 'silu', x: Tensor, dy: Tensor): Tensor {
  onlyOnce(op);
  return binary(`${op}Grad`, x, dy);
}

type BinaryVjp = (a: Tensor, b: Tensor, dy: Tensor, y: Tensor) => readonly [() => Tensor, () => Tensor];

/** d/da and d/db, times dy, at the broadcast shape. Ties in maximum and minimum share the gradient, as in PyTorch. */
const binaryGradients: Record<BinaryOp, BinaryVjp | typeof noGradient> = {
  add: (_a, _b, dy) => [() => dy, () => dy],
  sub: (_a, _b, dy) => [() => dy, () => neg(dy)],
  mul: (a, b, dy) => [() => mul(dy, b), () => mul(dy, a)],
  div: (_a, b, dy, y) => [() => div(dy, b), () => neg(div(mul(dy, y), b))],
  pow: (a, b, dy, y) => [
    () => where(eq(b, 0), full([], 0, like(dy)), mul(dy, mul(b, pow(a, sub(b, 1))))),
    () => where(logicalAnd(eq(a, 0), ge(b, 0)), full([], 0, like(dy)), mul(dy, mul(y, log(a)))),
  ],
  maximum: (a, b, dy) => [() => shareTies(a, b, dy, 'lt'), () => shareTies(b, a, dy, 'lt')],
  minimum: (a, b, dy) => [() => shareTies(a, b, dy, 'gt'), () => shareTies(b, a, dy, 'gt')],
  eq: noGradient,
  ne: noGradient,
  lt: noGradient,
  le: noGradient,
  gt: noGradient,
  ge: noGradient,
  logicalAnd: noGradient,
  logicalOr: noGradient,
  // Gradients of gradients, by the definitions of the functions.
  reluGrad: (x, g, dy) => [() => mul(dy, 0), () => mul(dy, asNumbers(gt(x, 0), g))],
  tanhGrad: (y, g, dy) => [() => mul(dy, mul(mul(y, g), -2)), () => mul(dy, sub(1, square(y)))],
  sigmoidGrad: (y, g, dy) => [() => mul(dy, mul(g, sub(1, mul(y, 2)))), () => mul(dy, mul(y, sub(1, y)))],
  geluGrad: noGradient,
  geluTanhGrad: noGradient,
  siluGrad: noGradient,
};

/** The gradient of `a`: none where it loses, half of it at a tie, all elsewhere, beside a NaN too. */
function shareTies(a: Tensor, b: Tensor, dy: Tensor, loses: 'gt' | 'lt'): Tensor {
  return where(binary(loses, a, b), 0, where(eq(a, b), mul(dy, 0.5), dy));
}

function like(x: Tensor): { dtype: DType; backend: Tensor['backend'] } {
  return { dtype: x.dtype, backend: x.backend };
}

/** A bool tensor as 0 and 1 of the dtype of `x`. */
function asNumbers(mask: Tensor, x: Tensor): Tensor {
  return apply('cast', { mask }, mask.shape, x.dtype, (out, { kernels }) => kernels.cast(out, mask.buffer), noGradient);
}

const intUnary = new Set<UnaryOp>(['neg', 'abs', 'sign', 'square', 'relu']);

function unary(op: UnaryOp, x: Tensor): Tensor {
  checkTensor(op, 'x', x);
  const ok = op === 'logicalNot' ? x.dtype === 'bool' : isFloat(x.dtype) || (intUnary.has(op) && x.dtype === 'int32');
  if (!ok) throw new DTypeError(`${op}: x: expected ${op === 'logicalNot' ? 'bool' : 'a float type'}, got ${x.dtype}`);
  const dense = contiguous(x);
  const gradient = unaryGradients[op];
  const vjp: Vjp | typeof noGradient = gradient === noGradient ? noGradient : (dy, y) => [() => gradient(dense, y, dy)];
  const dtype = op === 'isnan' ? 'bool' : x.dtype;
  return apply(op, { x: dense }, x.shape, dtype, (out, { kernels }) => kernels.unary(op, out, dense.buffer), vjp);
}

const boolOutput = new Set<BinaryOp>(compareOps);
const activationGrad = new Set<BinaryOp>(activationGradOps);

/** Either operand may be a number; the other's dtype and backend are then used. */
export type Operand = Tensor | number;

function binary(op: BinaryOp, left: Operand, right: Operand): Tensor {
  const given = typeof left === 'number' ? right : left;
  checkTensor(op, typeof left === 'number' ? 'b' : 'a', given);
  const a = operand(op, 'a', left, given);
  const b = operand(op, 'b', right, given);
  checkDtypes(op, a, b);
  const shape = broadcastShapes(op, a.shape, b.shape);
  const strides = [a, b].map((t) => broadcastStrides(t.shape, contiguousStrides(t.shape), shape));
  const loop = collapse(shape, strides[0]!, strides[1]!);
  const gradient = binaryGradients[op];
  return apply(
    op,
    { a, b },
    shape,
    boolOutput.has(op) ? 'bool' : a.dtype,
    (out, { kernels }) => kernels.binary(op, loop.shape, out, a.buffer, loop.strides[0]!, b.buffer, loop.strides[1]!),
    gradient === noGradient ? noGradient : (dy, y) => gradient(a, b, dy, y),
  );
}

function operand(op: string, name: string, value: Operand, other: Tensor): Tensor {
  if (typeof value === 'number') {
    if (other.dtype === 'int32' && !Number.isInteger(value))
      throw new DTypeError(`${op}: ${name}: ${value} beside an int32 tensor: expected an integer, or cast(x, 'float32') first`);
    return full([], value, like(other));
  }
  checkTensor(op, name, value);
  return contiguous(value);
}

function checkDtypes(op: BinaryOp, a: Tensor, b: Tensor): void {
  if (a.dtype !== b.dtype)
    throw new DTypeError(`${op}: a is ${a.dtype} and b is ${b.dtype}: expected one dtype; use cast(x, '${a.dtype}')`);
  const logical = op === 'logicalAnd' || op === 'logicalOr';
  if (logical ? a.dtype !== 'bool' : a.dtype === 'bool' && !boolOutput.has(op)) {
    throw new DTypeError(`${op}: a and b: expected ${logical ? 'bool' : 'numbers'}, got ${a.dtype}`);
  }
  if (activationGrad.has(op) && !isFloat(a.dtype)) throw new DTypeError(`${op}: expected a float type, got ${a.dtype}`);
}

export const neg = (x: Tensor): Tensor => unary('neg', x);
export const abs = (x: Tensor): Tensor => unary('abs', x);
/** -1, 0 or 1. */
export const sign = (x: Tensor): Tensor => unary('sign', x);
export const square = (x: Tensor): Tensor => unary('square', x);
export const sqrt = (x: Tensor): Tensor => unary('sqrt', x);
/** 1 / √x */
export const rsqrt = (x: Tensor): Tensor => unary('rsqrt', x);
/** 1 / x */
export const reciprocal = (x: Tensor): Tensor => unary('reciprocal', x);
export const exp = (x: Tensor): Tensor => unary('exp', x);
/** The natural logarithm. */
export const log = (x: Tensor): Tensor => unary('log', x);
/** eˣ - 1, exact near 0. */
export const expm1 = (x: Tensor): Tensor => unary('expm1', x);
/** ln(1 + x), exact near 0. */
export const log1p = (x: Tensor): Tensor => unary('log1p', x);
export const sin = (x: Tensor): Tensor => unary('sin', x);
export const cos = (x: Tensor): Tensor => unary('cos', x);
export const tanh = (x: Tensor): Tensor => unary('tanh', x);
/** The error function 2/√π ∫₀ˣ e^(-t²) dt. */
export const erf = (x: Tensor): Tensor => unary('erf', x);
export const floor = (x: Tensor): Tensor => unary('floor', x);
export const ceil = (x: Tensor): Tensor => unary('ceil', x);
/** To the nearest integer, halves to the even one. */
export const round = (x: Tensor): Tensor => unary('round', x);
/** 1 / (1 + e⁻ˣ) */
export const sigmoid = (x: Tensor): Tensor => unary('sigmoid', x);
/** max(x, 0) */
export const relu = (x: Tensor): Tensor => unary('relu', x);
/** x · Φ(x), by the error function (Hendrycks and Gimpel, 2016). */
export const gelu = (x: Tensor): Tensor => (plain() ? mul(mul(x, 0.5), add(erf(mul(x, Math.SQRT1_2)), 1)) : unary('gelu', x));
/** GELU's approximation ½x(1 + tanh(√(2/π)(x + 0.044715x³))), as in GPT-2. */
export const geluTanh = (x: Tensor): Tensor =>
  plain() ? mul(mul(x, 0.5), add(tanh(mul(add(x, mul(mul(square(x), x), 0.044715)), Math.sqrt(2 / Math.PI))), 1)) : unary('geluTanh', x);
/** x · sigmoid(x), also called swish. */
export const silu = (x: Tensor): Tensor => (plain() ? mul(x, sigmoid(x)) : unary('silu', x));
export const isnan = (x: Tensor): Tensor => unary('isnan', x);
export const logicalNot = (x: Tensor): Tensor => unary('logicalNot', x);

/** True where the definition should serve, because its gradient may be differentiated again. */
function plain(): boolean {
  return isRecording() && !isFusing();
}

export const add = (a: Operand, b: Operand): Tensor => binary('add', a, b);
export const sub = (a: Operand, b: Operand): Tensor => binary('sub', a, b);
export const mul = (a: Operand, b: Operand): Tensor => binary('mul', a, b);
export const div = (a: Operand, b: Operand): Tensor => binary('div', a, b);
/** aᵇ */
export const pow = (a: Operand, b: Operand): Tensor => binary('pow', a, b);
export const maximum = (a: Operand, b: Operand): Tensor => binary('maximum', a, b);
export const minimum = (a: Operand, b: Operand): Tensor => binary('minimum', a, b);
export const eq = (a: Operand, b: Operand): Tensor => binary('eq', a, b);
export const ne = (a: Operand, b: Operand): Tensor => binary('ne', a, b);
export const lt = (a: Operand, b: Operand): Tensor => binary('lt', a, b);
export const le = (a: Operand, b: Operand): Tensor => binary('le', a, b);
export const gt = (a: Operand, b: Operand): Tensor => binary('gt', a, b);
export const ge = (a: Operand, b: Operand): Tensor => binary('ge', a, b);
export const logicalAnd = (a: Operand, b: Operand): Tensor => binary('logicalAnd', a, b);
export const logicalOr = (a: Operand, b: Operand): Tensor => binary('logicalOr', a, b);

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

/** `x` held between `min` and `max`; where they cross, `max` wins. Gradients pass inside the bounds only. */
export function clamp(x: Tensor, min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY): Tensor {
  checkTensor('clamp', 'x', x);
  const low = min === Number.NEGATIVE_INFINITY ? detach(x) : maximum(detach(x), min);
  const held = max === Number.POSITIVE_INFINITY ? low : minimum(low, max);
  if (!isFloat(x.dtype)) return held;
  return where(logicalAnd(ge(x, min), le(x, max)), x, held);
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
