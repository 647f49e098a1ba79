import { get, madd, nmadd, put, rowDot, rowSquares, rowSum } from './simd';

/*
 * Layer norm (with mean) and RMS norm (without), over rows of n elements, and their gradients.
 */

/** `weight` and `bias` may be 0. */
export function layerNorm(out: usize, mean: usize, rstd: usize, x: usize, weight: usize, bias: usize, rows: i32, n: i32, eps: f64): void {
  const bytes = <usize>n << 2;
  for (; rows > 0; rows--) {
    const exact = rowSum(x, n) / <f64>n;
    const m = <f32>exact;
    // What rounding the mean lost: it matters where the mean is large beside the spread.
    const lost = exact - <f64>m;
    const variance = max(rowSquares(x, n, m) / <f64>n - lost * lost, 0);
    const r = <f32>(1 / sqrt(variance + eps));
    store<f32>(mean, m);
    store<f32>(rstd, r);
    normalise(out, x, weight, bias, n, m, <f32>lost, r);
    out += bytes;
    x += bytes;
    mean += 4;
    rstd += 4;
  }
}

/** out = ((x - m) - lost) r · weight + bias. */
function normalise(out: usize, x: usize, weight: usize, bias: usize, n: i32, m: f32, lost: f32, r: f32): void {
  const mv = f32x4.splat(m);
  const lv = f32x4.splat(lost);
  const rv = f32x4.splat(r);
  for (let i = 0; i < n; i += 4) {
    const o = <usize>i << 2;
    let v = f32x4.mul(f32x4.sub(f32x4.sub(get(x + o, n - i), mv), lv), rv);
    if (weight != 0) v = f32x4.mul(v, get(weight + o, n - i));
    if (bias != 0) v = f32x4.add(v, get(bias + o, n - i));
    put(out + o, v, n - i);
  }
}

export function rmsNorm(out: usize, rstd: usize, x: usize, weight: usize, rows: i32, n: i32, eps: f64): void {
  const bytes = <usize>n << 2;
  for (; rows > 0; rows--) {
    const r = <f32>(1 / sqrt(rowDot(x, x, n) / <f64>n + eps));
    store<f32>(rstd, r);
    normalise(out, x, weight, 0, n, 0, 0, r);
    out += bytes;
    x += bytes;
    rstd += 4;
  }
}

/** Rows whose weight gradients are summed by themselves before they are added to the total: sums stay shallow. */
const BLOCK: i32 = 64;

/**
 * With g = dy · weight and x̂ = (x - mean) rstd: dx = rstd (g - mean(g) - x̂ mean(g x̂)), and to `sums` [2, n] go Σ dy x̂ and Σ dy.
 * `mean` 0 means RMS norm, without mean(g). `weight` may be 0. `scratch` has room for 2 n floats.
 */
export function normGrad(
  dx: usize, sums: usize, dy: usize, x: usize, weight: usize, mean: usize, rstd: usize, rows: i32, n: i32, scratch: usize,
): void {
  const bytes = <usize>n << 2;
  memory.fill(sums, 0, 2 * bytes);
  for (let i = 0; i < rows; i += BLOCK) {
    const count = min(BLOCK, rows - i);
    memory.fill(scratch, 0, 2 * bytes);
    for (let j = i; j < i + count; j++) {
      const row = <usize>j * bytes;
      const m: f32 = mean == 0 ? 0 : load<f32>(mean + (<usize>j << 2));
      rowGrad(dx + row, scratch, scratch + bytes, dy + row, x + row, weight, mean != 0, m, load<f32>(rstd + (<usize>j << 2)), n);
    }
    addRow(sums, scratch, 2 * n);
  }
}

/** out = Σ of `count` rows of n floats, `step` bytes apart. */
export function sumRows(out: usize, x: usize, count: i32, step: usize, n: i32): void {
  memory.copy(out, x, <usize>n << 2);
  for (let i = 1; i < count; i++) addRow(out, x + <usize>i * step, n);
}

function addRow(out: usize, x: usize, n: i32): void {
  for (let i = 0; i < n; i += 4) {
    const o = <usize>i << 2;
    put(out + o, f32x4.add(get(out + o, n - i), get(x + o, n - i)), n - i);
  }
}

function rowGrad(dx: usize, sumWeight: usize, sumBias: usize, dy: usize, x: usize, weight: usize, centred: bool, mean: f32, rstd: f32, n: i32): void {
  const mv = f32x4.splat(mean);
  const rv = f32x4.splat(rstd);
  let g = f32x4.splat(0);
  let gx = g;
  for (let i = 0; i < n; i += 4) {
    const o = <usize>i << 2;
    const left = n - i;
    const d = get(dy + o, left);
    const h = f32x4.mul(f32x4.sub(get(x + o, left), mv), rv);
    const v = weight == 0 ? d : f32x4.mul(d, get(weight + o, left));
    g = f32x4.add(g, v);
    gx = madd(v, h, gx);
    put(sumWeight + o, madd(d, h, get(sumWeight + o, left)), left);
    put(sumBias + o, f32x4.add(d, get(sumBias + o, left)), left);
  }
  const meanG = f32x4.splat(centred ? sum4(g) / <f32>n : 0);
  const meanGx = f32x4.splat(sum4(gx) / <f32>n);
  for (let i = 0; i < n; i += 4) {
    const o = <usize>i << 2;
    const left = n - i;
    const d = get(dy + o, left);
    const h = f32x4.mul(f32x4.sub(get(x + o, left), mv), rv);
    const v = weight == 0 ? d : f32x4.mul(d, get(weight + o, left));
    put(dx + o, f32x4.mul(nmadd(h, meanGx, f32x4.sub(v, meanG)), rv), left);
  }
}

@inline
function sum4(v: v128): f32 {
  return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
}
