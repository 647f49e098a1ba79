import * as t from '@multihead/tensor';
import type { Tensor } from '@multihead/tensor';
import { type Call, op, type Table } from './call.js';

/* Functions of single elements: arithmetic, comparisons, activations. */

type Unary = (x: Tensor) => Tensor;
type Binary = (a: t.Operand, b: t.Operand) => Tensor;

const unary = (fn: Unary) => op('x', (c) => fn(c.tensor('x')));
const binary = (fn: Binary) => op('a b', (c) => fn(c.operand('a'), c.operand('b')));
const scaled = (fn: Binary) =>
  op('a b alpha', (c) => fn(c.operand('a'), c.get('alpha') === null ? c.operand('b') : t.mul(c.operand('b'), c.number('alpha'))));

/** Any numbers as bool, as PyTorch's logical functions take them; a number that stands for a tensor stays one. */
const truth = (x: t.Operand) => (typeof x === 'number' ? x : t.cast(x, 'bool'));

function clamp(c: Call): Tensor {
  const [x, low, high] = [c.tensor('x'), c.get('min'), c.get('max')];
  if (typeof low !== 'object' || typeof high !== 'object')
    return t.clamp(x, c.number('min', Number.NEGATIVE_INFINITY), c.number('max', Infinity));
  // Bounds that are tensors: the same by where(), so that gradients reach them.
  const lifted = low === null ? x : t.where(t.lt(x, low as Tensor), low as Tensor, x);
  return high === null ? lifted : t.where(t.gt(lifted, high as Tensor), high as Tensor, lifted);
}

/** torch.where(condition, a, b), or a.where(condition, b). */
function where(c: Call): Tensor {
  const [first, second, third] = [c.tensor('c'), c.operand('a'), c.operand('b')];
  const asMethod = typeof second === 'object' && second.dtype === 'bool' && first.dtype !== 'bool';
  return asMethod ? t.where(second, first, third) : t.where(first, second, third);
}

export const pointwise: Table = {
  abs: unary(t.abs),
  neg: unary(t.neg),
  sign: unary(t.sign),
  square: unary(t.square),
  sqrt: unary(t.sqrt),
  rsqrt: unary(t.rsqrt),
  reciprocal: unary(t.reciprocal),
  exp: unary(t.exp),
  log: unary(t.log),
  expm1: unary(t.expm1),
  log1p: unary(t.log1p),
  sin: unary(t.sin),
  cos: unary(t.cos),
  erf: unary(t.erf),
  floor: unary(t.floor),
  ceil: unary(t.ceil),
  round: unary(t.round),
  isnan: unary(t.isnan),

  add: scaled(t.add),
  sub: scaled(t.sub),
  mul: binary(t.mul),
  div: binary(t.div),
  'div.no_rounding_mode': binary(t.div),
  pow: op('a exponent', (c) => t.pow(c.operand('a'), c.operand('exponent'))),
  maximum: binary(t.maximum),
  minimum: binary(t.minimum),
  __radd__: binary((a, b) => t.add(b, a)),
  __rsub__: op('a b alpha', (c) => t.sub(c.operand('b'), t.mul(c.operand('a'), c.number('alpha', 1)))),
  __rmul__: binary((a, b) => t.mul(b, a)),
  __rdiv__: binary((a, b) => t.div(b, a)),
  __rpow__: binary((a, b) => t.pow(b, a)),

  eq: binary(t.eq),
  ne: binary(t.ne),
  lt: binary(t.lt),
  le: binary(t.le),
  gt: binary(t.gt),
  ge: binary(t.ge),
  logical_and: binary((a, b) => t.logicalAnd(truth(a), truth(b))),
  logical_or: binary((a, b) => t.logicalOr(truth(a), truth(b))),
  logical_not: unary((x) => t.logicalNot(t.cast(x, 'bool'))),

  where: op('c a b', where),
  masked_fill: op('x mask value', (c) => t.where(c.tensor('mask'), c.operand('value'), c.tensor('x'))),
  clamp: op('x min max', clamp),

  relu: unary(t.relu),
  gelu: op('x approximate', (c) => (c.text<string>('approximate', 'none') === 'tanh' ? t.geluTanh : t.gelu)(c.tensor('x'))),
  'gelu-exact': op('x approximate', (c) => t.gelu(c.tensor('x'))),
  'gelu-tanh': op('x approximate', (c) => t.geluTanh(c.tensor('x'))),
  silu: unary(t.silu),
  sigmoid: unary(t.sigmoid),
  tanh: unary(t.tanh),
  logsigmoid: unary(t.logSigmoid),
  leaky_relu: op('x negative_slope', (c) => t.leakyRelu(c.tensor('x'), c.number('negative_slope', 0.01))),
  elu: op('x alpha', (c) => t.elu(c.tensor('x'), c.number('alpha', 1))),
  mish: unary(t.mish),
  hardswish: unary(t.hardSwish),
  dropout: op('x p training', (c) => t.dropout(c.tensor('x'), c.number('p', 0.5), c.flag('training', true) ? new t.Rng(0) : undefined)),
};
