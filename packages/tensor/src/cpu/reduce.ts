import type { AxisView, ReduceOp } from '../backend.js';
import type { TypedArray } from '../dtype.js';
import { ValueError } from '../errors.js';
import type { CpuBuffer } from './buffer.js';

export function reduce(op: ReduceOp, out: CpuBuffer, x: CpuBuffer, axis: AxisView): void {
  const to = out.data;
  const from = x.data;
  const identity = identities[op](x.dtype);
  const step = x.dtype === 'int32' && op === 'prod' ? Math.imul : combine[op];
  eachLine(axis, (index, start) => {
    if (op === 'sum') to[index] = pairwiseSum(from, start, axis.n, axis.inner);
    else {
      let result = identity;
      for (let i = 0; i < axis.n; i++) result = step(result, from[start + i * axis.inner]!);
      to[index] = result;
    }
  });
}

const combine = {
  sum: (a: number, b: number) => a + b,
  prod: (a: number, b: number) => a * b,
  max: Math.max,
  min: Math.min,
} as const;

/** What each reduction gives for nothing: ±∞ where the type has it, else its furthest value. */
const identities: Readonly<Record<ReduceOp, (dtype: CpuBuffer['dtype']) => number>> = {
  sum: () => 0,
  prod: () => 1,
  max: (dtype) => (dtype === 'int32' ? -(2 ** 31) : dtype === 'bool' ? 0 : -Infinity),
  min: (dtype) => (dtype === 'int32' ? 2 ** 31 - 1 : dtype === 'bool' ? 1 : Infinity),
};

/** Halves long ranges, so that rounding errors grow with log n; for float32 it is float64 until the result is stored. */
function pairwiseSum(x: TypedArray, start: number, n: number, step: number): number {
  if (n > 128) {
    const half = n >> 1;
    return pairwiseSum(x, start, half, step) + pairwiseSum(x, start + half * step, n - half, step);
  }
  let sum = 0;
  for (let i = 0; i < n; i++) sum += x[start + i * step]!;
  return sum;
}

export function argmax(out: CpuBuffer, x: CpuBuffer, axis: AxisView, least: boolean): void {
  if (axis.n === 0 && out.length > 0) throw new ValueError(`${least ? 'argmin' : 'argmax'}: x: expected a non-empty axis, got length 0`);
  const to = out.data;
  const from = x.data;
  eachLine(axis, (index, start) => {
    let best = 0;
    let extreme = from[start]!;
    for (let i = 1; i < axis.n && !Number.isNaN(extreme); i++) {
      const value = from[start + i * axis.inner]!;
      if (Number.isNaN(value) || (least ? value < extreme : value > extreme)) {
        best = i;
        extreme = value;
      }
    }
    to[index] = best;
  });
}

/** Visits every line along the middle axis: its place in the output [outer, inner] and its first element in the input. */
function eachLine({ outer, n, inner }: AxisView, visit: (index: number, start: number) => void): void {
  for (let o = 0; o < outer; o++) for (let i = 0; i < inner; i++) visit(o * inner + i, o * n * inner + i);
}
