import type { BinaryOp, UnaryOp } from '../backend.js';
import { erf, erfc } from './erf.js';

/*
 * What every elementwise op does to one element. Computed in float64 and rounded once, when the result is stored.
 */

const {
  acos,
  acosh,
  abs,
  asin,
  asinh,
  atan,
  atan2,
  atanh,
  ceil,
  cos,
  cosh,
  exp,
  expm1,
  floor,
  log,
  log1p,
  sign,
  sin,
  sinh,
  sqrt,
  tan,
  tanh,
  trunc,
} = Math;

const sigmoid = (x: number): number => 1 / (1 + exp(-x));

/** Φ(x), the distribution function of the standard normal. */
const phi = (x: number): number => 0.5 * erfc(-x * Math.SQRT1_2);

/** The argument of tanh in the approximate gelu: √(2/π) (x + 0.044715 x³). */
const geluInner = (x: number): number => sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x);

/** To the nearest integer; halves go to the even one, as in PyTorch. */
function roundHalfEven(x: number): number {
  const up = Math.round(x);
  return up - x === 0.5 && up % 2 !== 0 ? up - 1 : up;
}

/** C's pow: 1 to any power, and -1 to an infinite one, is 1. */
function power(a: number, b: number): number {
  return a === 1 || (a === -1 && abs(b) === Infinity) ? 1 : a ** b;
}

/** a - b·⌊a / b⌋, without the rounding. */
function remainder(a: number, b: number): number {
  const rest = a % b;
  return rest && rest < 0 !== b < 0 ? rest + b : rest;
}

/** Repeated multiplication modulo 2³²; a negative power truncates 1 / aⁿ to 0, except for a = ±1. */
function integerPower(a: number, b: number): number {
  if (b < 0) return abs(a) === 1 ? integerPower(a, -b & 1) : 0;
  let result = 1;
  for (let base = a, left = b; left > 0; left >>= 1) {
    if (left & 1) result = Math.imul(result, base);
    base = Math.imul(base, base);
  }
  return result;
}

export const unaryFunctions: Readonly<Record<UnaryOp, (x: number) => number>> = {
  neg: (x) => -x,
  abs,
  sign,
  square: (x) => x * x,
  sqrt,
  rsqrt: (x) => 1 / sqrt(x),
  reciprocal: (x) => 1 / x,
  exp,
  log,
  expm1,
  log1p,
  sin,
  cos,
  tan,
  asin,
  acos,
  atan,
  sinh,
  cosh,
  tanh,
  asinh,
  acosh,
  atanh,
  erf,
  floor,
  ceil,
  round: roundHalfEven,
  trunc,
  sigmoid,
  relu: (x) => Math.max(0, x), // NaN stays NaN
  gelu: (x) => x * phi(x),
  geluTanh: (x) => 0.5 * x * (1 + tanh(geluInner(x))),
  silu: (x) => x / (1 + exp(-x)),
  isnan: (x) => +Number.isNaN(x),
  logicalNot: (x) => 1 - x,
};

export const binaryFunctions: Readonly<Record<BinaryOp, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow: power,
  maximum: Math.max, // NaN wins, and 0 over -0
  minimum: Math.min,
  fmod: (a, b) => a % b,
  remainder,
  atan2,
  eq: (a, b) => +(a === b),
  ne: (a, b) => +(a !== b),
  lt: (a, b) => +(a < b),
  le: (a, b) => +(a <= b),
  gt: (a, b) => +(a > b),
  ge: (a, b) => +(a >= b),
  logicalAnd: (a, b) => a & b,
  logicalOr: (a, b) => a | b,
  reluGrad: (x, dy) => (x <= 0 ? 0 : dy),
  geluGrad: (x, dy) => dy * (phi(x) + (x * exp(-0.5 * x * x)) / sqrt(2 * Math.PI)),
  geluTanhGrad: (x, dy) => {
    const t = tanh(geluInner(x));
    return dy * 0.5 * (1 + t + x * (1 - t * t) * sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x));
  },
  siluGrad: (x, dy) => dy * sigmoid(x) * (1 + x * sigmoid(-x)),
  tanhGrad: (y, dy) => dy * (1 - y * y),
  sigmoidGrad: (y, dy) => dy * y * (1 - y),
};

/**
 * The ops whose int32 form is more than the float64 result taken modulo 2³² (which is what storing it in an Int32Array does: sums wrap,
 * quotients truncate, and division by zero, which has no sensible answer, gives 0).
 */
export const integerUnary: Partial<typeof unaryFunctions> = { square: (x) => Math.imul(x, x) };
export const integerBinary: Partial<typeof binaryFunctions> = { mul: Math.imul, pow: integerPower };
