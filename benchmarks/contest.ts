import { groupThatAgrees, type Results } from './agree.ts';
import { type Plan, type Runner, type Samples, takeRounds } from './measure.ts';

/*
 * One case of a bench, from start to end: every contestant is made ready, shows that it computes what the others compute, and is
 * timed in turns with them.
 */

/** A contestant that is ready: its library is loaded, its weights are in place, its graph is compiled. */
export interface Ready extends Runner {
  /** What the work gives. Asked for once, before anything is timed. */
  results(): Promise<Results>;
  /** For the table: its version, where package.json doesn't tell. */
  note?: string;
  close?(): Promise<void> | void;
}

export interface Contestant {
  name: string;
  /** Throws where it can't take part; the message is then its row in the table. */
  prepare(): Promise<Ready>;
  /** A yardstick computes nothing that could be compared, and is no peer. */
  yardstick?: boolean;
  /** What one repetition does, if it differs from the case's: the numerator of the rate. */
  work?: number;
  /** For the table: in what way it runs. */
  note?: string;
}

export interface Case {
  name: string;
  contestants: Contestant[];
  /** How far apart two results may be, measured by `distance` of agree.ts. */
  tolerance: number;
  /** Someone who computes the same by other means, is believed as much as any contestant, and is not timed. */
  referee?: { name: string; results: () => Promise<Results> | Results };
  /** One repetition in units: floating-point operations, tokens. */
  work?: { amount: number; unit: 'GFLOP/s' | 'tokens/s' };
}

export interface Row {
  contestant: string;
  yardstick: boolean;
  note?: string;
  /** Milliseconds for one repetition, one for each round. */
  samples?: Samples;
  rate?: number;
  /** Why there are no samples: it can't take part, or computed something else. */
  missing?: string;
}

export interface CaseResult {
  name: string;
  unit?: string;
  tolerance: number;
  /** Those whose results agree, the referee among them. */
  agreed: string[];
  rows: Row[];
}

export type Report = (line: string) => void;

export async function hold(contest: Case, plan: Plan, report: Report): Promise<CaseResult> {
  const ready = new Map<string, Ready>();
  const missing = new Map<string, string>();
  try {
    const results = await gather(contest, ready, missing, report);
    const agreed = groupThatAgrees(results, contest.tolerance);
    for (const [name, reason] of agreed.outside) {
      missing.set(name, `disqualified: ${reason}`);
      await drop(ready, name);
    }
    report(`  timing ${[...ready.keys()].join('; ')}`);
    const samples = await takeRounds(ready, plan);
    const rows = contest.contestants.map((contestant) => ({
      ...rowOf(contest, contestant, samples.get(contestant.name), missing),
      note: contestant.note ?? ready.get(contestant.name)?.note,
    }));
    return { name: contest.name, unit: contest.work?.unit, tolerance: contest.tolerance, agreed: agreed.inside, rows };
  } finally {
    for (const name of [...ready.keys()]) await drop(ready, name);
  }
}

/** Makes all of them ready, and asks for their results. */
async function gather(
  contest: Case,
  ready: Map<string, Ready>,
  missing: Map<string, string>,
  report: Report,
): Promise<Map<string, Results>> {
  const results = new Map<string, Results>();
  if (contest.referee) {
    report(`  ${contest.referee.name} computes`);
    results.set(contest.referee.name, await contest.referee.results());
  }
  for (const { name, prepare, yardstick } of contest.contestants) {
    report(`  ${name} gets ready`);
    try {
      const runner = await prepare();
      ready.set(name, runner);
      const computed = await runner.results();
      if (!yardstick) results.set(name, computed);
    } catch (error) {
      missing.set(name, messageOf(error));
      await drop(ready, name);
    }
  }
  return results;
}

async function drop(ready: Map<string, Ready>, name: string): Promise<void> {
  const runner = ready.get(name);
  ready.delete(name);
  await runner?.close?.();
}

function rowOf(contest: Case, contestant: Contestant, samples: Samples | Error | undefined, missing: Map<string, string>): Row {
  const { name, yardstick = false } = contestant;
  const row = { contestant: name, yardstick };
  if (samples instanceof Error) return { ...row, missing: messageOf(samples) };
  if (!samples) return { ...row, missing: missing.get(name) ?? 'was not measured' };
  const amount = contestant.work ?? contest.work?.amount;
  if (amount === undefined || !contest.work) return { ...row, samples };
  const perSecond = (amount * 1000) / samples.median;
  return { ...row, samples, rate: contest.work.unit === 'GFLOP/s' ? perSecond / 1e9 : perSecond };
}

/** Thrown by a contestant that isn't here or can't do this; the table shows the message. */
export class Absent extends Error {}

function messageOf(error: unknown): string {
  if (error instanceof Absent) return error.message;
  const text = error instanceof Error ? error.message : String(error);
  return `cannot: ${text.split('\n')[0]!.slice(0, 160)}`;
}
