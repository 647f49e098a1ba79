import { erfc } from './cpu/erf.js';

/*
 * The distribution function Φ of the standard normal and its inverse, on the host, to float64 accuracy far into the lower tail.
 */

/** Φ(x): the share of the standard normal below x. */
export function normalShare(x: number): number {
  return 0.5 * erfc(-x * Math.SQRT1_2);
}

/**
 * Φ⁻¹(share): below what x that share of the standard normal lies; share from 0 to 1.
 * Abramowitz and Stegun, 26.2.23, to 4.5e-4, and two steps of Halley's method from there.
 */
export function normalQuantile(share: number): number {
  if (share > 0.5) return -normalQuantile(1 - share);
  if (!(share > 0)) return Number.NEGATIVE_INFINITY;
  const t = Math.sqrt(-2 * Math.log(share));
  let x = (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))) - t;
  for (let step = 0; step < 2; step++) {
    const error = (normalShare(x) - share) * Math.sqrt(2 * Math.PI) * Math.exp(0.5 * x * x);
    x -= error / (1 + 0.5 * x * error);
  }
  return x;
}
