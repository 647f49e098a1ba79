/*
 * The error function to float64 accuracy: rational minimax approximations on three intervals.
 * W. J. Cody: "Rational Chebyshev approximations for the error function", Mathematics of Computation 23 (1969), and his program CALERF.
 * Coefficients, as the nearest float64, stand from the highest power down; the denominators are monic.
 */

// biome-ignore format: a table
const SMALL = [
  [0.18577770618460315, 3.1611237438705655, 113.86415415105016, 377.485237685302, 3209.3775891384694],
  [1, 23.601290952344122, 244.02463793444417, 1282.6165260773723, 2844.236833439171],
] as const;
// biome-ignore format: a table
const MIDDLE = [
  [2.1531153547440383e-8, 0.5641884969886701, 8.883149794388377, 66.11919063714163, 298.6351381974001,
    881.952221241769, 1712.0476126340707, 2051.0783778260716, 1230.3393547979972],
  [1, 15.744926110709835, 117.6939508913125, 537.1811018620099, 1621.3895745666903,
    3290.7992357334597, 4362.619090143247, 3439.3676741437216, 1230.3393548037495],
] as const;
// biome-ignore format: a table
const LARGE = [
  [0.016315387137302097, 0.30532663496123236, 0.36034489994980445, 0.12578172611122926, 0.016083785148742275, 0.0006587491615298378],
  [1, 2.568520192289822, 1.8729528499234673, 0.5279051029514285, 0.06051834131244132, 0.0023352049762686918],
] as const;

function horner(coefficients: readonly number[], x: number): number {
  let sum = 0;
  for (let i = 0; i < coefficients.length; i++) sum = sum * x + coefficients[i]!;
  return sum;
}

function ratio(quotient: readonly [readonly number[], readonly number[]], x: number): number {
  return horner(quotient[0], x) / horner(quotient[1], x);
}

/** erf(x) = 2/√π ∫₀ˣ exp(-t²) dt */
export function erf(x: number): number {
  const y = Math.abs(x);
  if (y <= 0.46875) return x * ratio(SMALL, x * x);
  return x < 0 ? erfc(-x) - 1 : 1 - erfc(x);
}

/** erfc(x) = 1 - erf(x), without the cancellation for large x. */
export function erfc(x: number): number {
  if (x < -0.46875) return 2 - erfc(-x);
  if (x <= 0.46875) return 1 - x * ratio(SMALL, x * x);
  // exp(-x²) with the square split in two, so that its rounding error is not magnified
  const high = Math.trunc(x * 16) / 16;
  const decay = x > 27 ? 0 : Math.exp(-high * high) * Math.exp((high - x) * (high + x));
  if (x <= 4) return decay * ratio(MIDDLE, x);
  const z = 1 / (x * x);
  return (decay / x) * (1 / Math.sqrt(Math.PI) - z * ratio(LARGE, z));
}
