/*
 * The words that every kernel is written in. Vectors are four float32 lanes.
 * Kernels may read (never write) up to 64 bytes past the end of an array: the heap keeps that much slack behind its last block, and what
 * is read there stays in lanes that are never stored.
 */

/** a · b + c: one rounding where the engine has relaxed SIMD, two elsewhere. */
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** c - a · b. */
@inline
export function nmadd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_nmadd(a, b, c);
  return f32x4.sub(c, f32x4.mul(a, b));
}

/** The first `n` (1 to 3) floats at `p`, then zeros. */
export function loadPart(p: usize, n: i32): v128 {
  if (n == 1) return v128.load32_zero(p);
  if (n == 2) return v128.load64_zero(p);
  return v128.load32_lane(p, v128.load64_zero(p), 2, 8);
}

/** Stores the first `n` (1 to 3) lanes. */
export function storePart(p: usize, v: v128, n: i32): void {
  if (n == 1) {
    v128.store32_lane(p, v, 0);
    return;
  }
  v128.store64_lane(p, v, 0);
  if (n == 3) v128.store32_lane(p, v, 2, 8);
}

/** Four floats at `p`, of which `left` exist. */
@inline
export function get(p: usize, left: i32): v128 {
  return left >= 4 ? v128.load(p) : loadPart(p, left);
}

/** The same the other way. */
@inline
export function put(p: usize, v: v128, left: i32): void {
  if (left >= 4) v128.store(p, v);
  else storePart(p, v, left);
}

@inline
export function sumLanes(v: v128): f32 {
  const w = f32x4.add(v, i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  return f32x4.extract_lane(w, 0) + f32x4.extract_lane(w, 1);
}

/** NaN wins. */
@inline
export function maxLanes(v: v128): f32 {
  return max(max(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1)), max(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)));
}

/** NaN wins. */
@inline
export function minLanes(v: v128): f32 {
  return min(min(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1)), min(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)));
}

/** Lanes 2 and 3 as two doubles. */
@inline
export function promoteHigh(v: v128): v128 {
  return f64x2.promote_low_f32x4(i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15));
}

@inline
export function sumLanes64(v: v128): f64 {
  return f64x2.extract_lane(v, 0) + f64x2.extract_lane(v, 1);
}

/*
 * Sums of a row of float32: blocks of 256 elements in sixteen float32 lanes (16 deep), the blocks in float64.
 */
const BLOCK: i32 = 256;

/** Σ x. */
export function rowSum(x: usize, n: i32): f64 {
  let total: f64 = 0;
  for (let i = 0; i < n; i += BLOCK) {
    const end = min(i + BLOCK, n);
    let a = f32x4.splat(0);
    let b = a;
    let j = i;
    for (; j + 8 <= end; j += 8) {
      a = f32x4.add(a, v128.load(x + (<usize>j << 2)));
      b = f32x4.add(b, v128.load(x + (<usize>j << 2), 16));
    }
    for (; j + 4 <= end; j += 4) a = f32x4.add(a, v128.load(x + (<usize>j << 2)));
    if (j < end) b = f32x4.add(b, loadPart(x + (<usize>j << 2), end - j));
    total += <f64>sumLanes(f32x4.add(a, b));
  }
  return total;
}

/** Σ (x - shift)². */
export function rowSquares(x: usize, n: i32, shift: f32): f64 {
  const s = f32x4.splat(shift);
  let total: f64 = 0;
  for (let i = 0; i < n; i += BLOCK) {
    const end = min(i + BLOCK, n);
    let a = f32x4.splat(0);
    let b = a;
    let j = i;
    for (; j + 8 <= end; j += 8) {
      const u = f32x4.sub(v128.load(x + (<usize>j << 2)), s);
      const v = f32x4.sub(v128.load(x + (<usize>j << 2), 16), s);
      a = madd(u, u, a);
      b = madd(v, v, b);
    }
    let sum = sumLanes(f32x4.add(a, b));
    for (; j < end; j++) {
      const u = load<f32>(x + (<usize>j << 2)) - shift;
      sum += u * u;
    }
    total += <f64>sum;
  }
  return total;
}

/** Σ a · b. */
export function rowDot(x: usize, y: usize, n: i32): f64 {
  let total: f64 = 0;
  for (let i = 0; i < n; i += BLOCK) {
    const end = min(i + BLOCK, n);
    let a = f32x4.splat(0);
    let b = a;
    let j = i;
    for (; j + 8 <= end; j += 8) {
      const o = <usize>j << 2;
      a = madd(v128.load(x + o), v128.load(y + o), a);
      b = madd(v128.load(x + o, 16), v128.load(y + o, 16), b);
    }
    let sum = sumLanes(f32x4.add(a, b));
    for (; j < end; j++) sum += load<f32>(x + (<usize>j << 2)) * load<f32>(y + (<usize>j << 2));
    total += <f64>sum;
  }
  return total;
}

/** The greatest element, NaN if there is one, -∞ of nothing. */
export function rowMax(x: usize, n: i32): f32 {
  let a = f32x4.splat(-Infinity);
  let b = a;
  let i = 0;
  for (; i + 8 <= n; i += 8) {
    a = f32x4.max(a, v128.load(x + (<usize>i << 2)));
    b = f32x4.max(b, v128.load(x + (<usize>i << 2), 16));
  }
  let m = maxLanes(f32x4.max(a, b));
  for (; i < n; i++) m = max(m, load<f32>(x + (<usize>i << 2)));
  return m;
}

/** The least element, NaN if there is one, ∞ of nothing. */
export function rowMin(x: usize, n: i32): f32 {
  let a = f32x4.splat(Infinity);
  let i = 0;
  for (; i + 4 <= n; i += 4) a = f32x4.min(a, v128.load(x + (<usize>i << 2)));
  let m = minLanes(a);
  for (; i < n; i++) m = min(m, load<f32>(x + (<usize>i << 2)));
  return m;
}
