import type { Check, Finding, Tolerance, Values } from './suite.js';

/** How `check.got` differs from everything that would be right, told against the first of these; null if it matches one of them. */
export function mismatch(check: Check | Finding): string | null {
  if ('problem' in check) return check.problem === null ? null : `${check.what}: ${check.problem}`;
  const { got, want, tolerance } = check;
  const [first] = want;
  for (const right of want) if (difference(got, right, tolerance) === null) return null;
  const others = want.length > 1 ? ` (nor does it match ${want.length > 2 ? 'one of the alternatives' : 'the alternative'})` : '';
  return `${check.what}: ${difference(got, first, tolerance)}${others}`;
}

/** How two values differ, at their worst element; null if they agree. */
export function difference(got: Values | null, want: Values | null, tolerance: Tolerance): string | null {
  if (got === null || want === null) return got === want ? null : `got ${describe(got)}, want ${describe(want)}`;
  if (String(got.shape) !== String(want.shape)) return `got the shape ${show(got.shape)}, want ${show(want.shape)}`;
  if (got.kind !== want.kind) return `got ${got.kind} elements, want ${want.kind}`;
  if (got.data.length !== want.data.length) return `got ${got.data.length} elements, want ${want.data.length}`;
  return worstElement(got, want, tolerance);
}

function worstElement(got: Values, want: Values, tolerance: Tolerance): string | null {
  let count = 0;
  let worst = 0;
  let most = 0;
  for (let i = 0; i < want.data.length; i++) {
    const excess = excessOf(got.data[i], want.data[i], tolerance);
    if (excess <= 1) continue;
    count++;
    if (excess > most) [worst, most] = [i, excess];
  }
  if (count === 0) return null;
  const [g, w] = [got.data[worst], want.data[worst]];
  const allowed = tolerance.atol + tolerance.rtol * Math.abs(w);
  const off = Number.isFinite(g - w) ? `, off by ${brief(Math.abs(g - w))} with ${brief(allowed)} allowed` : '';
  const place = want.shape.length > 0 ? ` at ${show(placeOf(worst, want.shape))} of ${show(want.shape)}` : '';
  const { rtol, atol } = tolerance;
  return `got ${g}, want ${w}${place}${off} (rtol ${rtol}, atol ${atol}; ${count} of ${want.data.length} elements differ)`;
}

/** The error in units of what is allowed: right up to 1. Infinite where the two differ in kind. */
function excessOf(got: number, want: number, { rtol, atol, equalNan }: Tolerance): number {
  if (Number.isNaN(want) || Number.isNaN(got)) return equalNan && Number.isNaN(want) && Number.isNaN(got) ? 0 : Number.POSITIVE_INFINITY;
  if (got === want) return 0;
  if (!Number.isFinite(got) || !Number.isFinite(want)) return Number.POSITIVE_INFINITY;
  const allowed = atol + rtol * Math.abs(want);
  const error = Math.abs(got - want);
  return error <= allowed ? 0 : allowed > 0 ? error / allowed : Number.POSITIVE_INFINITY;
}

function placeOf(index: number, shape: readonly number[]): number[] {
  const place: number[] = [];
  for (let axis = shape.length - 1, rest = index; axis >= 0; axis--) {
    place.unshift(rest % shape[axis]);
    rest = Math.floor(rest / shape[axis]);
  }
  return place;
}

function describe(values: Values | null): string {
  return values === null ? 'nothing' : `a value of shape ${show(values.shape)}`;
}

function show(numbers: readonly number[]): string {
  return `[${numbers.join(', ')}]`;
}

function brief(n: number): string {
  return String(Number(n.toPrecision(3)));
}
