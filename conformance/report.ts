import type { Outcome, Result } from './run.js';

export type Counts = Record<Outcome, number>;

export interface Report {
  readonly suite: string;
  readonly counts: Counts;
  readonly families: readonly ({ readonly backend?: string; readonly family: string } & Counts)[];
  /** Skipped cases by reason, the most frequent first. */
  readonly skips: readonly { readonly reason: string; readonly count: number; readonly cases: readonly string[] }[];
  readonly failures: readonly Result[];
}

export function countOf(results: readonly Result[]): Counts {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { outcome } of results) counts[outcome]++;
  return counts;
}

/** `12 passed, 0 failed, 3 skipped` */
export function countLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

export function reportOf(suite: string, results: readonly Result[]): Report {
  const families = grouped(results, ({ backend, family }) => `${backend}\n${family}`);
  const skips = grouped(
    results.filter(({ outcome }) => outcome === 'skipped'),
    ({ reason }) => reason ?? '',
  );
  return {
    suite,
    counts: countOf(results),
    families: [...families.values()].map((group) => ({ backend: group[0].backend, family: group[0].family, ...countOf(group) })),
    skips: [...skips]
      .map(([reason, group]) => ({ reason, count: group.length, cases: group.map(placeOf) }))
      .sort((a, b) => b.count - a.count || a.reason.localeCompare(b.reason)),
    failures: results.filter(({ outcome }) => outcome === 'failed'),
  };
}

/** The report for people. Its last line is the count. */
export function textOf(report: Report): string {
  const { families, skips, failures } = report;
  const width = Math.max(0, ...families.map(({ family }) => family.length));
  const lines: string[] = [];
  for (const backend of new Set(families.map((line) => line.backend))) {
    lines.push(`${report.suite}${on(backend)}`);
    for (const line of families) if (line.backend === backend) lines.push(`  ${line.family.padEnd(width)}  ${countLine(line)}`);
    lines.push('');
  }
  if (skips.length > 0) lines.push('Skipped', ...skips.map(({ reason, count }) => `${String(count).padStart(6)}  ${reason}`), '');
  if (failures.length > 0) lines.push('Failed', ...failures.map((result) => `  ${placeOf(result)}: ${result.reason}`), '');
  return [...lines, countLine(report.counts)].join('\n');
}

function placeOf({ backend, family, name }: Result): string {
  return `${family}/${name}${on(backend)}`;
}

function on(backend: string | undefined): string {
  return backend === undefined ? '' : ` on ${backend}`;
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
