/*
 * Before anything is timed, the contestants have to agree on what comes out. Nobody is right by definition: the largest group whose
 * results are close to one another counts, and whoever stands outside it is disqualified.
 */

/** What a contestant computed: arrays by name, the same names from each. */
export type Results = Readonly<Record<string, ArrayLike<number>>>;

export interface Agreement {
  inside: string[];
  /** With the reason. */
  outside: Map<string, string>;
}

/** The greatest difference between elements, as a share of the greatest magnitude; ∞ where lengths differ or one has NaN. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let magnitude = 0;
  for (let i = 0; i < a.length; i++) {
    const gap = Math.abs(a[i]! - b[i]!);
    if (!(gap < Number.POSITIVE_INFINITY)) return Number.POSITIVE_INFINITY;
    if (gap > difference) difference = gap;
    magnitude = Math.max(magnitude, Math.abs(a[i]!), Math.abs(b[i]!));
  }
  return difference === 0 ? 0 : difference / magnitude;
}

/** The array by which two results are farthest apart, and how far that is. */
export function farthest(a: Results, b: Results): { name: string; distance: number } {
  let worst = { name: '', distance: 0 };
  const common = Object.keys(a).filter((name) => b[name]);
  if (common.length === 0) return { name: 'nothing', distance: Number.POSITIVE_INFINITY };
  for (const name of common) {
    const apart = distance(a[name]!, b[name]!);
    if (apart > worst.distance) worst = { name, distance: apart };
  }
  return worst;
}

/**
 * The largest group of contestants of which each is within `tolerance` of each other one. A group needs two members: nobody can vouch
 * for a contestant but another one. Of two largest groups neither counts.
 */
export function groupThatAgrees(results: ReadonlyMap<string, Results>, tolerance: number): Agreement {
  const names = [...results.keys()];
  const apart = (a: string, b: string) => farthest(results.get(a)!, results.get(b)!);
  const close = names.map((a) => names.map((b) => a === b || apart(a, b).distance <= tolerance));
  let best: number[][] = [];
  for (let set = 1; set < 2 ** names.length; set++) {
    const members = names.map((_, i) => i).filter((i) => set & (1 << i));
    if (members.length < 2 || members.length < (best[0]?.length ?? 0)) continue;
    if (!members.every((i) => members.every((j) => close[i]![j]))) continue;
    best = best[0]?.length === members.length ? [...best, members] : [members];
  }
  const inside = best.length === 1 ? best[0]!.map((i) => names[i]!) : [];
  const outside = names.filter((name) => !inside.includes(name)).map((name) => [name, reason(name)] as const);
  return { inside, outside: new Map(outside) };

  function reason(name: string): string {
    const others = inside.length > 0 ? inside : names.filter((other) => other !== name);
    if (others.length === 0) return 'nobody else computed this, so that nobody can vouch for it';
    const [nearest] = others.map((other) => ({ other, ...apart(name, other) })).sort((a, b) => a.distance - b.distance);
    const { other, name: array, distance: far } = nearest!;
    return `${array} is ${far.toExponential(1)} away from that of ${other}, allowed are ${tolerance.toExponential(0)}`;
  }
}
