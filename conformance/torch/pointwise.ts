import * as t from '@multihead/tensor';
import type { Tensor } from '@multihead/tensor';
import { type Call, op, type Table } from './call.js';

/* Functions of single elements: arithmetic, comparisons. */

type Unary = (x: Tensor) => Tensor;
type Binary = (a: t.Operand, b: t.Operand) => Tensor;

const unary = (fn: Unary) => op('x', (c) => fn(c.tensor('x')));
const binary = (fn: Binary) => op('a b', (c) => fn(c.operand('a'), c.operand('b')));
const scaled = (fn: Binary) =>
  op('a b alpha', (c) => fn(c.operand('a'), c.get('alpha') === null ? c.operand('b') : t.mul(c.operand('b'), c.number('alpha'))));

/** Any numbers as bool, as PyTorch's logical functions take them; a number that stands for a tensor stays one. */
const truth = (x: t.Operand) => (typeof x === 'number' ? x : t.cast(x, 'bool'));

/** A bound of clamp: a number, a tensor or none. */
const bound = (c: Call, name: string) => c.get(name) as t.Operand | null;

/** The quotient, rounded as asked for. */
function div(c: Call): Tensor {
  const [a, b, mode] = [c.operand('a'), c.operand('b'), c.text<string>('rounding_mode', 'none')];
  return mode === 'floor' ? t.floorDivide(a, b) : mode === 'trunc' ? t.trunc(t.div(a, b)) : t.div(a, b);
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
  frac: unary(t.frac),
  exp: unary(t.exp),
  exp2: unary(t.exp2),
  expm1: unary(t.expm1),
  log: unary(t.log),
  log2: unary(t.log2),
  log10: unary(t.log10),
  log1p: unary(t.log1p),
  sin: unary(t.sin),
  cos: unary(t.cos),
  tan: unary(t.tan),
  asin: unary(t.asin),
  acos: unary(t.acos),
  atan: unary(t.atan),
  sinh: unary(t.sinh),
  cosh: unary(t.cosh),
  asinh: unary(t.asinh),
  acosh: unary(t.acosh),
  atanh: unary(t.atanh),
  erf: unary(t.erf),
  floor: unary(t.floor),
  ceil: unary(t.ceil),
  round: unary(t.round),
  trunc: unary(t.trunc),
  isnan: unary(t.isnan),
  isinf: unary(t.isinf),
  isfinite: unary(t.isfinite),
  nan_to_num: op('x nan posinf neginf', (c) => {
    const option = (name: string) => (c.get(name) === null ? undefined : c.number(name));
    return t.nanToNum(c.tensor('x'), { nan: option('nan'), posinf: option('posinf'), neginf: option('neginf') });
  }),

  add: scaled(t.add),
  sub: scaled(t.sub),
  mul: binary(t.mul),
  div: op('a b rounding_mode', div),
  'div.no_rounding_mode': op('a b rounding_mode', div),
  'div.floor_rounding': op('a b rounding_mode', div),
  'div.trunc_rounding': op('a b rounding_mode', div),
  floor_divide: binary(t.floorDivide),
  remainder: binary(t.remainder),
  fmod: binary(t.fmod),
  pow: op('a exponent', (c) => t.pow(c.operand('a'), c.operand('exponent'))),
  atan2: binary(t.atan2),
  logaddexp: binary(t.logaddexp),
  maximum: binary(t.maximum),
  minimum: binary(t.minimum),
  'max.binary': binary(t.maximum),
  'min.binary': binary(t.minimum),
  lerp: op('a b weight', (c) => t.lerp(c.tensor('a'), c.tensor('b'), c.operand('weight'))),
  clamp: op('x min max', (c) => t.clamp(c.tensor('x'), bound(c, 'min'), bound(c, 'max'))),
  clamp_min: op('x min', (c) => t.clamp(c.tensor('x'), bound(c, 'min'))),
  clamp_max: op('x max', (c) => t.clamp(c.tensor('x'), null, bound(c, 'max'))),
  __radd__: binary((a, b) => t.add(b, a)),
  __rsub__: op('a b alpha', (c) => t.sub(c.operand('b'), t.mul(c.operand('a'), c.number('alpha', 1)))),
  __rmul__: binary((a, b) => t.mul(b, a)),
  __rdiv__: binary((a, b) => t.div(b, a)),
  __rmod__: binary((a, b) => t.remainder(b, a)),
  __rpow__: binary((a, b) => t.pow(b, a)),

  eq: binary(t.eq),
  ne: binary(t.ne),
  lt: binary(t.lt),
  le: binary(t.le),
  gt: binary(t.gt),
  ge: binary(t.ge),
  logical_and: binary((a, b) => t.logicalAnd(truth(a), truth(b))),
  logical_or: binary((a, b) => t.logicalOr(truth(a), truth(b))),
  logical_xor: binary((a, b) => t.logicalXor(truth(a), truth(b))),
  logical_not: unary((x) => t.logicalNot(t.cast(x, 'bool'))),

  where: op('c a b', where),
  masked_fill: op('x mask value', (c) => t.maskedFill(c.tensor('x'), c.tensor('mask'), c.operand('value'))),
};
