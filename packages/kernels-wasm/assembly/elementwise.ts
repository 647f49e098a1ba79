import { erf4, exp4, expm14, gelu4, geluGrad4, geluTanh4, geluTanhGrad4, log1p4, log4, sigmoid4, silu4, siluGrad4, tanh4 } from './exp';
import { power1 } from './power';
import { advance, at } from './strided';

/*
 * Elementwise kernels. Each operation stands once, as a loop over whole vectors; what does not fit (tails, strides, one-byte elements) goes
 * through a small scratch that is laid out as whole vectors. Operation codes: src/elementwise.ts.
 */

// An element type, as in src/elementwise.ts.
const BOOL: i32 = 2;

@inline
function each(code: i32, x: v128): v128 {
  if (code == 0) return f32x4.neg(x);
  if (code == 1) return f32x4.abs(x);
  if (code == 2) return sign(x);
  if (code == 3) return f32x4.mul(x, x);
  if (code == 4) return f32x4.sqrt(x);
  if (code == 5) return f32x4.div(f32x4.splat(1), f32x4.sqrt(x));
  if (code == 6) return f32x4.div(f32x4.splat(1), x);
  if (code == 7) return exp4(x);
  if (code == 8) return log4(x);
  if (code == 9) return expm14(x);
  if (code == 10) return log1p4(x);
  if (code == 11) return sin4(x);
  if (code == 12) return cos4(x);
  if (code == 13) return tanh4(x);
  if (code == 14) return erf4(x);
  if (code == 15) return f32x4.floor(x);
  if (code == 16) return f32x4.ceil(x);
  if (code == 17) return f32x4.nearest(x);
  if (code == 18) return sigmoid4(x);
  if (code == 19) return f32x4.pmax(x, f32x4.splat(0));
  if (code == 20) return gelu4(x);
  if (code == 21) return geluTanh4(x);
  if (code == 22) return silu4(x);
  if (code == 23) return f32x4.trunc(x);
  if (code == 32) return i32x4.neg(x);
  if (code == 33) return i32x4.abs(x);
  if (code == 34) return i32x4.max_s(i32x4.min_s(x, i32x4.splat(1)), i32x4.splat(-1));
  if (code == 35) return i32x4.mul(x, x);
  return i32x4.max_s(x, i32x4.splat(0));
}

@inline
function sign(x: v128): v128 {
  const one = v128.bitselect(x, f32x4.splat(1), i32x4.splat(0x80000000));
  // ±0 and NaN stay themselves.
  return v128.bitselect(one, x, v128.or(f32x4.lt(x, f32x4.splat(0)), f32x4.gt(x, f32x4.splat(0))));
}

function sin4(x: v128): v128 {
  return lanes(true, x);
}

function cos4(x: v128): v128 {
  return lanes(false, x);
}

function lanes(sine: bool, x: v128): v128 {
  const a = f32x4.extract_lane(x, 0);
  const b = f32x4.extract_lane(x, 1);
  const c = f32x4.extract_lane(x, 2);
  const d = f32x4.extract_lane(x, 3);
  let y = f32x4.splat(sine ? Mathf.sin(a) : Mathf.cos(a));
  y = f32x4.replace_lane(y, 1, sine ? Mathf.sin(b) : Mathf.cos(b));
  y = f32x4.replace_lane(y, 2, sine ? Mathf.sin(c) : Mathf.cos(c));
  return f32x4.replace_lane(y, 3, sine ? Mathf.sin(d) : Mathf.cos(d));
}

@inline
function loop1(code: i32, out: usize, x: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) v128.store(out + i, each(code, v128.load(x + i)));
}

function vectors1(code: i32, out: usize, x: usize, bytes: usize): void {
  switch (code) {
    case 0: loop1(0, out, x, bytes); break;
    case 1: loop1(1, out, x, bytes); break;
    case 2: loop1(2, out, x, bytes); break;
    case 3: loop1(3, out, x, bytes); break;
    case 4: loop1(4, out, x, bytes); break;
    case 5: loop1(5, out, x, bytes); break;
    case 6: loop1(6, out, x, bytes); break;
    case 7: loop1(7, out, x, bytes); break;
    case 8: loop1(8, out, x, bytes); break;
    case 9: loop1(9, out, x, bytes); break;
    case 10: loop1(10, out, x, bytes); break;
    case 11: loop1(11, out, x, bytes); break;
    case 12: loop1(12, out, x, bytes); break;
    case 13: loop1(13, out, x, bytes); break;
    case 14: loop1(14, out, x, bytes); break;
    case 15: loop1(15, out, x, bytes); break;
    case 16: loop1(16, out, x, bytes); break;
    case 17: loop1(17, out, x, bytes); break;
    case 18: loop1(18, out, x, bytes); break;
    case 19: loop1(19, out, x, bytes); break;
    case 20: loop1(20, out, x, bytes); break;
    case 21: loop1(21, out, x, bytes); break;
    case 22: loop1(22, out, x, bytes); break;
    case 23: loop1(23, out, x, bytes); break;
    case 32: loop1(32, out, x, bytes); break;
    case 33: loop1(33, out, x, bytes); break;
    case 34: loop1(34, out, x, bytes); break;
    case 35: loop1(35, out, x, bytes); break;
    case 36: loop1(36, out, x, bytes); break;
    default: break;
  }
}

/** out[i] = f(x[i]) for n elements of four bytes; `scratch` has 32 bytes. */
export function unary(code: i32, out: usize, x: usize, n: i32, scratch: usize): void {
  const whole = <usize>(n & ~3) << 2;
  vectors1(code, out, x, whole);
  const rest = <usize>(n & 3) << 2;
  if (rest == 0) return;
  v128.store(scratch, i32x4.splat(0));
  memory.copy(scratch, x + whole, rest);
  vectors1(code, scratch, scratch, 16);
  memory.copy(out + whole, scratch, rest);
}

// Codes below 32: four bytes out. From 32: one byte, 0 or 1.
@inline
function pair(code: i32, a: v128, b: v128): v128 {
  if (code == 0) return f32x4.add(a, b);
  if (code == 1) return f32x4.sub(a, b);
  if (code == 2) return f32x4.mul(a, b);
  if (code == 3) return f32x4.div(a, b);
  if (code == 4) return power(a, b);
  if (code == 5) return f32x4.max(a, b);
  if (code == 6) return f32x4.min(a, b);
  // The slope of an activation at a, times b.
  if (code == 7) return v128.andnot(b, f32x4.le(a, f32x4.splat(0)));
  if (code == 8) return f32x4.mul(b, geluGrad4(a));
  if (code == 9) return f32x4.mul(b, geluTanhGrad4(a));
  if (code == 10) return f32x4.mul(b, siluGrad4(a));
  if (code == 11) return f32x4.mul(b, f32x4.sub(f32x4.splat(1), f32x4.mul(a, a)));
  if (code == 12) return f32x4.mul(b, f32x4.mul(a, f32x4.sub(f32x4.splat(1), a)));
  if (code == 13 || code == 14) return rest(code == 14, a, b);
  if (code == 15) return angle(a, b);
  if (code == 16) return i32x4.add(a, b);
  if (code == 17) return i32x4.sub(a, b);
  if (code == 18) return i32x4.mul(a, b);
  if (code == 19) return intDivide(a, b);
  if (code == 20) return intPower(a, b);
  if (code == 21) return i32x4.max_s(a, b);
  if (code == 22) return i32x4.min_s(a, b);
  if (code == 23 || code == 24) return intRest(code == 24, a, b);
  if (code == 32) return f32x4.eq(a, b);
  if (code == 33) return f32x4.ne(a, b);
  if (code == 34) return f32x4.lt(a, b);
  if (code == 35) return f32x4.le(a, b);
  if (code == 36) return f32x4.gt(a, b);
  if (code == 37) return f32x4.ge(a, b);
  if (code == 48) return i32x4.eq(a, b);
  if (code == 49) return i32x4.ne(a, b);
  if (code == 50) return i32x4.lt_s(a, b);
  if (code == 51) return i32x4.le_s(a, b);
  if (code == 52) return i32x4.gt_s(a, b);
  if (code == 53) return i32x4.ge_s(a, b);
  if (code == 54) return i32x4.ne(i32x4.mul(a, b), i32x4.splat(0));
  return i32x4.ne(v128.or(a, b), i32x4.splat(0));
}

function power(a: v128, b: v128): v128 {
  let y = f32x4.splat(power1(f32x4.extract_lane(a, 0), f32x4.extract_lane(b, 0)));
  y = f32x4.replace_lane(y, 1, power1(f32x4.extract_lane(a, 1), f32x4.extract_lane(b, 1)));
  y = f32x4.replace_lane(y, 2, power1(f32x4.extract_lane(a, 2), f32x4.extract_lane(b, 2)));
  return f32x4.replace_lane(y, 3, power1(f32x4.extract_lane(a, 3), f32x4.extract_lane(b, 3)));
}

/** What is left of a division, with the sign of the dividend, or if `floored` of the divisor. */
function rest1(floored: bool, a: f32, b: f32): f32 {
  const r = Mathf.mod(a, b);
  return floored && r != 0 && r < 0 != b < 0 ? r + b : r;
}

function rest(floored: bool, a: v128, b: v128): v128 {
  let y = f32x4.splat(rest1(floored, f32x4.extract_lane(a, 0), f32x4.extract_lane(b, 0)));
  y = f32x4.replace_lane(y, 1, rest1(floored, f32x4.extract_lane(a, 1), f32x4.extract_lane(b, 1)));
  y = f32x4.replace_lane(y, 2, rest1(floored, f32x4.extract_lane(a, 2), f32x4.extract_lane(b, 2)));
  return f32x4.replace_lane(y, 3, rest1(floored, f32x4.extract_lane(a, 3), f32x4.extract_lane(b, 3)));
}

function intRest1(floored: bool, a: i32, b: i32): i32 {
  if (b == 0 || b == -1) return 0;
  const r = a % b;
  return floored && r != 0 && r < 0 != b < 0 ? r + b : r;
}

function intRest(floored: bool, a: v128, b: v128): v128 {
  let y = i32x4.splat(intRest1(floored, i32x4.extract_lane(a, 0), i32x4.extract_lane(b, 0)));
  y = i32x4.replace_lane(y, 1, intRest1(floored, i32x4.extract_lane(a, 1), i32x4.extract_lane(b, 1)));
  y = i32x4.replace_lane(y, 2, intRest1(floored, i32x4.extract_lane(a, 2), i32x4.extract_lane(b, 2)));
  return i32x4.replace_lane(y, 3, intRest1(floored, i32x4.extract_lane(a, 3), i32x4.extract_lane(b, 3)));
}

function angle(a: v128, b: v128): v128 {
  let y = f32x4.splat(Mathf.atan2(f32x4.extract_lane(a, 0), f32x4.extract_lane(b, 0)));
  y = f32x4.replace_lane(y, 1, Mathf.atan2(f32x4.extract_lane(a, 1), f32x4.extract_lane(b, 1)));
  y = f32x4.replace_lane(y, 2, Mathf.atan2(f32x4.extract_lane(a, 2), f32x4.extract_lane(b, 2)));
  return f32x4.replace_lane(y, 3, Mathf.atan2(f32x4.extract_lane(a, 3), f32x4.extract_lane(b, 3)));
}

function intDivide1(a: i32, b: i32): i32 {
  if (b == 0) return 0;
  return b == -1 ? -a : a / b;
}

function intDivide(a: v128, b: v128): v128 {
  let y = i32x4.splat(intDivide1(i32x4.extract_lane(a, 0), i32x4.extract_lane(b, 0)));
  y = i32x4.replace_lane(y, 1, intDivide1(i32x4.extract_lane(a, 1), i32x4.extract_lane(b, 1)));
  y = i32x4.replace_lane(y, 2, intDivide1(i32x4.extract_lane(a, 2), i32x4.extract_lane(b, 2)));
  return i32x4.replace_lane(y, 3, intDivide1(i32x4.extract_lane(a, 3), i32x4.extract_lane(b, 3)));
}

function intPower1(a: i32, b: i32): i32 {
  if (b < 0) return a == 1 ? 1 : a == -1 ? ((b & 1) != 0 ? -1 : 1) : 0;
  let y = 1;
  for (; b > 0; b >>= 1) {
    if ((b & 1) != 0) y *= a;
    a *= a;
  }
  return y;
}

function intPower(a: v128, b: v128): v128 {
  let y = i32x4.splat(intPower1(i32x4.extract_lane(a, 0), i32x4.extract_lane(b, 0)));
  y = i32x4.replace_lane(y, 1, intPower1(i32x4.extract_lane(a, 1), i32x4.extract_lane(b, 1)));
  y = i32x4.replace_lane(y, 2, intPower1(i32x4.extract_lane(a, 2), i32x4.extract_lane(b, 2)));
  return i32x4.replace_lane(y, 3, intPower1(i32x4.extract_lane(a, 3), i32x4.extract_lane(b, 3)));
}

/** Four lanes of all ones or zeros as four bytes 1 or 0. */
@inline
export function storeMask(out: usize, mask: v128): void {
  const narrow = i16x8.narrow_i32x4_s(mask, mask);
  v128.store32_lane(out, v128.and(i8x16.narrow_i16x8_s(narrow, narrow), i8x16.splat(1)), 0);
}

// `aStep`: 16, or 0 for a vector that stays.
@inline
function loop2(code: i32, out: usize, a: usize, aStep: usize, b: usize, bStep: usize, count: i32): void {
  for (; count > 0; count--) {
    const y = pair(code, v128.load(a), v128.load(b));
    if (code < 32) {
      v128.store(out, y);
      out += 16;
    } else {
      storeMask(out, y);
      out += 4;
    }
    a += aStep;
    b += bStep;
  }
}

function vectors2(code: i32, out: usize, a: usize, aStep: usize, b: usize, bStep: usize, count: i32): void {
  switch (code) {
    case 0: loop2(0, out, a, aStep, b, bStep, count); break;
    case 1: loop2(1, out, a, aStep, b, bStep, count); break;
    case 2: loop2(2, out, a, aStep, b, bStep, count); break;
    case 3: loop2(3, out, a, aStep, b, bStep, count); break;
    case 4: loop2(4, out, a, aStep, b, bStep, count); break;
    case 5: loop2(5, out, a, aStep, b, bStep, count); break;
    case 6: loop2(6, out, a, aStep, b, bStep, count); break;
    case 7: loop2(7, out, a, aStep, b, bStep, count); break;
    case 8: loop2(8, out, a, aStep, b, bStep, count); break;
    case 9: loop2(9, out, a, aStep, b, bStep, count); break;
    case 10: loop2(10, out, a, aStep, b, bStep, count); break;
    case 11: loop2(11, out, a, aStep, b, bStep, count); break;
    case 12: loop2(12, out, a, aStep, b, bStep, count); break;
    case 13: loop2(13, out, a, aStep, b, bStep, count); break;
    case 14: loop2(14, out, a, aStep, b, bStep, count); break;
    case 15: loop2(15, out, a, aStep, b, bStep, count); break;
    case 16: loop2(16, out, a, aStep, b, bStep, count); break;
    case 17: loop2(17, out, a, aStep, b, bStep, count); break;
    case 18: loop2(18, out, a, aStep, b, bStep, count); break;
    case 19: loop2(19, out, a, aStep, b, bStep, count); break;
    case 20: loop2(20, out, a, aStep, b, bStep, count); break;
    case 21: loop2(21, out, a, aStep, b, bStep, count); break;
    case 22: loop2(22, out, a, aStep, b, bStep, count); break;
    case 23: loop2(23, out, a, aStep, b, bStep, count); break;
    case 24: loop2(24, out, a, aStep, b, bStep, count); break;
    case 32: loop2(32, out, a, aStep, b, bStep, count); break;
    case 33: loop2(33, out, a, aStep, b, bStep, count); break;
    case 34: loop2(34, out, a, aStep, b, bStep, count); break;
    case 35: loop2(35, out, a, aStep, b, bStep, count); break;
    case 36: loop2(36, out, a, aStep, b, bStep, count); break;
    case 37: loop2(37, out, a, aStep, b, bStep, count); break;
    case 48: loop2(48, out, a, aStep, b, bStep, count); break;
    case 49: loop2(49, out, a, aStep, b, bStep, count); break;
    case 50: loop2(50, out, a, aStep, b, bStep, count); break;
    case 51: loop2(51, out, a, aStep, b, bStep, count); break;
    case 52: loop2(52, out, a, aStep, b, bStep, count); break;
    case 53: loop2(53, out, a, aStep, b, bStep, count); break;
    case 54: loop2(54, out, a, aStep, b, bStep, count); break;
    case 55: loop2(55, out, a, aStep, b, bStep, count); break;
    default: break;
  }
}

const CHUNK: i32 = 256;
const CHUNK_BYTES: usize = 1024 + 64;

/** n elements, `step` bytes apart, as 32-bit words at `to`; the rest of the last vector is 0. */
function collect(to: usize, from: usize, step: i32, type: i32, n: i32): void {
  for (let i = n; i < ((n + 3) & ~3); i++) store<i32>(to + (<usize>i << 2), 0);
  if (type == BOOL) {
    for (let i = 0; i < n; i++, from += step) store<i32>(to + (<usize>i << 2), <i32>load<u8>(from));
  } else if (step == 4) {
    memory.copy(to, from, <usize>n << 2);
  } else {
    for (let i = 0; i < n; i++, from += step) store<i32>(to + (<usize>i << 2), load<i32>(from));
  }
}

// One row. Steps are in bytes; vectors where both inputs are contiguous or constant, else by chunks through the scratch.
export function binaryRow(code: i32, type: i32, out: usize, a: usize, aStep: i32, b: usize, bStep: i32, n: i32, scratch: usize): void {
  const a2 = scratch;
  const b2 = scratch + CHUNK_BYTES;
  const y2 = scratch + 2 * CHUNK_BYTES;
  const outStep: usize = code < 32 ? 4 : 1;
  let i = 0;
  if (type != BOOL && (aStep & ~4) == 0 && (bStep & ~4) == 0) {
    if (aStep == 0) v128.store(a2, v128.load32_splat(a));
    if (bStep == 0) v128.store(b2, v128.load32_splat(b));
    vectors2(code, out, aStep == 0 ? a2 : a, <usize>aStep << 2, bStep == 0 ? b2 : b, <usize>bStep << 2, n >> 2);
    i = n & ~3;
  }
  for (; i < n; i += CHUNK) {
    const count = min(CHUNK, n - i);
    collect(a2, a + i * aStep, aStep, type, count);
    collect(b2, b + i * bStep, bStep, type, count);
    vectors2(code, y2, a2, 16, b2, 16, (count + 3) >> 2);
    memory.copy(out + <usize>i * outStep, y2, <usize>count * outStep);
  }
}

/** Operands of `walk`: out, a, b. `aStep` and `bStep` are those of the innermost dimension, of n elements, in bytes. */
export function binary(code: i32, type: i32, walk: usize, n: i32, aStep: i32, bStep: i32, scratch: usize): void {
  do {
    binaryRow(code, type, at(walk, 0), at(walk, 1), aStep, at(walk, 2), bStep, n, scratch);
  } while (advance(walk));
}

/** Operands of `walk`: out, cond, a, b. */
export function select(type: i32, walk: usize, n: i32, condStep: i32, aStep: i32, bStep: i32, scratch: usize): void {
  const a2 = scratch;
  const b2 = scratch + CHUNK_BYTES;
  const c2 = scratch + 2 * CHUNK_BYTES;
  do {
    const out = at(walk, 0);
    for (let i = 0; i < n; i += CHUNK) {
      const count = min(CHUNK, n - i);
      collect(c2, at(walk, 1) + i * condStep, condStep, BOOL, count);
      collect(a2, at(walk, 2) + i * aStep, aStep, type, count);
      collect(b2, at(walk, 3) + i * bStep, bStep, type, count);
      for (let j: usize = 0; j < <usize>count << 2; j += 16) {
        const no = i32x4.eq(v128.load(c2 + j), i32x4.splat(0));
        v128.store(a2 + j, v128.bitselect(v128.load(b2 + j), v128.load(a2 + j), no));
      }
      if (type == BOOL) {
        for (let j = 0; j < count; j++) store<u8>(out + i + j, <u8>load<i32>(a2 + (<usize>j << 2)));
      } else {
        memory.copy(out + (<usize>i << 2), a2, <usize>count << 2);
      }
    }
  } while (advance(walk));
}
