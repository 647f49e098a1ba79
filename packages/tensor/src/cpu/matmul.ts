import type { MatmulArgs } from '../backend.js';
import type { CpuBuffer } from './buffer.js';

const BLOCK = 128;

/** Row by row of the output; products are summed in float64, in blocks of `BLOCK` along k. */
export function matmul(out: CpuBuffer, a: CpuBuffer, b: CpuBuffer, args: MatmulArgs): void {
  const { batch, m, n, k, aBatchStride, bBatchStride, transA, transB, alpha, accumulate } = args;
  const x = a.data;
  const y = b.data;
  const to = out.data;
  const row = new Float64Array(k);
  const block = new Float64Array(n);
  const sums = new Float64Array(n);
  for (let index = 0; index < batch * m; index++) {
    const matrix = Math.floor(index / m);
    const i = index % m;
    const xStart = matrix * aBatchStride;
    const yStart = matrix * bBatchStride;
    for (let p = 0; p < k; p++) row[p] = x[xStart + (transA ? p * m + i : i * k + p)]!;
    sums.fill(0);
    for (let from = 0; from < k; from += BLOCK) {
      const end = Math.min(from + BLOCK, k);
      if (transB) timesTransposed(block, row, y, yStart, k, from, end);
      else times(block, row, y, yStart, from, end);
      for (let j = 0; j < n; j++) sums[j]! += block[j]!;
    }
    const start = index * n;
    for (let j = 0; j < n; j++) to[start + j] = alpha * sums[j]! + (accumulate ? to[start + j]! : 0);
  }
}

/** out[j] = Σ row[p] · y[p, j] for p in [from, end), with y stored [k, n]. */
function times(out: Float64Array, row: Float64Array, y: ArrayLike<number>, start: number, from: number, end: number): void {
  const n = out.length;
  out.fill(0);
  for (let p = from; p < end; p++) {
    const scale = row[p]!;
    const line = start + p * n;
    for (let j = 0; j < n; j++) out[j]! += scale * y[line + j]!;
  }
}

/** The same with y stored [n, k]. */
function timesTransposed(
  out: Float64Array,
  row: Float64Array,
  y: ArrayLike<number>,
  start: number,
  k: number,
  from: number,
  end: number,
): void {
  for (let j = 0; j < out.length; j++) {
    const line = start + j * k;
    let sum = 0;
    for (let p = from; p < end; p++) sum += row[p]! * y[line + p]!;
    out[j] = sum;
  }
}
