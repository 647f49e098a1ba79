import { matmul } from './matmul';
import { madd, sumLanes } from './simd';

/*
 * Products with quantised weights. A row of the weight is `bits` · k / 8 bytes of unsigned q, of which 128 (or 8) is zero, and one scale for
 * each `group` of them. Few rows of x take each row of the weight as it lies, which is what decoding is bound by; more of them take blocks
 * of it dequantised to float32. `dynamic`: each group of x is rounded to whole numbers within ±63 first, so that integers are multiplied. They lie
 * there 64 too large, since the processor wants one factor without a sign; what that adds to each group's sum, 64 Σ q, is known before (`groupSums`).
 */

/** Rows of x up to which the weight is not dequantised. */
const FEW: i32 = 8;
/** Rows of the weight that are dequantised at a time. */
const BLOCK: i32 = 64;
const BIAS: i32 = 64;

/** Bytes of scratch, with the `product` bytes that `matmul` needs. */
export function quantScratch(k: i32, product: i32): f64 {
  return 4 * <f64>BLOCK * <f64>k + <f64>product + 64;
}

/**
 * out[i, j] = x[i, :] · w[j, :] + bias[j] for columns `from` to `to`. If `dynamic`, `rounded` is what `roundRows` left and `sums` what
 * `groupSums` did; else 0.
 */
export function linearQ(
  out: usize, x: usize, weight: usize, scales: usize, bias: usize, rows: i32, n: i32, k: i32, bits: i32, group: i32,
  rounded: usize, sums: usize, from: i32, to: i32, scratch: usize,
): void {
  const bytes = <usize>(bits * k) >> 3;
  const groups = k / group;
  const ldc = <usize>n << 2;
  if (rows > FEW) {
    many(out, x, weight, scales, bias, rows, ldc, k, bits, group, from, to, scratch);
    return;
  }
  for (let i = 0; i < rows; i++) {
    const to4 = out + <usize>i * ldc;
    if (rounded == 0) {
      const row = x + (<usize>(i * k) << 2);
      for (let j = from; j < to; j++) {
        const w = weight + <usize>j * bytes;
        const s = scales + (<usize>(j * groups) << 2);
        put(to4, bias, j, bits == 8 ? dot8(row, w, s, groups, group) : dot4(row, w, s, groups, group));
      }
    } else {
      const row = rounded + <usize>i * <usize>(k + 4 * groups);
      if (bits == 8) wholeRows(8, to4, bias, row, weight, scales, sums, groups, group, from, to);
      else wholeRows(4, to4, bias, row, weight, scales, sums, groups, group, from, to);
    }
  }
}

@inline
function put(out: usize, bias: usize, j: i32, y: f32): void {
  const o = <usize>j << 2;
  store<f32>(out + o, bias == 0 ? y : y + load<f32>(bias + o));
}

function many(
  out: usize, x: usize, weight: usize, scales: usize, bias: usize, rows: i32, ldc: usize, k: i32, bits: i32, group: i32,
  from: i32, to: i32, scratch: usize,
): void {
  const groups = k / group;
  const bytes = <usize>(bits * k) >> 3;
  const floats = scratch;
  const row = <usize>k << 2;
  const product = (floats + BLOCK * row + 63) & ~63;
  for (let j = from; j < to; j += BLOCK) {
    const count = min(BLOCK, to - j);
    for (let r = 0; r < count; r++) {
      const w = weight + <usize>(j + r) * bytes;
      const s = scales + (<usize>((j + r) * groups) << 2);
      dequantise(floats + <usize>r * row, w, s, bits, groups, group);
    }
    const o = <usize>j << 2;
    matmul(out + o, x, floats, 1, rows, count, k, row, row, ldc, 0, 0, 0, false, 1, 1, false, bias == 0 ? 0 : bias + o, 0, 0, product);
  }
}

// Sixteen signed bytes as float32, four at a time.
@inline
function float0(v: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(v)));
}
@inline
function float1(v: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(i16x8.extend_low_i8x16_s(v)));
}
@inline
function float2(v: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(i16x8.extend_high_i8x16_s(v)));
}
@inline
function float3(v: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(i16x8.extend_high_i8x16_s(v)));
}

/** q - 128 of sixteen bytes. */
@inline
function signed8(w: usize): v128 {
  return v128.xor(v128.load(w), i8x16.splat(0x80 as i8));
}

/** q - 8 of the first, or last, sixteen of 32 halves of bytes. */
@inline
function signed4(w: usize, last: bool): v128 {
  const v = v128.load(w);
  const low = v128.and(v, i8x16.splat(15));
  const high = i8x16.shr_u(v, 4);
  const q = last
    ? i8x16.shuffle(low, high, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
    : i8x16.shuffle(low, high, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  return i8x16.sub(q, i8x16.splat(8));
}

function dot8(x: usize, w: usize, scales: usize, groups: i32, group: i32): f32 {
  let total = f32x4.splat(0);
  for (let g = 0; g < groups; g++) {
    let a = f32x4.splat(0);
    let b = a;
    for (let p = 0; p < group; p += 16) {
      const v = signed8(w);
      a = madd(float0(v), v128.load(x), a);
      b = madd(float1(v), v128.load(x, 16), b);
      a = madd(float2(v), v128.load(x, 32), a);
      b = madd(float3(v), v128.load(x, 48), b);
      w += 16;
      x += 64;
    }
    total = madd(v128.load32_splat(scales), f32x4.add(a, b), total);
    scales += 4;
  }
  return sumLanes(total);
}

function dot4(x: usize, w: usize, scales: usize, groups: i32, group: i32): f32 {
  let total = f32x4.splat(0);
  for (let g = 0; g < groups; g++) {
    let a = f32x4.splat(0);
    let b = a;
    for (let p = 0; p < group; p += 32) {
      let v = signed4(w, false);
      a = madd(float0(v), v128.load(x), a);
      b = madd(float1(v), v128.load(x, 16), b);
      a = madd(float2(v), v128.load(x, 32), a);
      b = madd(float3(v), v128.load(x, 48), b);
      v = signed4(w, true);
      a = madd(float0(v), v128.load(x, 64), a);
      b = madd(float1(v), v128.load(x, 80), b);
      a = madd(float2(v), v128.load(x, 96), a);
      b = madd(float3(v), v128.load(x, 112), b);
      w += 16;
      x += 128;
    }
    total = madd(v128.load32_splat(scales), f32x4.add(a, b), total);
    scales += 4;
  }
  return sumLanes(total);
}

/** Each group of each row as whole numbers + 64, one byte each, then the scales. */
export function roundRows(out: usize, x: usize, rows: i32, k: i32, group: i32): void {
  const groups = k / group;
  for (let i = 0; i < rows; i++) {
    const scales = out + <usize>k;
    for (let g = 0; g < groups; g++) {
      let m = f32x4.splat(0);
      for (let p: usize = 0; p < <usize>group << 2; p += 16) m = f32x4.max(m, f32x4.abs(v128.load(x + p)));
      const most = max(max(f32x4.extract_lane(m, 0), f32x4.extract_lane(m, 1)), max(f32x4.extract_lane(m, 2), f32x4.extract_lane(m, 3)));
      const scale: f32 = most / 63;
      store<f32>(scales + (<usize>g << 2), scale);
      // Of a group of zeros any divisor makes zeros.
      const divisor = f32x4.splat(scale == 0 ? 1 : scale);
      for (let p = 0; p < group; p += 16) {
        const low = i16x8.narrow_i32x4_s(roundFour(x, divisor), roundFour(x + 16, divisor));
        const high = i16x8.narrow_i32x4_s(roundFour(x + 32, divisor), roundFour(x + 48, divisor));
        v128.store(out, i8x16.add(i8x16.narrow_i16x8_s(low, high), i8x16.splat(<i8>BIAS)));
        out += 16;
        x += 64;
      }
    }
    out += <usize>groups << 2;
  }
}

@inline
function roundFour(x: usize, divisor: v128): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.div(v128.load(x), divisor)));
}

/** sum + Σ v · u of sixteen bytes with and sixteen without a sign, of seven bits, by fours. */
@inline
function wholeDot(v: v128, u: v128, sum: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i32x4.relaxed_dot_i8x16_i7x16_add_s(v, u, sum);
  const low = i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(v), i16x8.extend_low_i8x16_u(u));
  const high = i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(v), i16x8.extend_high_i8x16_u(u));
  return i32x4.add(sum, i32x4.add(low, high));
}

/** Σ v · u over one group, by fours. */
@inline
function wholeGroup(bits: i32, u: usize, w: usize, group: i32): v128 {
  let sum = i32x4.splat(0);
  for (let p = 0; p < group; p += 32) {
    sum = wholeDot(bits == 8 ? signed8(w) : signed4(w, false), v128.load(u), sum);
    sum = wholeDot(bits == 8 ? signed8(w + 16) : signed4(w, true), v128.load(u, 16), sum);
    w += <usize>(4 * bits);
    u += 32;
  }
  return sum;
}

/** The sums of the lanes of four vectors. */
@inline
function sumFour(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = i32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7));
  const cd = i32x4.add(v128.shuffle<i32>(c, d, 0, 4, 1, 5), v128.shuffle<i32>(c, d, 2, 6, 3, 7));
  return i32x4.add(v128.shuffle<i32>(ab, cd, 0, 1, 4, 5), v128.shuffle<i32>(ab, cd, 2, 3, 6, 7));
}

/** total + what four groups of a row of x and of one of the weight make, by groups. */
@inline
function wholeFour(bits: i32, u: usize, xScales: usize, w: usize, scales: usize, sums: usize, group: i32, total: v128): v128 {
  const bytes = <usize>(bits * group) >> 3;
  const next = <usize>group;
  const a = wholeGroup(bits, u, w, group);
  const b = wholeGroup(bits, u + next, w + bytes, group);
  const c = wholeGroup(bits, u + 2 * next, w + 2 * bytes, group);
  const d = wholeGroup(bits, u + 3 * next, w + 3 * bytes, group);
  const whole = f32x4.convert_i32x4_s(i32x4.sub(sumFour(a, b, c, d), v128.load(sums)));
  return madd(f32x4.mul(v128.load(scales), v128.load(xScales)), whole, total);
}

/** The groups that are left, one to three, and the sum of everything. */
function wholeRest(bits: i32, u: usize, xScales: usize, w: usize, scales: usize, sums: usize, groups: i32, group: i32, total: v128): f32 {
  const zero = i32x4.splat(0);
  for (; groups > 0; groups--) {
    const one = sumFour(wholeGroup(bits, u, w, group), zero, zero, zero);
    const whole = f32x4.convert_i32x4_s(i32x4.sub(one, v128.load32_zero(sums)));
    total = madd(f32x4.mul(v128.load32_zero(scales), v128.load32_zero(xScales)), whole, total);
    u += <usize>group;
    w += <usize>(bits * group) >> 3;
    scales += 4;
    xScales += 4;
    sums += 4;
  }
  return sumLanes(total);
}

/** Of four bits, which take longer to unpack than to call for. */
function wholeFourOf4(u: usize, xScales: usize, w: usize, scales: usize, sums: usize, group: i32, total: v128): v128 {
  return wholeFour(4, u, xScales, w, scales, sums, group, total);
}

@inline
function wholeStep(bits: i32, u: usize, xScales: usize, w: usize, scales: usize, sums: usize, group: i32, total: v128): v128 {
  if (bits == 8) return wholeFour(8, u, xScales, w, scales, sums, group, total);
  return wholeFourOf4(u, xScales, w, scales, sums, group, total);
}

/** One row of x by rows `from` to `to` of the weight, four at a time that are a quarter apart (see skinny.ts). */
@inline
function wholeRows(
  bits: i32, out: usize, bias: usize, u: usize, weight: usize, scales: usize, sums: usize, groups: i32, group: i32, from: i32, to: i32,
): void {
  const quarter = (to - from) >> 2;
  const row = (<usize>(bits * group) >> 3) * <usize>groups;
  const rest = groups & 3;
  // The last turn, if any, is for less than four rows: the last of them takes the place of those that do not exist.
  for (let turn = 0; from + 4 * turn < to; turn++) {
    const whole = turn < quarter;
    const j = from + (whole ? turn : 4 * quarter);
    const apart = whole ? quarter : 1;
    const left = whole ? 4 : to - j;
    const j1 = left > 1 ? j + apart : j;
    const j2 = left > 2 ? j1 + apart : j1;
    const j3 = left > 3 ? j2 + apart : j2;
    let w0 = weight + <usize>j * row;
    let w1 = weight + <usize>j1 * row;
    let w2 = weight + <usize>j2 * row;
    let w3 = weight + <usize>j3 * row;
    let o0 = <usize>(j * groups) << 2;
    let o1 = <usize>(j1 * groups) << 2;
    let o2 = <usize>(j2 * groups) << 2;
    let o3 = <usize>(j3 * groups) << 2;
    let t0 = f32x4.splat(0);
    let t1 = t0;
    let t2 = t0;
    let t3 = t0;
    let v = u;
    let x = u + <usize>(groups * group);
    for (let g = groups; g >= 4; g -= 4) {
      t0 = wholeStep(bits, v, x, w0, scales + o0, sums + o0, group, t0);
      t1 = wholeStep(bits, v, x, w1, scales + o1, sums + o1, group, t1);
      t2 = wholeStep(bits, v, x, w2, scales + o2, sums + o2, group, t2);
      t3 = wholeStep(bits, v, x, w3, scales + o3, sums + o3, group, t3);
      v += <usize>group << 2;
      x += 16;
      const bytes = <usize>(bits * group) >> 1;
      w0 += bytes;
      w1 += bytes;
      w2 += bytes;
      w3 += bytes;
      o0 += 16;
      o1 += 16;
      o2 += 16;
      o3 += 16;
    }
    put(out, bias, j, wholeRest(bits, v, x, w0, scales + o0, sums + o0, rest, group, t0));
    put(out, bias, j1, wholeRest(bits, v, x, w1, scales + o1, sums + o1, rest, group, t1));
    put(out, bias, j2, wholeRest(bits, v, x, w2, scales + o2, sums + o2, rest, group, t2));
    put(out, bias, j3, wholeRest(bits, v, x, w3, scales + o3, sums + o3, rest, group, t3));
  }
}

/** 64 Σ q of each of `n` groups of a weight, int32. */
export function groupSums(to: usize, weight: usize, n: i32, bits: i32, group: i32): void {
  const bytes = <usize>(bits * group) >> 3;
  for (let g = 0; g < n; g++) {
    let sum: i32 = 0;
    for (let p: usize = 0; p < bytes; p++) {
      const q = <i32>load<u8>(weight + p);
      sum += bits == 8 ? q - 128 : (q & 15) + (q >> 4) - 16;
    }
    store<i32>(to, BIAS * sum);
    weight += bytes;
    to += 4;
  }
}

/** One row of the weight as float32. */
function dequantise(out: usize, w: usize, scales: usize, bits: i32, groups: i32, group: i32): void {
  for (let g = 0; g < groups; g++) {
    const s = v128.load32_splat(scales);
    for (let p = 0; p < group; p += 32) {
      putSixteen(out, bits == 8 ? signed8(w) : signed4(w, false), s);
      putSixteen(out + 64, bits == 8 ? signed8(w + 16) : signed4(w, true), s);
      w += <usize>(4 * bits);
      out += 128;
    }
    scales += 4;
  }
}

/** The rounded rows of x as float32 again, in place of x. */
export function unroundRows(out: usize, rounded: usize, rows: i32, k: i32, group: i32): void {
  const groups = k / group;
  for (let i = 0; i < rows; i++) {
    let scale = rounded + <usize>k;
    for (let g = 0; g < groups; g++) {
      const s = v128.load32_splat(scale);
      for (let p = 0; p < group; p += 16) {
        putSixteen(out, i8x16.sub(v128.load(rounded), i8x16.splat(<i8>BIAS)), s);
        out += 64;
        rounded += 16;
      }
      scale += 4;
    }
    rounded += <usize>groups << 2;
  }
}

@inline
function putSixteen(out: usize, v: v128, scale: v128): void {
  v128.store(out, f32x4.mul(float0(v), scale));
  v128.store(out, f32x4.mul(float1(v), scale), 16);
  v128.store(out, f32x4.mul(float2(v), scale), 32);
  v128.store(out, f32x4.mul(float3(v), scale), 48);
}
