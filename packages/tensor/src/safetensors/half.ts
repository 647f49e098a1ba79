/**
 * float16 and bfloat16 as 16-bit patterns: widening is exact (NaN payloads included), narrowing rounds to nearest, ties to even.
 * All of it works on bit patterns, because a NaN's payload does not survive the way through a JavaScript number.
 */

/** The float32 bit pattern of the float16 `half`. */
function widenedHalf(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (fraction << 13); // infinity, NaN
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  const shift = Math.clz32(fraction) - 21; // a subnormal half is a normal float32: bring its leading one to bit 10
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
}

/** The float16 nearest to the float32 of bit pattern `float`. */
function nearestHalf(float: number): number {
  const sign = (float >>> 16) & 0x8000;
  const magnitude = float & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7c00 | ((magnitude >>> 13) & 0x3ff || 0x200); // NaN stays NaN
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65520, half-way past the largest half, and above: infinity
  if (magnitude >= 0x38800000) return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  if (magnitude <= 0x33000000) return sign; // 2^-25, half of the smallest half, and below: zero
  const shift = 126 - (magnitude >>> 23); // a subnormal half counts units of 2^-24
  const significand = (magnitude & 0x7fffff) | 0x800000;
  const quotient = significand >>> shift;
  const rest = significand - (quotient << shift);
  const middle = 1 << (shift - 1);
  return sign | (quotient + (rest > middle || (rest === middle && (quotient & 1) === 1) ? 1 : 0));
}

/** The bfloat16 nearest to the float32 of bit pattern `float`. */
function nearestBfloat(float: number): number {
  const upper = float >>> 16;
  if ((float & 0x7fffffff) > 0x7f800000) return upper & 0x7f ? upper : upper | 0x40; // NaN stays NaN
  return (float + 0x7fff + (upper & 1)) >>> 16;
}

/**
 * The float32 bit patterns of `data`. A float64 that is no float32 goes to the neighbouring float32 with an odd last bit: from there
 * rounding to the much shorter 16-bit formats gives the same as rounding once from the float64.
 */
function float32Bits(data: Float32Array | Float64Array): Uint32Array {
  if (data instanceof Float32Array) return new Uint32Array(data.buffer, data.byteOffset, data.length);
  const floats = new Float32Array(data);
  const bits = new Uint32Array(floats.buffer);
  for (let i = 0; i < data.length; i++) {
    const exact = data[i];
    const rounded = floats[i];
    const inexact = rounded !== exact && !Number.isNaN(exact);
    if (inexact && (bits[i] & 1) === 0) bits[i] += Math.abs(rounded) < Math.abs(exact) ? 1 : -1;
  }
  return bits;
}

/**
 * float16 bit patterns (IEEE 754 binary16) as float32 numbers, exactly: (-1)^sign · 2^(exponent - 15) · (1 + fraction / 1024), subnormals,
 * infinities and the payloads of NaN among them.
 *
 * @example widenFloat16(Uint16Array.of(0x3c00, 0xc000)) // Float32Array [1, -2]
 */
export function widenFloat16(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < bits.length; i++) bits[i] = widenedHalf(halves[i]);
  return new Float32Array(bits.buffer);
}

/**
 * bfloat16 bit patterns as float32 numbers, exactly: a bfloat16 is the upper half of a float32.
 *
 * @example widenBfloat16(Uint16Array.of(0x3f80, 0xc000)) // Float32Array [1, -2]
 */
export function widenBfloat16(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < bits.length; i++) bits[i] = halves[i] << 16;
  return new Float32Array(bits.buffer);
}

/**
 * Numbers as the bit patterns of the nearest float16: ties to even, 65,520 and above to infinity, NaN to NaN. float64 is rounded once, not
 * by way of float32.
 *
 * @example narrowFloat16(Float32Array.of(1, 65520, 2 ** -24)) // Uint16Array [0x3c00, 0x7c00, 0x0001]
 */
export function narrowFloat16(data: Float32Array | Float64Array): Uint16Array {
  const bits = float32Bits(data);
  const halves = new Uint16Array(bits.length);
  for (let i = 0; i < halves.length; i++) halves[i] = nearestHalf(bits[i]);
  return halves;
}

/**
 * Numbers as the bit patterns of the nearest bfloat16: ties to even, overflow to infinity, NaN to NaN. float64 is rounded once, not by way
 * of float32.
 *
 * @example narrowBfloat16(Float32Array.of(1, 1 / 3)) // Uint16Array [0x3f80, 0x3eab]
 */
export function narrowBfloat16(data: Float32Array | Float64Array): Uint16Array {
  const bits = float32Bits(data);
  const halves = new Uint16Array(bits.length);
  for (let i = 0; i < halves.length; i++) halves[i] = nearestBfloat(bits[i]);
  return halves;
}
