import { madd } from './simd';
import { storeRow } from './tile';

/*
 * The heart of matrix products: C[6, 8] (+)= alpha · A[6, k] · B[k, 8], where every element of A lies there four times (`splatRows`), so that
 * all operands of a step are plain loads at constant distances. Twelve accumulators, two vectors of B and one of A are the fifteen registers
 * that V8 has to give, and eight loads beside twelve multiply-adds are no more than the processor makes in the same time.
 * The two steps of an iteration are parted by a branch: V8 would otherwise mix them and run out of registers.
 * Each also reads a word at `ahead`, which moves on by `step`: what the next tile needs is then on its way. WebAssembly has no prefetch: the
 * words are returned, so that the compiler does not leave their reading out.
 */
export function tileSplat(
  a: usize, b: usize, ahead: usize, step: usize, k: i32, c: usize, ldc: usize, alpha: f32, accumulate: bool,
): i32 {
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
  let seen: i32 = 0;
  while (k > 0) {
    b0 = v128.load(b, 0);
    b1 = v128.load(b, 16);
    s = v128.load(a, 0);
    c00 = madd(s, b0, c00);
    c01 = madd(s, b1, c01);
    s = v128.load(a, 16);
    c10 = madd(s, b0, c10);
    c11 = madd(s, b1, c11);
    s = v128.load(a, 32);
    c20 = madd(s, b0, c20);
    c21 = madd(s, b1, c21);
    s = v128.load(a, 48);
    c30 = madd(s, b0, c30);
    c31 = madd(s, b1, c31);
    s = v128.load(a, 64);
    c40 = madd(s, b0, c40);
    c41 = madd(s, b1, c41);
    s = v128.load(a, 80);
    c50 = madd(s, b0, c50);
    c51 = madd(s, b1, c51);
    if (k == 1) break;
    seen |= load<i32>(ahead);
    ahead += step;
    b0 = v128.load(b, 32);
    b1 = v128.load(b, 48);
    s = v128.load(a, 96);
    c00 = madd(s, b0, c00);
    c01 = madd(s, b1, c01);
    s = v128.load(a, 112);
    c10 = madd(s, b0, c10);
    c11 = madd(s, b1, c11);
    s = v128.load(a, 128);
    c20 = madd(s, b0, c20);
    c21 = madd(s, b1, c21);
    s = v128.load(a, 144);
    c30 = madd(s, b0, c30);
    c31 = madd(s, b1, c31);
    s = v128.load(a, 160);
    c40 = madd(s, b0, c40);
    c41 = madd(s, b1, c41);
    s = v128.load(a, 176);
    c50 = madd(s, b0, c50);
    c51 = madd(s, b1, c51);
    a += 192;
    b += 64;
    k -= 2;
  }
  const scale = f32x4.splat(alpha);
  storeRow(c, c00, c01, scale, accumulate);
  storeRow(c + ldc, c10, c11, scale, accumulate);
  storeRow(c + 2 * ldc, c20, c21, scale, accumulate);
  storeRow(c + 3 * ldc, c30, c31, scale, accumulate);
  storeRow(c + 4 * ldc, c40, c41, scale, accumulate);
  storeRow(c + 5 * ldc, c50, c51, scale, accumulate);
  return seen;
}

/** The same for four rows, [4, 8]: what is left over when rows are counted by sixes. */
export function tileSplat4(
  a: usize, b: usize, ahead: usize, step: usize, k: i32, c: usize, ldc: usize, alpha: f32, accumulate: bool,
): i32 {
  let c00 = f32x4.splat(0);
  let c01 = f32x4.splat(0);
  let c10 = f32x4.splat(0);
  let c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0);
  let c21 = f32x4.splat(0);
  let c30 = f32x4.splat(0);
  let c31 = f32x4.splat(0);
  let b0: v128;
  let b1: v128;
  let s: v128;
  let seen: i32 = 0;
  const half = step >> 1;
  while (k > 0) {
    b0 = v128.load(b, 0);
    b1 = v128.load(b, 16);
    s = v128.load(a, 0);
    c00 = madd(s, b0, c00);
    c01 = madd(s, b1, c01);
    s = v128.load(a, 16);
    c10 = madd(s, b0, c10);
    c11 = madd(s, b1, c11);
    s = v128.load(a, 32);
    c20 = madd(s, b0, c20);
    c21 = madd(s, b1, c21);
    s = v128.load(a, 48);
    c30 = madd(s, b0, c30);
    c31 = madd(s, b1, c31);
    seen |= load<i32>(ahead);
    ahead += half;
    a += 64;
    b += 32;
    k--;
  }
  const scale = f32x4.splat(alpha);
  storeRow(c, c00, c01, scale, accumulate);
  storeRow(c + ldc, c10, c11, scale, accumulate);
  storeRow(c + 2 * ldc, c20, c21, scale, accumulate);
  storeRow(c + 3 * ldc, c30, c31, scale, accumulate);
  return seen;
}
