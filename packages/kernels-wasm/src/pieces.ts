/**
 * [0, n) cut into at most `most` ranges of about the same length, each but the last a multiple of `grain`. At least one, even of nothing.
 */
export function pieces(n: number, grain: number, most: number): [from: number, to: number][] {
  const count = Math.max(1, Math.min(most, Math.floor(n / grain)));
  const step = Math.ceil(n / count / grain) * grain;
  const ranges: [number, number][] = [];
  for (let from = 0; from < n; from += step) ranges.push([from, Math.min(n, from + step)]);
  return ranges.length > 0 ? ranges : [[0, n]];
}

/** Into how many pieces work is cut that would be worth `worth` threads: `each` for every thread of the team, one if there is but one. */
export function shares(team: { readonly size: number }, worth: number, each: number): number {
  return team.size === 1 ? 1 : Math.min(each * team.size, Math.floor(worth));
}
