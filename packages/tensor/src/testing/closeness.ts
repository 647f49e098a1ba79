/** |got - want| ≤ atol + rtol · scale, where scale is |want| unless given by element (for sums: the sum of the terms' magnitudes). */
export interface Tolerance {
  readonly rtol?: number;
  readonly atol?: number;
  readonly scale?: ArrayLike<number>;
}

/** Equal values; 0 equals -0, NaN equals NaN. */
export const exact: Tolerance = { rtol: 0, atol: 0 };

/**
 * Says how `got` differs from `want`, at the worst element, or gives null if they agree. NaN equals NaN, an infinity only itself.
 * The lengths must be equal. `place` turns the number of an element into words.
 */
export function difference(
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  tolerance: Tolerance,
  place: (i: number) => string = (i) => `[${i}]`,
): string | null {
  if (got.length !== want.length) return `expected ${want.length} elements, got ${got.length}`;
  const { rtol = 0, atol = 0, scale } = tolerance;
  let count = 0;
  let worst = -1;
  let worstExcess = -1;
  for (let i = 0; i < got.length; i++) {
    const excess = excessOf(got[i]!, want[i]!, atol + rtol * (scale ? scale[i]! : Math.abs(want[i]!)));
    if (excess === 0) continue;
    count++;
    if (excess > worstExcess) [worst, worstExcess] = [i, excess];
  }
  if (count === 0) return null;
  const [g, w] = [got[worst]!, want[worst]!];
  const by = Number.isFinite(g - w) ? `, off by ${Math.abs(g - w)}` : '';
  return `${count} of ${got.length} elements differ by more than rtol ${rtol}, atol ${atol}; the worst is ${place(worst)}: got ${g}, expected ${w}${by}`;
}

/** 0 if the two agree within `allowed`, else by how much they do not; infinite where they differ in kind. */
function excessOf(got: number, want: number, allowed: number): number {
  if (got === want || (Number.isNaN(got) && Number.isNaN(want))) return 0;
  if (!Number.isFinite(got) || !Number.isFinite(want)) return Infinity;
  const gap = Math.abs(got - want);
  return gap <= allowed ? 0 : gap - allowed;
}
