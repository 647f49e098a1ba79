import { matmul } from './matmul';
import { madd, sumLanes } from './simd';

/*
 * Products with quantised weights. A row of the weight is `bits` · k / 8 bytes of unsigned q, of which 128 (or 8) is zero, and one scale for
 * each `group` of them. Few rows of x take each row of the weight as it lies, which is what decoding is bound by; more of them take blocks
 * of it dequantised to float32. `dynamic`: each group of x is rounded to whole numbers within ±63 first, so that integers are multiplied.
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

/** out[i, j] = x[i, :] · w[j, :] + bias[j] for columns `from` to `to`; `rounded` is what `roundRows` left, 0 if not `dynamic`. */
export function linearQ(
  out: usize, x: usize, weight: usize, scales: usize, bias: usize, rows: i32, n: i32, k: i32, bits: i32, group: i32,
  rounded: usize, from: i32, to: i32, scratch: usize,
): void {
  const bytes = <usize>(bits * k) >> 3;
  const groups = k / group;
  const ldc = <usize>n << 2;
  if (rows > FEW) {
    many(out, x, weight, scales, bias, rows, ldc, k, bits, group, from, to, scratch);
    return;
  }
  for (let j = from; j < to; j++) {
    const w = weight + <usize>j * bytes;
    const s = scales + (<usize>(j * groups) << 2);
    for (let i = 0; i < rows; i++) {
      let y: f32;
      if (rounded == 0) {
        const row = x + (<usize>(i * k) << 2);
        y = bits == 8 ? dot8(row, w, s, groups, group) : dot4(row, w, s, groups, group);
      } else {
        const row = rounded + <usize>i * <usize>(k + 4 * groups);
        y = bits == 8 ? whole8(row, w, s, groups, group) : whole4(row, w, s, groups, group);
      }
      store<f32>(out + <usize>i * ldc + (<usize>j << 2), bias == 0 ? y : y + load<f32>(bias + (<usize>j << 2)));
    }
  }
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

/** Σ of products of sixteen signed bytes `v` and sixteen `u`, which are 64 too large, by fours. */
@inline
function wholeDot(v: v128, u: v128, sum: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) {
    // The second operand has seven bits.
    const more = i32x4.relaxed_dot_i8x16_i7x16_add_s(v, u, sum);
    return i32x4.sub(more, i32x4.relaxed_dot_i8x16_i7x16_add_s(v, i8x16.splat(<i8>BIAS), i32x4.splat(0)));
  }
  const x = i8x16.sub(u, i8x16.splat(<i8>BIAS));
  const low = i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(v), i16x8.extend_low_i8x16_s(x));
  const high = i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(v), i16x8.extend_high_i8x16_s(x));
  return i32x4.add(sum, i32x4.add(low, high));
}

function whole8(x: usize, w: usize, scales: usize, groups: i32, group: i32): f32 {
  let xScale = x + <usize>(groups * group);
  let total = f32x4.splat(0);
  for (let g = 0; g < groups; g++) {
    let sum = i32x4.splat(0);
    for (let p = 0; p < group; p += 16) {
      sum = wholeDot(signed8(w), v128.load(x), sum);
      w += 16;
      x += 16;
    }
    total = madd(f32x4.splat(load<f32>(scales) * load<f32>(xScale)), f32x4.convert_i32x4_s(sum), total);
    scales += 4;
    xScale += 4;
  }
  return sumLanes(total);
}

function whole4(x: usize, w: usize, scales: usize, groups: i32, group: i32): f32 {
  let xScale = x + <usize>(groups * group);
  let total = f32x4.splat(0);
  for (let g = 0; g < groups; g++) {
    let sum = i32x4.splat(0);
    for (let p = 0; p < group; p += 32) {
      sum = wholeDot(signed4(w, false), v128.load(x), sum);
      sum = wholeDot(signed4(w, true), v128.load(x, 16), sum);
      w += 16;
      x += 32;
    }
    total = madd(f32x4.splat(load<f32>(scales) * load<f32>(xScale)), f32x4.convert_i32x4_s(sum), total);
    scales += 4;
    xScale += 4;
  }
  return sumLanes(total);
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
