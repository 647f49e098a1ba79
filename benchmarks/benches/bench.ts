import type { Judge, Verdict } from '../bars.ts';
import type { Case } from '../contest.ts';

/** Where a bench runs. */
export interface Setting {
  /** Major version of Node. */
  node: number;
  threads: number;
  quick: boolean;
}

export interface Bench {
  name: string;
  title: string;
  /** What a reader of the table should know about who runs how. */
  notes: string[];
  cases(setting: Setting): Case[] | Promise<Case[]>;
  /** The bars that each case has to meet. */
  judge(setting: Setting): Judge[];
  /** What else it finds out, and has bars for. */
  extra?(setting: Setting): Promise<Extra>;
}

export interface Extra {
  title: string;
  header: string[];
  rows: string[][];
  verdicts: Verdict[];
}
