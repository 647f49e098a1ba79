import { expSmall4, log1 } from './exp';
import { loadPart, rowMax, rowSum, storePart } from './simd';
import { sumExp } from './softmax';

/*
 * Cross-entropy of rows of logits, with label smoothing s: (1 - s)(lse - x[target]) + s (lse - mean(x)).
 */

/** The place of the first target that is neither `ignore` nor in [0, classes), or -1. */
export function badTarget(targets: usize, rows: i32, classes: i32, ignore: i32): i32 {
  for (let i = 0; i < rows; i++) {
    const t = load<i32>(targets + (<usize>i << 2));
    if (t != ignore && <u32>t >= <u32>classes) return i;
  }
  return -1;
}

export function crossEntropy(loss: usize, lse: usize, x: usize, targets: usize, rows: i32, n: i32, ignore: i32, smoothing: f64): void {
  for (let i = 0; i < rows; i++) {
    const o = <usize>i << 2;
    const m = rowMax(x, n);
    const logSum = <f64>log1(<f32>sumExp(0, x, n, m));
    const target = load<i32>(targets + o);
    let y: f64 = 0;
    if (target != ignore) {
      // Each difference from the greatest logit first: large logits would swallow the sum's logarithm.
      y = (1 - smoothing) * (logSum - (<f64>load<f32>(x + (<usize>target << 2)) - <f64>m));
      if (smoothing != 0) y += smoothing * (logSum - (rowSum(x, n) / <f64>n - <f64>m));
    }
    store<f32>(loss + o, <f32>y);
    store<f32>(lse + o, <f32>(<f64>m + logSum));
    x += <usize>n << 2;
  }
}

export function crossEntropyGrad(
  dx: usize, dLoss: usize, x: usize, lse: usize, targets: usize, rows: i32, n: i32, ignore: i32, smoothing: f64,
): void {
  const bytes = <usize>n << 2;
  const spread = f32x4.splat(<f32>(smoothing / <f64>n));
  for (let i = 0; i < rows; i++) {
    const target = load<i32>(targets + (<usize>i << 2));
    const d = load<f32>(dLoss + (<usize>i << 2));
    if (target == ignore) memory.fill(dx, 0, bytes);
    else {
      gradRow(dx, x, load<f32>(lse + (<usize>i << 2)), spread, d, n);
      const p = dx + (<usize>target << 2);
      store<f32>(p, load<f32>(p) - <f32>(1 - smoothing) * d);
    }
    dx += bytes;
    x += bytes;
  }
}

function gradRow(dx: usize, x: usize, lse: f32, spread: v128, d: f32, n: i32): void {
  const l = f32x4.splat(lse);
  const dv = f32x4.splat(d);
  for (let i = 0; i < n; i += 4) {
    const o = <usize>i << 2;
    const left = n - i;
    const v = left >= 4 ? v128.load(x + o) : loadPart(x + o, left);
    const y = f32x4.mul(dv, f32x4.sub(expSmall4(f32x4.sub(v, l)), spread));
    if (left >= 4) v128.store(dx + o, y);
    else storePart(dx + o, y, left);
  }
}
