/*
 * How things are timed: everyone warms up, and then they take turns, one batch each a round. What else happens on the machine hits all
 * of them alike, and shows in the spread.
 */

export interface Runner {
  /** Does the work `n` times; resolves when all of it is done. Where its clock is in another process, it resolves with the milliseconds. */
  run(n: number): Promise<number | undefined>;
  /** Puts things back to where a batch begins. Not timed. */
  rewind?(): Promise<void>;
  /** Repetitions of a batch, where that is not for the clock to decide. */
  repetitions?: number;
}

export interface Plan {
  rounds: number;
  /** A batch is repeated work of at least so many milliseconds. */
  batch: number;
  /** Milliseconds that each contestant runs before the first round, at the least. */
  warmUp: number;
}

export const plans: Record<'full' | 'quick', Plan> = {
  full: { rounds: 7, batch: 60, warmUp: 1500 },
  quick: { rounds: 3, batch: 50, warmUp: 300 },
};

export interface Samples {
  /** Repetitions in each batch. */
  repetitions: number;
  /** Milliseconds for one repetition, by round. */
  ms: number[];
  median: number;
  min: number;
  max: number;
}

/** For tests: another clock, no rest between batches. */
export interface Surroundings {
  now(): number;
  /** Between batches: collects garbage, and lets the threads of whoever ran last fall asleep. */
  rest(): Promise<void>;
}

const here: Surroundings = {
  now: () => performance.now(),
  rest: async () => {
    (globalThis as { gc?: () => void }).gc?.();
    await new Promise((resolve) => setTimeout(resolve, 10));
  },
};

/** The samples of each runner, or the error that stopped it. */
export async function takeRounds(
  runners: ReadonlyMap<string, Runner>,
  plan: Plan,
  surroundings: Surroundings = here,
): Promise<Map<string, Samples | Error>> {
  const found = new Map<string, Samples | Error>();
  const running: { name: string; runner: Runner; repetitions: number; ms: number[] }[] = [];
  const attempt = async <T>(name: string, action: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await action();
    } catch (error) {
      found.set(name, error instanceof Error ? error : new Error(String(error)));
      return undefined;
    }
  };

  for (const [name, runner] of runners) {
    const repetitions = await attempt(name, () => warmUp(runner, plan, surroundings));
    if (repetitions !== undefined) running.push({ name, runner, repetitions, ms: [] });
  }
  for (let round = 0; round < plan.rounds; round++) {
    // Nobody always follows the same one.
    for (const turn of rotated(running, round)) {
      if (found.has(turn.name)) continue;
      const ms = await attempt(turn.name, () => timed(turn.runner, turn.repetitions, surroundings));
      if (ms !== undefined) turn.ms.push(ms / turn.repetitions);
    }
  }
  for (const { name, repetitions, ms } of running) if (!found.has(name)) found.set(name, { repetitions, ms, ...summary(ms) });
  return found;
}

/** Runs until the time for it is up, and gives the repetitions of a batch. */
async function warmUp(runner: Runner, plan: Plan, surroundings: Surroundings): Promise<number> {
  let n = runner.repetitions ?? 1;
  let spent = 0;
  for (;;) {
    const ms = await timed(runner, n, surroundings);
    spent += ms;
    const enough = runner.repetitions !== undefined || ms >= plan.batch;
    if (enough && spent >= plan.warmUp) return n;
    if (!enough) n = Math.max(n + 1, Math.min(10 * n, Math.ceil((1.25 * n * plan.batch) / Math.max(ms, 0.001))));
  }
}

async function timed(runner: Runner, n: number, { now, rest }: Surroundings): Promise<number> {
  await runner.rewind?.();
  await rest();
  const start = now();
  const own = await runner.run(n);
  return own ?? now() - start;
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const at = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
}

export function summary(ms: readonly number[]): { median: number; min: number; max: number } {
  const sorted = [...ms].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, min: sorted[0]!, max: sorted.at(-1)! };
}
