import type { Archive } from '../archive.js';
import { type Check, Skip, type Tolerance, type Values } from '../suite.js';
import type { TorchCase } from './document.js';

/*
 * Curves on which PyTorch's own two runs, in float32 and in float64, part by more than the tolerance: somewhere before, training has become
 * unstable, rounding errors double every other step, and no third run can follow either of the two. Such a curve is compared up to the step
 * where the gap between them opens, and its rest is a case of its own, which is skipped in so many words.
 */

/** The gap has opened when it is this share of what is allowed: a third run is off by several times as much as those two. */
const OPEN = 0.1;

/** The check of a curve, cut where its two references part. */
export function determined(check: Check): Check {
  const end = partingStep(check.want, check.tolerance);
  if (end === null) return check;
  const cut = (values: Values | null) => values && { ...values, shape: [end], data: Array.from(values.data).slice(0, end) };
  const [first, ...others] = check.want;
  return { ...check, what: `${check.what} before step ${end}`, got: cut(check.got), want: [cut(first), ...others.map(cut)] };
}

/** What says why the rest of the curves of a case, its first two outputs, is skipped; null if they have none. */
export function restOf(golden: TorchCase, archive: Archive): (() => Promise<never>) | null {
  const steps = [0, 1].flatMap((i) => {
    const alternative = golden.alt_outputs?.[i] ?? null;
    const references = [golden.outputs?.[i] ?? null, alternative].map((ref) => ref && archive.values(ref));
    return partingStep(references, golden) ?? [];
  });
  if (steps.length === 0) return null;
  return async () => {
    throw new Skip(`rounding decides: PyTorch's float32 and float64 runs part from step ${Math.min(...steps)} on`);
  };
}

/** Where the gap between two references of a curve opens, if it comes to more than is allowed; else null. */
function partingStep([a, b]: readonly (Values | null)[], { rtol, atol }: Pick<Tolerance, 'rtol' | 'atol'>): number | null {
  if (!a || !b || a.shape.length !== 1) return null;
  const gaps = Array.from(a.data, (value, i) => Math.abs(value - b.data[i]) / (atol + rtol * Math.abs(value)));
  return gaps.some((gap) => gap > 1) ? gaps.findIndex((gap) => gap > OPEN) : null;
}
