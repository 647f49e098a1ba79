import { loadPart, storePart } from './simd';
import { storeMask } from './elementwise';

/*
 * Philox 4x32-10, four blocks at a time: lane i of every vector belongs to block counter + i. Bits equal to `fillRandom` of
 * @multihead/tensor, which is the definition. Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 */

// The low and high words of the products of lanes by a constant.
@inline
function low(even: v128, odd: v128): v128 {
  return i8x16.shuffle(even, odd, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
}

@inline
function high(even: v128, odd: v128): v128 {
  return i8x16.shuffle(even, odd, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
}

@inline
function lanes(a: i32, b: i32, c: i32, d: i32): v128 {
  return i32x4.replace_lane(i32x4.replace_lane(i32x4.replace_lane(i32x4.splat(a), 1, b), 2, c), 3, d);
}

/** Sixteen words, in order, to `out`. */
function philox4(out: usize, seed: u64, counter: u64): void {
  const m0 = i32x4.splat(0xd2511f53);
  const m1 = i32x4.splat(0xcd9e8d57);
  let c0 = lanes(<i32>counter, <i32>(counter + 1), <i32>(counter + 2), <i32>(counter + 3));
  let c1 = lanes(<i32>(counter >> 32), <i32>((counter + 1) >> 32), <i32>((counter + 2) >> 32), <i32>((counter + 3) >> 32));
  let c2 = i32x4.splat(0);
  let c3 = c2;
  let k0 = <i32>seed;
  let k1 = <i32>(seed >> 32);
  for (let round = 0; round < 10; round++) {
    const even0 = i64x2.extmul_low_i32x4_u(c0, m0);
    const odd0 = i64x2.extmul_high_i32x4_u(c0, m0);
    const even1 = i64x2.extmul_low_i32x4_u(c2, m1);
    const odd1 = i64x2.extmul_high_i32x4_u(c2, m1);
    c0 = v128.xor(v128.xor(high(even1, odd1), c1), i32x4.splat(k0));
    c1 = low(even1, odd1);
    c2 = v128.xor(v128.xor(high(even0, odd0), c3), i32x4.splat(k1));
    c3 = low(even0, odd0);
    k0 += 0x9e3779b9;
    k1 += 0xbb67ae85;
  }
  // Word w of block b stands in lane b of cw; the stream wants blocks one after another.
  const ab = i8x16.shuffle(c0, c1, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
  const cd = i8x16.shuffle(c2, c3, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
  const AB = i8x16.shuffle(c0, c1, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
  const CD = i8x16.shuffle(c2, c3, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
  v128.store(out, i8x16.shuffle(ab, cd, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23));
  v128.store(out, i8x16.shuffle(ab, cd, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31), 16);
  v128.store(out, i8x16.shuffle(AB, CD, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23), 32);
  v128.store(out, i8x16.shuffle(AB, CD, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31), 48);
}

@inline
function join(high: u32, low: u32): u64 {
  return (<u64>high << 32) | <u64>low;
}

@inline
function mantissa(words: v128): v128 {
  return i32x4.shr_u(words, 8);
}

/** `kind`: 0 bits, 1 uniform, 2 bernoulli with `threshold` = ⌈p · 2²⁴⌉. `scratch` has 64 bytes. */
export function random(
  kind: i32, out: usize, n: i32, seedHigh: u32, seedLow: u32, counterHigh: u32, counterLow: u32, threshold: i32, scratch: usize,
): void {
  const seed = join(seedHigh, seedLow);
  let counter = join(counterHigh, counterLow);
  const scale = f32x4.splat(<f32>5.9604644775390625e-8);
  const t = i32x4.splat(threshold);
  for (let i = 0; i < n; i += 16) {
    const direct = kind != 2 && n - i >= 16;
    const words = direct ? out + (<usize>i << 2) : scratch;
    philox4(words, seed, counter);
    counter += 4;
    if (kind != 0) {
      for (let j: usize = 0; j < 64; j += 16) {
        const drawn = mantissa(v128.load(words + j));
        if (kind == 1) v128.store(words + j, f32x4.mul(f32x4.convert_i32x4_s(drawn), scale));
        // In place: byte j / 4 is behind word j.
        else storeMask(words + (j >> 2), i32x4.lt_s(drawn, t));
      }
    }
    const size: usize = kind == 2 ? 1 : 4;
    if (!direct) memory.copy(out + <usize>i * size, scratch, <usize>min(16, n - i) * size);
  }
}

/** out = uniform ≥ p ? x / keep : 0. */
export function dropout(
  out: usize, x: usize, n: i32, seedHigh: u32, seedLow: u32, counterHigh: u32, counterLow: u32, threshold: i32, keep: f32, scratch: usize,
): void {
  const seed = join(seedHigh, seedLow);
  let counter = join(counterHigh, counterLow);
  const divisor = f32x4.splat(keep);
  const t = i32x4.splat(threshold);
  for (let i = 0; i < n; i += 16) {
    philox4(scratch, seed, counter);
    counter += 4;
    for (let j = 0; j < 16 && i + j < n; j += 4) {
      const o = <usize>(i + j) << 2;
      const left = n - i - j;
      const keepMask = i32x4.ge_s(mantissa(v128.load(scratch + (<usize>j << 2))), t);
      const v = left >= 4 ? v128.load(x + o) : loadPart(x + o, left);
      const y = v128.and(f32x4.div(v, divisor), keepMask);
      if (left >= 4) v128.store(out + o, y);
      else storePart(out + o, y, left);
    }
  }
}
