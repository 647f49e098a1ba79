import * as t from '@multihead/tensor';
import type { Tensor } from '@multihead/tensor';
import { type Call, op, type Table } from './call.js';

/* Functions of single elements: arithmetic, comparisons, conversions. */

const unary = (fn: (x: Tensor) => Tensor) => op('x', (c) => fn(c.tensor('x')));
const binary = (fn: (a: Tensor, b: Tensor) => Tensor) => op('a b', (c) => fn(c.tensor('a'), c.tensor('b')));
/** Of any number of inputs that broadcast together. */
const folded = (fn: (a: Tensor, b: Tensor) => Tensor) => op('*inputs', (c) => c.rest().reduce(fn));

/** The base says what the result is, whatever the exponent is. */
function pow(c: Call): Tensor {
  const [base, exponent] = [c.tensor('base'), c.tensor('exponent')];
  const common = exponent.dtype === 'int32' ? base.dtype : exponent.dtype;
  return t.cast(t.pow(t.cast(base, common), t.cast(exponent, common)), base.dtype);
}

/** The infinities that are asked for. */
function isInf(c: Call): Tensor {
  const x = c.tensor('x');
  const [negative, positive] = [c.flag('detect_negative', true), c.flag('detect_positive', true)];
  if (negative && positive) return t.isinf(x);
  const wanted = positive ? t.gt(x, 0) : negative ? t.lt(x, 0) : t.isnan(x); // nothing is both infinite and NaN
  return t.logicalAnd(t.isinf(x), wanted);
}

function clip(c: Call): Tensor {
  const x = c.tensor('x');
  // One bound at a time: integers have no infinite one.
  const lifted = c.has('min') ? t.clamp(x, c.number('min')) : x;
  return c.has('max') ? t.minimum(lifted, c.number('max')) : lifted;
}

export const pointwise: Table = {
  Abs: unary(t.abs),
  Neg: unary(t.neg),
  Sign: unary(t.sign),
  Sqrt: unary(t.sqrt),
  Reciprocal: unary(t.reciprocal),
  Exp: unary(t.exp),
  Log: unary(t.log),
  Erf: unary(t.erf),
  Sin: unary(t.sin),
  Cos: unary(t.cos),
  Tan: unary(t.tan),
  Asin: unary(t.asin),
  Acos: unary(t.acos),
  Atan: unary(t.atan),
  Sinh: unary(t.sinh),
  Cosh: unary(t.cosh),
  Tanh: unary(t.tanh),
  Asinh: unary(t.asinh),
  Acosh: unary(t.acosh),
  Atanh: unary(t.atanh),
  Floor: unary(t.floor),
  Ceil: unary(t.ceil),
  Round: unary(t.round),
  IsNaN: unary(t.isnan),
  IsInf: op('x', isInf),

  Add: binary(t.add),
  Sub: binary(t.sub),
  Mul: binary(t.mul),
  Div: binary(t.div),
  Mod: op('a b', (c) => (c.flag('fmod') ? t.fmod : t.remainder)(c.tensor('a'), c.tensor('b'))),
  Pow: op('base exponent', pow),
  Max: folded(t.maximum),
  Min: folded(t.minimum),
  Sum: folded(t.add),
  Mean: op('*inputs', (c) => t.div(c.rest().reduce(t.add as (a: Tensor, b: Tensor) => Tensor), c.rest().length)),

  Equal: binary(t.eq),
  Less: binary(t.lt),
  LessOrEqual: binary(t.le),
  Greater: binary(t.gt),
  GreaterOrEqual: binary(t.ge),
  And: binary(t.logicalAnd),
  Or: binary(t.logicalOr),
  Xor: binary(t.logicalXor),
  Not: unary(t.logicalNot),
  Where: op('condition a b', (c) => t.where(c.tensor('condition'), c.tensor('a'), c.tensor('b'))),
  Clip: op('x min max', clip),

  Identity: unary((x) => x),
  Cast: op('x', (c) => t.cast(c.tensor('x'), c.dtype('to')!)),
  CastLike: op('x target', (c) => t.cast(c.tensor('x'), c.dtypeOf('target'))),
};
