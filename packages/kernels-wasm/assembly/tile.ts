import { madd } from './simd';

/*
 * The products within a square of attention: C[6, 8] (+)= alpha · A[6, k] · B[k, 8] in twelve accumulators, with two loads and six splats a step.
 * Six rows and two vectors of columns are what sixteen registers hold. Two steps an iteration keep the loop's own work small.
 * At step p, B's eight columns lie at `b + p·bStep`; A's six rows lie from `a + p·aStep`, next to one another in `tilePacked` and TILE
 * floats apart in `tileRows`. `ldc` is in bytes.
 */

/** Tokens in one square of attention scores: a multiple of both 6 and 8. */
export const TILE: i32 = 48;

@inline
export function storeRow(c: usize, left: v128, right: v128, scale: v128, accumulate: bool): void {
  left = f32x4.mul(left, scale);
  right = f32x4.mul(right, scale);
  if (accumulate) {
    left = f32x4.add(left, v128.load(c));
    right = f32x4.add(right, v128.load(c, 16));
  }
  v128.store(c, left);
  v128.store(c, right, 16);
}

/** A's six elements of a step are adjacent: a packed panel (aStep 24), or the columns of a square of scores (aStep 192). */
export function tilePacked(a: usize, aStep: usize, b: usize, bStep: usize, k: i32, c: usize, ldc: usize, alpha: f32, accumulate: bool): void {
  let c00 = f32x4.splat(0);
  let c01 = f32x4.splat(0);
  let c10 = f32x4.splat(0);
  let c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0);
  let c21 = f32x4.splat(0);
  let c30 = f32x4.splat(0);
  let c31 = f32x4.splat(0);
  let c40 = f32x4.splat(0);
  let c41 = f32x4.splat(0);
  let c50 = f32x4.splat(0);
  let c51 = f32x4.splat(0);
  let b0: v128;
  let b1: v128;
  let s: v128;
  for (; k >= 2; k -= 2) {
    b0 = v128.load(b, 0);
    b1 = v128.load(b, 16);
    s = v128.load32_splat(a, 0);
    c00 = madd(s, b0, c00);
    c01 = madd(s, b1, c01);
    s = v128.load32_splat(a, 4);
    c10 = madd(s, b0, c10);
    c11 = madd(s, b1, c11);
    s = v128.load32_splat(a, 8);
    c20 = madd(s, b0, c20);
    c21 = madd(s, b1, c21);
    s = v128.load32_splat(a, 12);
    c30 = madd(s, b0, c30);
    c31 = madd(s, b1, c31);
    s = v128.load32_splat(a, 16);
    c40 = madd(s, b0, c40);
    c41 = madd(s, b1, c41);
    s = v128.load32_splat(a, 20);
    c50 = madd(s, b0, c50);
    c51 = madd(s, b1, c51);
    a += aStep;
    b += bStep;
    b0 = v128.load(b, 0);
    b1 = v128.load(b, 16);
    s = v128.load32_splat(a, 0);
    c00 = madd(s, b0, c00);
    c01 = madd(s, b1, c01);
    s = v128.load32_splat(a, 4);
    c10 = madd(s, b0, c10);
    c11 = madd(s, b1, c11);
    s = v128.load32_splat(a, 8);
    c20 = madd(s, b0, c20);
    c21 = madd(s, b1, c21);
    s = v128.load32_splat(a, 12);
    c30 = madd(s, b0, c30);
    c31 = madd(s, b1, c31);
    s = v128.load32_splat(a, 16);
    c40 = madd(s, b0, c40);
    c41 = madd(s, b1, c41);
    s = v128.load32_splat(a, 20);
    c50 = madd(s, b0, c50);
    c51 = madd(s, b1, c51);
    a += aStep;
    b += bStep;
  }
  if (k > 0) {
    b0 = v128.load(b, 0);
    b1 = v128.load(b, 16);
    s = v128.load32_splat(a, 0);
    c00 = madd(s, b0, c00);
    c01 = madd(s, b1, c01);
    s = v128.load32_splat(a, 4);
    c10 = madd(s, b0, c10);
    c11 = madd(s, b1, c11);
    s = v128.load32_splat(a, 8);
    c20 = madd(s, b0, c20);
    c21 = madd(s, b1, c21);
    s = v128.load32_splat(a, 12);
    c30 = madd(s, b0, c30);
    c31 = madd(s, b1, c31);
    s = v128.load32_splat(a, 16);
    c40 = madd(s, b0, c40);
    c41 = madd(s, b1, c41);
    s = v128.load32_splat(a, 20);
    c50 = madd(s, b0, c50);
    c51 = madd(s, b1, c51);
  }
  const scale = f32x4.splat(alpha);
  storeRow(c, c00, c01, scale, accumulate);
  storeRow(c + ldc, c10, c11, scale, accumulate);
  storeRow(c + 2 * ldc, c20, c21, scale, accumulate);
  storeRow(c + 3 * ldc, c30, c31, scale, accumulate);
  storeRow(c + 4 * ldc, c40, c41, scale, accumulate);
  storeRow(c + 5 * ldc, c50, c51, scale, accumulate);
}

/** A's rows are the rows of a square of scores, [6, TILE]. */
export function tileRows(a: usize, aStep: usize, b: usize, bStep: usize, k: i32, c: usize, ldc: usize, alpha: f32, accumulate: bool): void {
  let c00 = f32x4.splat(0);
  let c01 = f32x4.splat(0);
  let c10 = f32x4.splat(0);
  let c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0);
  let c21 = f32x4.splat(0);
  let c30 = f32x4.splat(0);
  let c31 = f32x4.splat(0);
  let c40 = f32x4.splat(0);
  let c41 = f32x4.splat(0);
  let c50 = f32x4.splat(0);
  let c51 = f32x4.splat(0);
  let b0: v128;
  let b1: v128;
  let s: v128;
  for (; k >= 2; k -= 2) {
    b0 = v128.load(b, 0);
    b1 = v128.load(b, 16);
    s = v128.load32_splat(a, 0);
    c00 = madd(s, b0, c00);
    c01 = madd(s, b1, c01);
    s = v128.load32_splat(a, 192);
    c10 = madd(s, b0, c10);
    c11 = madd(s, b1, c11);
    s = v128.load32_splat(a, 384);
    c20 = madd(s, b0, c20);
    c21 = madd(s, b1, c21);
    s = v128.load32_splat(a, 576);
    c30 = madd(s, b0, c30);
    c31 = madd(s, b1, c31);
    s = v128.load32_splat(a, 768);
    c40 = madd(s, b0, c40);
    c41 = madd(s, b1, c41);
    s = v128.load32_splat(a, 960);
    c50 = madd(s, b0, c50);
    c51 = madd(s, b1, c51);
    a += aStep;
    b += bStep;
    b0 = v128.load(b, 0);
    b1 = v128.load(b, 16);
    s = v128.load32_splat(a, 0);
    c00 = madd(s, b0, c00);
    c01 = madd(s, b1, c01);
    s = v128.load32_splat(a, 192);
    c10 = madd(s, b0, c10);
    c11 = madd(s, b1, c11);
    s = v128.load32_splat(a, 384);
    c20 = madd(s, b0, c20);
    c21 = madd(s, b1, c21);
    s = v128.load32_splat(a, 576);
    c30 = madd(s, b0, c30);
    c31 = madd(s, b1, c31);
    s = v128.load32_splat(a, 768);
    c40 = madd(s, b0, c40);
    c41 = madd(s, b1, c41);
    s = v128.load32_splat(a, 960);
    c50 = madd(s, b0, c50);
    c51 = madd(s, b1, c51);
    a += aStep;
    b += bStep;
  }
  if (k > 0) {
    b0 = v128.load(b, 0);
    b1 = v128.load(b, 16);
    s = v128.load32_splat(a, 0);
    c00 = madd(s, b0, c00);
    c01 = madd(s, b1, c01);
    s = v128.load32_splat(a, 192);
    c10 = madd(s, b0, c10);
    c11 = madd(s, b1, c11);
    s = v128.load32_splat(a, 384);
    c20 = madd(s, b0, c20);
    c21 = madd(s, b1, c21);
    s = v128.load32_splat(a, 576);
    c30 = madd(s, b0, c30);
    c31 = madd(s, b1, c31);
    s = v128.load32_splat(a, 768);
    c40 = madd(s, b0, c40);
    c41 = madd(s, b1, c41);
    s = v128.load32_splat(a, 960);
    c50 = madd(s, b0, c50);
    c51 = madd(s, b1, c51);
  }
  const scale = f32x4.splat(alpha);
  storeRow(c, c00, c01, scale, accumulate);
  storeRow(c + ldc, c10, c11, scale, accumulate);
  storeRow(c + 2 * ldc, c20, c21, scale, accumulate);
  storeRow(c + 3 * ldc, c30, c31, scale, accumulate);
  storeRow(c + 4 * ldc, c40, c41, scale, accumulate);
  storeRow(c + 5 * ldc, c50, c51, scale, accumulate);
}
