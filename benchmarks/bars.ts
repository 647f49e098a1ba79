import type { CaseResult, Row } from './contest.ts';

/* A bar is a ratio that has to be reached. It is judged on medians of one run. */

export interface Verdict {
  case: string;
  /** "multihead against the fastest peer (jax-js)" */
  what: string;
  /** "≥ 1.6×" */
  wanted: string;
  /** "1.71×" */
  found: string;
  /** Null: there was nobody to compare with, and the bar allows that. */
  met: boolean | null;
}

export type Judge = (result: CaseResult) => Verdict | null;

interface BarOptions {
  /** The case it is for; all if left out. */
  case?: string | ((name: string) => boolean);
  /** True: without the other side there is nothing to judge. Else that is falling short. */
  optional?: boolean;
}

/** The time of the fastest of `others` over that of `own` is at least `least`. */
export function faster(own: string, others: readonly string[], least: number, options: BarOptions = {}): Judge {
  const wanted = `≥ ${least}×`;
  return (result) => {
    if (!concerns(options, result)) return null;
    const fastest = others
      .map((name) => row(result, name))
      .filter((r) => r?.samples)
      .sort((a, b) => median(a!) - median(b!))[0];
    const what = `${own} against ${others.length === 1 ? others[0] : `the fastest peer${fastest ? ` (${fastest.contestant})` : ''}`}`;
    const mine = row(result, own);
    if (!mine?.samples) return absent(result, what, wanted, own, false);
    if (!fastest) return absent(result, what, wanted, others.join(', '), options.optional);
    const ratio = median(fastest) / median(mine);
    return { case: result.name, what, wanted, found: `${ratio.toFixed(2)}×`, met: ratio >= least };
  };
}

/** The time of `own` is at most `most` times that of `other`. */
export function within(own: string, other: string, most: number, options: BarOptions = {}): Judge {
  const wanted = `≤ ${most}×`;
  const what = `time of ${own} over that of ${other}`;
  return (result) => {
    if (!concerns(options, result)) return null;
    const [mine, theirs] = [row(result, own), row(result, other)];
    if (!mine?.samples) return absent(result, what, wanted, own, false);
    if (!theirs?.samples) return absent(result, what, wanted, other, options.optional);
    const ratio = median(mine) / median(theirs);
    return { case: result.name, what, wanted, found: `${ratio.toFixed(2)}×`, met: ratio <= most };
  };
}

/** The rate of `own` is at least `least` of that of the yardstick. */
export function shareOf(own: string, yardstick: string, least: number, options: BarOptions = {}): Judge {
  const wanted = `≥ ${(100 * least).toFixed(0)} %`;
  const what = `${own} as a share of the ${yardstick}`;
  return (result) => {
    if (!concerns(options, result)) return null;
    const [mine, limit] = [row(result, own), row(result, yardstick)];
    if (!mine?.rate) return absent(result, what, wanted, own, false);
    if (!limit?.rate) return absent(result, what, wanted, yardstick, options.optional);
    const share = mine.rate / limit.rate;
    return { case: result.name, what, wanted, found: `${(100 * share).toFixed(1)} %`, met: share >= least };
  };
}

function concerns(options: BarOptions, { name }: CaseResult): boolean {
  const { case: wanted } = options;
  return wanted === undefined || (typeof wanted === 'string' ? wanted === name : wanted(name));
}

function row(result: CaseResult, name: string): Row | undefined {
  return result.rows.find(({ contestant }) => contestant === name);
}

function median(row: Row): number {
  return row.samples!.median;
}

function absent(result: CaseResult, what: string, wanted: string, who: string, optional = false): Verdict {
  return { case: result.name, what, wanted, found: `no figure of ${who}`, met: optional ? null : false };
}
