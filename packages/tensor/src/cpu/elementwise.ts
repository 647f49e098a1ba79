import type { BinaryOp, StridedInput, UnaryOp } from '../backend.js';
import { contiguousStrides } from '../shape.js';
import type { CpuBuffer } from './buffer.js';
import { binaryFunctions, integerBinary, integerUnary, unaryFunctions } from './scalar-functions.js';
import { eachRow } from './strided.js';

/** Float to int32 truncates, taking what does not fit modulo 2³² (NaN and ±∞ give 0); anything to bool is `≠ 0`, so NaN is true. */
export function cast(out: CpuBuffer, x: CpuBuffer): void {
  if (out.dtype === 'bool') out.data.set(x.data.map((value) => +(value !== 0)));
  else out.data.set(x.data);
}

export function unary(op: UnaryOp, out: CpuBuffer, x: CpuBuffer): void {
  const f = (x.dtype === 'int32' && integerUnary[op]) || unaryFunctions[op];
  const from = x.data;
  const to = out.data;
  for (let i = 0; i < to.length; i++) to[i] = f(from[i]!);
}

export function binary(
  op: BinaryOp,
  shape: readonly number[],
  out: CpuBuffer,
  a: CpuBuffer,
  aStrides: readonly number[],
  b: CpuBuffer,
  bStrides: readonly number[],
): void {
  const f = (a.dtype === 'int32' && integerBinary[op]) || binaryFunctions[op];
  const x = a.data;
  const y = b.data;
  const to = out.data;
  eachRow(shape, [contiguousStrides(shape), aStrides, bStrides], ([start, i, j], length, [, di, dj]) => {
    for (let k = 0; k < length; k++) to[start! + k] = f(x[i! + k * di!]!, y[j! + k * dj!]!);
  });
}

export function select(
  shape: readonly number[],
  out: CpuBuffer,
  cond: StridedInput<CpuBuffer>,
  a: StridedInput<CpuBuffer>,
  b: StridedInput<CpuBuffer>,
): void {
  const test = cond.buffer.data;
  const x = a.buffer.data;
  const y = b.buffer.data;
  const to = out.data;
  eachRow(shape, [contiguousStrides(shape), cond.strides, a.strides, b.strides], ([start, c, i, j], length, [, dc, di, dj]) => {
    for (let k = 0; k < length; k++) to[start! + k] = test[c! + k * dc!] ? x[i! + k * di!]! : y[j! + k * dj!]!;
  });
}
