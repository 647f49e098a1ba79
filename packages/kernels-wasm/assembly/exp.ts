import { madd, nmadd } from './simd';

/*
 * Transcendental functions on four lanes: range reduction, then a polynomial (coefficients from Cephes' float32 functions, erf from
 * N. Juffa's). Every one handles ±∞, NaN, ±0, overflow, underflow and denormals as JavaScript's Math does.
 * Greatest errors against float64, over the whole range, tested in test/functions.test.ts (units in the last place):
 * exp 1, expm1 2, log 1, log1p 2, tanh 2, sigmoid 3, erf 2.
 * What the inner loops of models need has its constants in memory: V8 puts a constant vector together anew in each turn, with a move from an
 * integer register and a shuffle, which took half of the time; to load one costs nothing beside the arithmetic.
 */

/** Element `i` of a table, four times. */
@inline
function held(table: usize, i: usize): v128 {
  return v128.load32_splat(table + (i << 2));
}

@inline
function splat(x: f32): v128 {
  return f32x4.splat(x);
}

// ln 2 in two parts: the first has nine bits, so that its product with n is exact.
// From the highest power down; then what the reduction needs: LOG2E, LN2_HIGH, LN2_LOW, 1, the least x whose exponential is no denormal number, and
// 1.5 · 2²³, which rounds what is added to it to a whole number, and has that in its lowest bits.
const EXP = memory.data<f32>([
  1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1.44269504088896341, 0.693359375,
  -2.12194440e-4, 1, -87.33, 12582912,
]);

/** (eʳ - 1 - r) / r² for |r| ≤ ½ ln 2. */
@inline
function expTail(r: v128): v128 {
  let p = madd(held(EXP, 0), r, held(EXP, 1));
  p = madd(p, r, held(EXP, 2));
  p = madd(p, r, held(EXP, 3));
  p = madd(p, r, held(EXP, 4));
  return madd(p, r, held(EXP, 5));
}

/** x / ln 2, rounded, plus 1.5 · 2²³; for |x| < 2²¹. */
@inline
function shiftedPower(x: v128): v128 {
  return madd(x, held(EXP, 6), held(EXP, 11));
}

/** The whole number of `shiftedPower`. */
@inline
function wholeOf(shifted: v128): v128 {
  return i32x4.sub(shifted, held(EXP, 11));
}

/** eʳ for r = x - n ln 2. */
@inline
function expRest(x: v128, n: v128): v128 {
  const r = nmadd(n, held(EXP, 8), nmadd(n, held(EXP, 7), x));
  return f32x4.add(madd(expTail(r), f32x4.mul(r, r), r), held(EXP, 9));
}

/** 2ⁿ for whole n in [-126, 127]. */
@inline
function power2(n: v128): v128 {
  return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23);
}

@inline
export function exp4(x: v128): v128 {
  // Beyond these the result is 0 or ∞ anyway. pmin and pmax keep a NaN in their first argument.
  const clamped = f32x4.pmin(f32x4.pmax(x, splat(-105)), splat(90));
  const shifted = shiftedPower(clamped);
  const p = expRest(clamped, f32x4.sub(shifted, held(EXP, 11)));
  // Two factors, so that denormal results and 2¹²⁸ come out right.
  const whole = wholeOf(shifted);
  const half = i32x4.shr_s(whole, 1);
  return f32x4.mul(f32x4.mul(p, power2(half)), power2(i32x4.sub(whole, half)));
}

/** eˣ for x ≤ 80 or so: results below 2⁻¹²⁶ become 0. Softmax needs no more. */
@inline
export function expSmall4(x: v128): v128 {
  const least = held(EXP, 10);
  const clamped = f32x4.pmax(x, least);
  const shifted = shiftedPower(clamped);
  const p = expRest(clamped, f32x4.sub(shifted, held(EXP, 11)));
  // The bits of 2ⁿ are those of 1 with n more in the exponent; a product, so that a NaN stays one.
  const y = f32x4.mul(p, i32x4.add(i32x4.shl(shifted, 23), held(EXP, 9)));
  return v128.andnot(y, f32x4.lt(x, least));
}

export function expSmall(x: f32): f32 {
  return f32x4.extract_lane(expSmall4(splat(x)), 0);
}

@inline
export function expm14(x: v128): v128 {
  const clamped = f32x4.pmin(f32x4.pmax(x, splat(-30)), splat(89));
  const shifted = shiftedPower(clamped);
  const n = f32x4.sub(shifted, held(EXP, 11));
  const r = nmadd(n, held(EXP, 8), nmadd(n, held(EXP, 7), clamped));
  const p = madd(expTail(r), f32x4.mul(r, r), r);
  // eˣ - 1 = 2ⁿ (eʳ - 1) + (2ⁿ - 1), at half size because 2¹²⁸ is too large.
  const scale = power2(i32x4.sub(wholeOf(shifted), i32x4.splat(1)));
  const y = madd(scale, p, f32x4.sub(scale, splat(0.5)));
  return withSign(f32x4.add(y, y), x);
}

/** |y| with the sign of x. */
@inline
function withSign(y: v128, x: v128): v128 {
  return v128.bitselect(x, y, i32x4.splat(0x80000000));
}

// In the order in which `log4` needs them.
const LOG = memory.data<f32>([
  1.17549435e-38, 16777216, 24, 7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
  2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1, 0.5,
]);

@inline
export function log4(x: v128): v128 {
  // Denormals: scaled by 2²⁴ first.
  const tiny = f32x4.lt(x, held(LOG, 0));
  const scaled = v128.bitselect(f32x4.mul(x, held(LOG, 1)), x, tiny);
  // x = 2ᵉ m with m in [√½, √2).
  const bits = i32x4.sub(scaled, i32x4.splat(0x3f3504f3));
  const whole = i32x4.shr_s(bits, 23);
  const m = i32x4.add(v128.and(bits, i32x4.splat(0x007fffff)), i32x4.splat(0x3f3504f3));
  const e = f32x4.sub(f32x4.convert_i32x4_s(whole), v128.and(tiny, held(LOG, 2)));
  const f = f32x4.sub(m, held(EXP, 9));
  const z = f32x4.mul(f, f);
  let p = madd(held(LOG, 3), f, held(LOG, 4));
  p = madd(p, f, held(LOG, 5));
  p = madd(p, f, held(LOG, 6));
  p = madd(p, f, held(LOG, 7));
  p = madd(p, f, held(LOG, 8));
  p = madd(p, f, held(LOG, 9));
  p = madd(p, f, held(LOG, 10));
  p = madd(p, f, held(LOG, 11));
  let y = f32x4.mul(f32x4.mul(p, f), z);
  y = madd(e, held(EXP, 8), y);
  y = nmadd(z, held(LOG, 12), y);
  y = madd(e, held(EXP, 7), f32x4.add(f, y));
  // log 0 = -∞, log ∞ = ∞, log of a negative number or NaN is NaN.
  y = v128.bitselect(splat(-Infinity), y, f32x4.eq(x, splat(0)));
  y = v128.bitselect(x, y, f32x4.eq(x, splat(Infinity)));
  return v128.bitselect(y, splat(NaN), f32x4.ge(x, splat(0)));
}

export function log1(x: f32): f32 {
  return f32x4.extract_lane(log4(splat(x)), 0);
}

@inline
export function log1p4(x: v128): v128 {
  // log(1 + x) = log u + (x - (u - 1)) / u, where u is 1 + x as rounded.
  const u = f32x4.add(x, splat(1));
  const lost = f32x4.div(f32x4.sub(x, f32x4.sub(u, splat(1))), u);
  const usable = v128.and(f32x4.gt(u, splat(0)), f32x4.lt(u, splat(Infinity)));
  const y = f32x4.add(log4(u), v128.and(lost, usable));
  return v128.bitselect(x, y, f32x4.eq(x, splat(0)));
}

// In the order in which `tanh4` needs them.
const TANH = memory.data<f32>([-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1, 2, 0.625]);

@inline
export function tanh4(x: v128): v128 {
  const a = f32x4.abs(x);
  const z = f32x4.mul(x, x);
  let p = madd(held(TANH, 0), z, held(TANH, 1));
  p = madd(p, z, held(TANH, 2));
  p = madd(p, z, held(TANH, 3));
  p = madd(p, z, held(TANH, 4));
  const near = madd(f32x4.mul(p, z), a, a);
  const far = f32x4.sub(held(EXP, 9), f32x4.div(held(TANH, 5), f32x4.add(exp4(f32x4.add(a, a)), held(EXP, 9))));
  return withSign(v128.bitselect(near, far, f32x4.lt(a, held(TANH, 6))), x);
}

@inline
export function sigmoid4(x: v128): v128 {
  // From e^-|x|, which neither overflows nor cancels.
  const one = held(EXP, 9);
  const z = exp4(f32x4.neg(f32x4.abs(x)));
  const numerator = v128.bitselect(z, one, f32x4.lt(x, splat(0)));
  return f32x4.div(numerator, f32x4.add(z, one));
}

// Of ln erfc, then of erf, from the highest power down; where one takes over from the other; √½ and ½.
const ERF = memory.data<f32>([
  -1.72853470e-5, 3.83197126e-4, -3.88396438e-3, 2.42546219e-2, -1.06777877e-1, -6.34846687e-1, -1.28717512e-1, -5.96761703e-4,
  4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1, 0.927734375, 0.70710678118654752, 0.5,
]);

/** r with erfc(t) = eʳ, for t > 0.92. */
@inline
function logErfc(t: v128): v128 {
  let r = madd(held(ERF, 0), t, held(ERF, 1));
  const u = madd(held(ERF, 2), t, held(ERF, 3));
  r = madd(r, f32x4.mul(t, t), u);
  r = madd(r, t, held(ERF, 4));
  r = madd(r, t, held(ERF, 5));
  r = madd(r, t, held(ERF, 6));
  return f32x4.sub(f32x4.mul(r, t), t);
}

/** erf of |x| ≤ 0.93. */
@inline
function erfNear(x: v128): v128 {
  const s = f32x4.mul(x, x);
  let r = madd(held(ERF, 7), s, held(ERF, 8));
  r = madd(r, s, held(ERF, 9));
  r = madd(r, s, held(ERF, 10));
  r = madd(r, s, held(ERF, 11));
  r = madd(r, s, held(ERF, 12));
  return madd(r, x, x);
}

@inline
export function erf4(x: v128): v128 {
  const t = f32x4.abs(x);
  const far = f32x4.sub(splat(1), expSmall4(logErfc(t)));
  return withSign(v128.bitselect(erfNear(t), far, f32x4.le(t, splat(0.927734375))), x);
}

/** Φ(x), the standard normal distribution: from erfc in the left tail, so that nothing cancels there. */
@inline
function normalCdf(x: v128): v128 {
  const u = f32x4.mul(x, held(ERF, 14));
  const t = f32x4.abs(u);
  const half = held(ERF, 15);
  const tail = f32x4.mul(exp4(logErfc(t)), half);
  const far = v128.bitselect(tail, f32x4.sub(held(EXP, 9), tail), f32x4.lt(u, splat(0)));
  const near = madd(erfNear(u), half, half);
  return v128.bitselect(near, far, f32x4.le(t, held(ERF, 13)));
}

@inline
export function gelu4(x: v128): v128 {
  return f32x4.mul(x, normalCdf(x));
}

/** Φ(x) + x φ(x). */
@inline
export function geluGrad4(x: v128): v128 {
  const bounded = bound(x);
  const density = f32x4.mul(exp4(f32x4.mul(f32x4.mul(bounded, bounded), splat(-0.5))), splat(0.3989422804014327));
  return f32x4.add(madd(bounded, density, normalCdf(bounded)), undefinedAtInfinity(x));
}

/** x within ±100, where every activation's slope has long been 0 or 1; keeps NaN. */
@inline
function bound(x: v128): v128 {
  return f32x4.pmin(f32x4.pmax(x, splat(-100)), splat(100));
}

/** 0, but NaN at ±∞: there every slope above is ∞ · 0, as in PyTorch. */
@inline
function undefinedAtInfinity(x: v128): v128 {
  return f32x4.sub(x, x);
}

const TWO_SQRT_2_PI: f32 = 1.5957691216057308;
const CUBIC: f32 = 0.044715;

/** x · sigmoid(2u), u = √(2/π) (x + 0.044715 x³): the same as ½ x (1 + tanh u), without its cancellation. */
@inline
export function geluTanh4(x: v128): v128 {
  const u = f32x4.mul(f32x4.mul(x, splat(TWO_SQRT_2_PI)), madd(f32x4.mul(x, x), splat(CUBIC), splat(1)));
  return f32x4.mul(x, sigmoid4(u));
}

@inline
export function geluTanhGrad4(unbounded: v128): v128 {
  const x = bound(unbounded);
  const square = f32x4.mul(x, x);
  const u = f32x4.mul(f32x4.mul(x, splat(TWO_SQRT_2_PI)), madd(square, splat(CUBIC), splat(1)));
  const slope = f32x4.mul(splat(TWO_SQRT_2_PI), madd(square, splat(3 * CUBIC), splat(1)));
  const s = sigmoid4(u);
  return f32x4.add(madd(f32x4.mul(f32x4.mul(x, slope), s), f32x4.sub(splat(1), s), s), undefinedAtInfinity(unbounded));
}

@inline
export function silu4(x: v128): v128 {
  return f32x4.mul(x, sigmoid4(x));
}

/** s (1 + x (1 - s)). */
@inline
export function siluGrad4(unbounded: v128): v128 {
  const x = bound(unbounded);
  const s = sigmoid4(x);
  return f32x4.add(f32x4.mul(s, madd(x, f32x4.sub(splat(1), s), splat(1))), undefinedAtInfinity(unbounded));
}
