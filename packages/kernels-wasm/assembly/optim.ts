import { loadPart, madd, storePart } from './simd';

/**
 * One AdamW step. `decay` is the weight decay added to the gradient (0 if decoupled), `shrink` the factor on the parameter
 * (1 - lr · weightDecay if decoupled, else 1), `rate` lr / bias1, `correct` 1 / √bias2.
 */
export function adamStep(
  p: usize, grad: usize, m: usize, v: usize, n: i32,
  rate: f32, beta1: f32, oneMinus1: f32, beta2: f32, oneMinus2: f32, eps: f32, decay: f32, shrink: f32, correct: f32,
): void {
  for (let i = 0; i < n; i += 4) {
    const o = <usize>i << 2;
    const left = n - i;
    const whole = left >= 4;
    const p0 = whole ? v128.load(p + o) : loadPart(p + o, left);
    let g = whole ? v128.load(grad + o) : loadPart(grad + o, left);
    if (decay != 0) g = madd(f32x4.splat(decay), p0, g);
    const m0 = whole ? v128.load(m + o) : loadPart(m + o, left);
    const v0 = whole ? v128.load(v + o) : loadPart(v + o, left);
    const m1 = madd(f32x4.splat(beta1), m0, f32x4.mul(f32x4.splat(oneMinus1), g));
    const v1 = madd(f32x4.splat(beta2), v0, f32x4.mul(f32x4.mul(f32x4.splat(oneMinus2), g), g));
    const root = madd(f32x4.sqrt(v1), f32x4.splat(correct), f32x4.splat(eps));
    const p1 = f32x4.sub(f32x4.mul(p0, f32x4.splat(shrink)), f32x4.div(f32x4.mul(f32x4.splat(rate), m1), root));
    if (whole) {
      v128.store(m + o, m1);
      v128.store(v + o, v1);
      v128.store(p + o, p1);
    } else {
      storePart(m + o, m1, left);
      storePart(v + o, v1, left);
      storePart(p + o, p1, left);
    }
  }
}
