import { promoteHigh, rowMax, rowMin, sumLanes64 } from './simd';

/*
 * Reductions of [outer, n, inner] over n. Sums and products of float32 run in float64 lanes, so a million terms lose nothing.
 * Codes: 0 sum, 1 prod, 2 max, 3 min.
 */

function rowSum64(x: usize, n: i32): f64 {
  let a = f64x2.splat(0);
  let b = a;
  let c = a;
  let d = a;
  let i = 0;
  for (; i + 8 <= n; i += 8) {
    const u = v128.load(x + (<usize>i << 2));
    const v = v128.load(x + (<usize>i << 2), 16);
    a = f64x2.add(a, f64x2.promote_low_f32x4(u));
    b = f64x2.add(b, promoteHigh(u));
    c = f64x2.add(c, f64x2.promote_low_f32x4(v));
    d = f64x2.add(d, promoteHigh(v));
  }
  let sum = sumLanes64(f64x2.add(f64x2.add(a, b), f64x2.add(c, d)));
  for (; i < n; i++) sum += <f64>load<f32>(x + (<usize>i << 2));
  return sum;
}

function rowProduct64(x: usize, n: i32): f64 {
  let product: f64 = 1;
  for (let i = 0; i < n; i++) product *= <f64>load<f32>(x + (<usize>i << 2));
  return product;
}

function row(code: i32, x: usize, n: i32): f32 {
  if (code == 0) return <f32>rowSum64(x, n);
  if (code == 1) return <f32>rowProduct64(x, n);
  return code == 2 ? rowMax(x, n) : rowMin(x, n);
}

/** One column of n elements, `step` bytes apart. */
function column(code: i32, x: usize, n: i32, step: usize): f32 {
  let sum: f64 = code == 1 ? 1 : 0;
  let extreme: f32 = code == 2 ? -Infinity : Infinity;
  for (; n > 0; n--) {
    const v = load<f32>(x);
    if (code == 0) sum += <f64>v;
    else if (code == 1) sum *= <f64>v;
    else extreme = code == 2 ? max(extreme, v) : min(extreme, v);
    x += step;
  }
  return code < 2 ? <f32>sum : extreme;
}

/** Sixteen columns at once: a cache line of each row. */
function sumColumns16(out: usize, x: usize, n: i32, step: usize): void {
  let a = f64x2.splat(0);
  let b = a;
  let c = a;
  let d = a;
  let e = a;
  let f = a;
  let g = a;
  let h = a;
  for (; n > 0; n--) {
    let v = v128.load(x);
    a = f64x2.add(a, f64x2.promote_low_f32x4(v));
    b = f64x2.add(b, promoteHigh(v));
    v = v128.load(x, 16);
    c = f64x2.add(c, f64x2.promote_low_f32x4(v));
    d = f64x2.add(d, promoteHigh(v));
    v = v128.load(x, 32);
    e = f64x2.add(e, f64x2.promote_low_f32x4(v));
    f = f64x2.add(f, promoteHigh(v));
    v = v128.load(x, 48);
    g = f64x2.add(g, f64x2.promote_low_f32x4(v));
    h = f64x2.add(h, promoteHigh(v));
    x += step;
  }
  storeDemoted(out, a, b);
  storeDemoted(out + 16, c, d);
  storeDemoted(out + 32, e, f);
  storeDemoted(out + 48, g, h);
}

@inline
function storeDemoted(out: usize, low: v128, high: v128): void {
  const a = f32x4.demote_f64x2_zero(low);
  const b = f32x4.demote_f64x2_zero(high);
  v128.store(out, i8x16.shuffle(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23));
}

function extremeColumns4(greatest: bool, out: usize, x: usize, n: i32, step: usize): void {
  let a = f32x4.splat(greatest ? -Infinity : Infinity);
  for (; n > 0; n--) {
    const v = v128.load(x);
    a = greatest ? f32x4.max(a, v) : f32x4.min(a, v);
    x += step;
  }
  v128.store(out, a);
}

export function reduceFloat(code: i32, out: usize, x: usize, outer: i32, n: i32, inner: i32): void {
  const step = <usize>inner << 2;
  for (; outer > 0; outer--) {
    let j = 0;
    if (inner == 1) {
      store<f32>(out, row(code, x, n));
    } else {
      if (code == 0) for (; j + 16 <= inner; j += 16) sumColumns16(out + (<usize>j << 2), x + (<usize>j << 2), n, step);
      if (code > 1) for (; j + 4 <= inner; j += 4) extremeColumns4(code == 2, out + (<usize>j << 2), x + (<usize>j << 2), n, step);
      for (; j < inner; j++) store<f32>(out + (<usize>j << 2), column(code, x + (<usize>j << 2), n, step));
    }
    out += step;
    x += step * <usize>n;
  }
}

/** int32 (`bytes` 4) or bool (`bytes` 1). */
export function reduceInt(code: i32, bytes: i32, out: usize, x: usize, outer: i32, n: i32, inner: i32): void {
  const step = <usize>(inner * bytes);
  for (; outer > 0; outer--) {
    for (let j = 0; j < inner; j++) {
      let from = x + j * bytes;
      let y = code == 0 ? 0 : code == 1 ? 1 : code == 2 ? (bytes == 4 ? i32.MIN_VALUE : 0) : bytes == 4 ? i32.MAX_VALUE : 1;
      for (let i = 0; i < n; i++) {
        const v = bytes == 4 ? load<i32>(from) : <i32>load<u8>(from);
        y = code == 0 ? y + v : code == 1 ? y * v : code == 2 ? max(y, v) : min(y, v);
        from += step;
      }
      if (bytes == 4) store<i32>(out + (<usize>j << 2), y);
      else store<u8>(out + j, y != 0 ? 1 : 0);
    }
    out += step;
    x += step * <usize>n;
  }
}

export function combineFloat(code: i32, a: f32, b: f32): f32 {
  if (code == 0) return a + b;
  if (code == 1) return a * b;
  return code == 2 ? max(a, b) : min(a, b);
}

export function combineInt(code: i32, a: i32, b: i32): i32 {
  if (code == 0) return a + b;
  if (code == 1) return a * b;
  return code == 2 ? max(a, b) : min(a, b);
}

/** Element i along the axis is the reduction of elements 0 … i. Sums and products run in float64. */
export function cumulateFloat(code: i32, out: usize, x: usize, outer: i32, n: i32, inner: i32): void {
  const step = <usize>inner << 2;
  for (; outer > 0; outer--) {
    for (let j = 0; j < inner; j++) {
      let at = <usize>j << 2;
      let total: f64 = code == 1 ? 1 : 0;
      let extreme: f32 = code == 2 ? -Infinity : Infinity;
      for (let i = 0; i < n; i++) {
        const v = load<f32>(x + at);
        if (code == 0) total += <f64>v;
        else if (code == 1) total *= <f64>v;
        else extreme = combineFloat(code, extreme, v);
        store<f32>(out + at, code < 2 ? <f32>total : extreme);
        at += step;
      }
    }
    out += step * <usize>n;
    x += step * <usize>n;
  }
}

export function cumulateInt(code: i32, out: usize, x: usize, outer: i32, n: i32, inner: i32): void {
  const step = <usize>inner << 2;
  for (; outer > 0; outer--) {
    for (let j = 0; j < inner; j++) {
      let at = <usize>j << 2;
      let y = 0;
      for (let i = 0; i < n; i++) {
        const v = load<i32>(x + at);
        y = i == 0 ? v : combineInt(code, y, v);
        store<i32>(out + at, y);
        at += step;
      }
    }
    out += step * <usize>n;
    x += step * <usize>n;
  }
}

export function argmaxFloat(out: usize, x: usize, outer: i32, n: i32, inner: i32, least: bool): void {
  const step = <usize>inner << 2;
  for (; outer > 0; outer--) {
    for (let j = 0; j < inner; j++) {
      let from = x + (<usize>j << 2);
      let best = load<f32>(from);
      let index = 0;
      for (let i = 1; i < n && best == best; i++) {
        from += step;
        const v = load<f32>(from);
        // Not "v > best": a NaN counts as the extreme, and ends the search.
        if (least ? !(v >= best) : !(v <= best)) {
          best = v;
          index = i;
        }
      }
      store<i32>(out + (<usize>j << 2), index);
    }
    out += step;
    x += step * <usize>n;
  }
}

/** int32 (`bytes` 4) or bool (`bytes` 1). */
export function argmaxInt(bytes: i32, out: usize, x: usize, outer: i32, n: i32, inner: i32, least: bool): void {
  for (; outer > 0; outer--) {
    for (let j = 0; j < inner; j++) {
      let best = 0;
      let index = 0;
      for (let i = 0; i < n; i++) {
        const from = x + (i * inner + j) * bytes;
        const v = bytes == 4 ? load<i32>(from) : <i32>load<u8>(from);
        if (i == 0 || (least ? v < best : v > best)) {
          best = v;
          index = i;
        }
      }
      store<i32>(out + (<usize>j << 2), index);
    }
    out += <usize>inner << 2;
    x += n * inner * bytes;
  }
}
