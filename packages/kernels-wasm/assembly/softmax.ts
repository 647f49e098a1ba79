import { expSmall4, log1 } from './exp';
import { loadPart, promoteHigh, rowDot, rowMax, rowSum, storePart, sumLanes64 } from './simd';

/*
 * Softmax of rows: greatest element, exponentials and their sum (in float64 lanes), one division.
 */

/** Σ exp(x - shift), the terms stored to `out` unless it is 0. */
export function sumExp(out: usize, x: usize, n: i32, shift: f32): f64 {
  const s = f32x4.splat(shift);
  let a = f64x2.splat(0);
  let b = a;
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    const e = expSmall4(f32x4.sub(v128.load(x + (<usize>i << 2)), s));
    if (out != 0) v128.store(out + (<usize>i << 2), e);
    a = f64x2.add(a, f64x2.promote_low_f32x4(e));
    b = f64x2.add(b, promoteHigh(e));
  }
  let sum = sumLanes64(f64x2.add(a, b));
  if (i < n) {
    const e = expSmall4(f32x4.sub(loadPart(x + (<usize>i << 2), n - i), s));
    if (out != 0) storePart(out + (<usize>i << 2), e, n - i);
    for (let j = i; j < n; j++) sum += <f64>(j == i ? f32x4.extract_lane(e, 0) : j == i + 1 ? f32x4.extract_lane(e, 1) : f32x4.extract_lane(e, 2));
  }
  return sum;
}

export function softmax(out: usize, x: usize, rows: i32, n: i32, log: bool): void {
  const bytes = <usize>n << 2;
  for (; rows > 0; rows--) {
    const m = rowMax(x, n);
    if (log) {
      const sum = sumExp(0, x, n, m);
      subtract(out, x, n, m, log1(<f32>sum));
    } else {
      const sum = sumExp(out, x, n, m);
      scale(out, n, <f32>(1 / sum));
    }
    out += bytes;
    x += bytes;
  }
}

function scale(x: usize, n: i32, factor: f32): void {
  const f = f32x4.splat(factor);
  let i = 0;
  for (; i + 4 <= n; i += 4) v128.store(x + (<usize>i << 2), f32x4.mul(v128.load(x + (<usize>i << 2)), f));
  for (; i < n; i++) store<f32>(x + (<usize>i << 2), load<f32>(x + (<usize>i << 2)) * factor);
}

/** out = (x - a) - b: in two steps, as a may be large. */
function subtract(out: usize, x: usize, n: i32, a: f32, b: f32): void {
  const u = f32x4.splat(a);
  const v = f32x4.splat(b);
  let i = 0;
  for (; i + 4 <= n; i += 4) v128.store(out + (<usize>i << 2), f32x4.sub(f32x4.sub(v128.load(x + (<usize>i << 2)), u), v));
  for (; i < n; i++) store<f32>(out + (<usize>i << 2), load<f32>(x + (<usize>i << 2)) - a - b);
}

/** dx = y (dy - Σ dy·y), or for log-softmax dx = dy - exp(y) Σ dy. */
export function softmaxGrad(dx: usize, dy: usize, y: usize, rows: i32, n: i32, log: bool): void {
  const bytes = <usize>n << 2;
  for (; rows > 0; rows--) {
    const sum = f32x4.splat(<f32>(log ? rowSum(dy, n) : rowDot(dy, y, n)));
    for (let i = 0; i < n; i += 4) {
      const o = <usize>i << 2;
      const left = n - i;
      const g = left >= 4 ? v128.load(dy + o) : loadPart(dy + o, left);
      const p = left >= 4 ? v128.load(y + o) : loadPart(y + o, left);
      const v = log ? f32x4.sub(g, f32x4.mul(expSmall4(p), sum)) : f32x4.mul(p, f32x4.sub(g, sum));
      if (left >= 4) v128.store(dx + o, v);
      else storePart(dx + o, v, left);
    }
    dx += bytes;
    dy += bytes;
    y += bytes;
  }
}
