import type { AxisView, ReduceOp } from '../backend.js';
import type { DType, TypedArray } from '../dtype.js';
import { ValueError } from '../errors.js';
import type { CpuBuffer } from './buffer.js';

export function reduce(op: ReduceOp, out: CpuBuffer, x: CpuBuffer, axis: AxisView): void {
  const to = out.data;
  const from = x.data;
  const identity = identities[op](x.dtype);
  const step = combine(op, x.dtype);
  eachLine(axis, (index, start) => {
    if (op === 'sum') to[index] = pairwiseSum(from, start, axis.n, axis.inner);
    else {
      let result = identity;
      for (let i = 0; i < axis.n; i++) result = step(result, from[start + i * axis.inner]!);
      to[index] = result;
    }
  });
}

/** Element i is that of elements 0 … i; the running value of float32 is a float64. */
export function cumulate(op: ReduceOp, out: CpuBuffer, x: CpuBuffer, axis: AxisView): void {
  const to = out.data;
  const from = x.data;
  const step = combine(op, x.dtype);
  eachLine(axis, (_index, start) => {
    let result = identities[op](x.dtype);
    for (let i = 0; i < axis.n; i++) {
      const at = start + i * axis.inner;
      result = step(result, from[at]!);
      to[at] = result;
    }
  });
}

/** How two elements become one. */
export function combine(op: ReduceOp, dtype: DType): (a: number, b: number) => number {
  if (op === 'sum') return (a, b) => a + b;
  if (op === 'prod') return dtype === 'int32' ? Math.imul : (a, b) => a * b;
  return op === 'max' ? Math.max : Math.min;
}

/** What each reduction gives for nothing: ±∞ where the type has it, else its furthest value. */
const identities: Readonly<Record<ReduceOp, (dtype: DType) => number>> = {
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

/** A stable sort of all places, of which the first k are taken. */
export function topk(out: CpuBuffer, x: CpuBuffer, axis: AxisView, k: number, least: boolean): void {
  if (!(k >= 0 && k <= axis.n)) throw new ValueError(`topk: k: expected 0 to ${axis.n}, got ${k}`);
  const { n, inner } = axis;
  eachLine(axis, (index, start) => {
    const places = placesInOrder(n, (i) => x.data[start + i * inner]!, least);
    const first = Math.floor(index / inner) * k * inner + (index % inner);
    for (let i = 0; i < k; i++) out.data[first + i * inner] = places[i]!;
  });
}

/** 0 … n - 1 by falling (or rising) value; equals in order of place, NaN above all. */
function placesInOrder(n: number, value: (i: number) => number, least: boolean): number[] {
  const ascending = (a: number, b: number) => (a < b ? -1 : a > b ? 1 : +Number.isNaN(a) - +Number.isNaN(b));
  return Array.from({ length: n }, (_, i) => i).sort((i, j) => (least ? ascending(value(i), value(j)) : ascending(value(j), value(i))));
}

/** Visits every line along the middle axis: its place in the output [outer, inner] and its first element in the input. */
function eachLine({ outer, n, inner }: AxisView, visit: (index: number, start: number) => void): void {
  for (let o = 0; o < outer; o++) for (let i = 0; i < inner; i++) visit(o * inner + i, o * n * inner + i);
}
