/*
 * a to the power of b, as C's powf has it: |a|ᵇ = 2^(b log₂|a|) in float64, whose error of about 2⁻⁴⁴ leaves the float32 rounded right but
 * for ties that are closer than that.
 */

/** log₂ x of 0, ∞, NaN or a positive float32, given as a float64: x = 2ᵉ m with √½ < m ≤ √2, and ln m = 2 artanh((m - 1)/(m + 1)). */
function log2(x: f64): f64 {
  if (!(x > 0 && x < Infinity)) return x == 0 ? -Infinity : x;
  let bits = reinterpret<i64>(x);
  const e = (bits - 0x3fe6a09e667f3bcd) >> 52;
  bits -= e << 52;
  const m = reinterpret<f64>(bits);
  const s = (m - 1) / (m + 1);
  const q = s * s;
  let p: f64 = 1.0 / 17;
  p = p * q + 1.0 / 15;
  p = p * q + 1.0 / 13;
  p = p * q + 1.0 / 11;
  p = p * q + 1.0 / 9;
  p = p * q + 1.0 / 7;
  p = p * q + 1.0 / 5;
  p = p * q + 1.0 / 3;
  p = p * q + 1;
  return <f64>e + s * p * 2.8853900817779268; // 2/ln 2
}

/** 2ᵗ, where whatever leaves float32 is 0 or ∞ once rounded: |t| is cut at 400. */
function exp2(t: f64): f64 {
  t = max(min(t, 400), -400);
  const n = nearest(t);
  const x = (t - n) * 0.6931471805599453;
  let p: f64 = 1;
  for (let i: f64 = 12; i > 0; i--) p = p * x / i + 1;
  return p * reinterpret<f64>((<i64>n + 1023) << 52);
}

export function power1(a: f32, b: f32): f32 {
  if (b == 0 || a == 1 || (a == -1 && abs(b) == Infinity)) return 1;
  const size = exp2(<f64>b * log2(<f64>abs(a)));
  const negative = reinterpret<u32>(a) >> 31;
  if (!negative) return <f32>size;
  const whole = floor(b) == b;
  if (!whole && a != 0 && a != -Infinity) return NaN;
  const odd = whole && floor(b * 0.5) != b * 0.5;
  return <f32>(odd ? -size : size);
}
