import { subjectOf } from './backend-case.js';

/** Cases that a backend is known to fail, and why. A case is named in full, or by the part before its colon for all of a subject. */
export interface Skip {
  readonly reason: string;
  readonly cases: readonly string[];
}

/** Why the case `name` is skipped; undefined if it is not. */
export function reasonToSkip(skip: readonly Skip[], name: string): string | undefined {
  return skip.find(({ cases }) => cases.some((key) => matches(key, name)))?.reason;
}

/** Throws unless every entry has a reason and names cases that exist. */
export function checkSkips(skip: readonly Skip[], names: readonly string[]): void {
  for (const { reason, cases } of skip) {
    if (reason.trim() === '') throw new Error(`skip: a reason is missing for ${cases.join(', ')}`);
    if (cases.length === 0) throw new Error(`skip: cases: none are named for the reason "${reason}"`);
    for (const key of cases) {
      if (!names.some((name) => matches(key, name)))
        throw new Error(`skip: cases: there is no case or subject "${key}" (reason: ${reason})`);
    }
  }
}

function matches(key: string, name: string): boolean {
  return key === name || key === subjectOf(name);
}
