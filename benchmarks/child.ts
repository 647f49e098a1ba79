import type { Verdict } from './bars.ts';
import type { Bench, Extra, Setting } from './benches/bench.ts';
import { benches } from './benches/index.ts';
import { type CaseResult, hold } from './contest.ts';
import { plans } from './measure.ts';

/*
 * Runs in the Node that is measured: one bench, one number of threads, all contestants in this one process. main.ts starts it and hears
 * from it by messages.
 */

export interface Order {
  bench: string;
  threads: number;
  /** Only cases whose names have this in them. */
  only: string;
  quick: boolean;
}

export interface Run {
  bench: string;
  title: string;
  notes: string[];
  setting: Setting;
  versions: { node: string; v8: string };
  cases: CaseResult[];
  extra?: Extra;
  verdicts: Verdict[];
}

export type FromChild = { report: string } | { run: Run };

const send = (message: FromChild) => new Promise<void>((resolve) => process.send!(message, undefined, undefined, () => resolve()));

process.once('message', async (order: Order) => {
  process.channel?.ref(); // Some contestants wait for threads of theirs, which keep no process alive.
  const bench = await benches[order.bench]!();
  const setting: Setting = { node: Number(process.versions.node.split('.')[0]), threads: order.threads, quick: order.quick };
  const cases: CaseResult[] = [];
  for (const contest of (await bench.cases(setting)).filter(({ name }) => name.includes(order.only))) {
    await send({
      report: `${bench.name} ${contest.name}, Node ${setting.node}, ${setting.threads === 1 ? '1 thread' : `${setting.threads} threads`}`,
    });
    cases.push(await hold(contest, plans[order.quick ? 'quick' : 'full'], (report) => void send({ report })));
  }
  const extra = 'memory'.includes(order.only) ? await extraOf(bench, setting) : undefined;
  const verdicts = cases.flatMap((result) => bench.judge(setting).flatMap((judge) => judge(result) ?? []));
  const { node, v8 } = process.versions;
  const run: Run = {
    bench: bench.name,
    title: bench.title,
    notes: bench.notes,
    setting,
    versions: { node, v8 },
    cases,
    extra,
    verdicts: [...verdicts, ...(extra?.verdicts ?? [])],
  };
  await send({ run });
  process.exit(0);
});

async function extraOf(bench: Bench, setting: Setting): Promise<Extra | undefined> {
  if (!bench.extra) return undefined;
  await send({ report: `${bench.name}: memory` });
  try {
    return await bench.extra(setting);
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    return { title: '', header: [], rows: [], verdicts: [{ case: 'memory', what: 'bytes', wanted: 'a figure', found, met: false }] };
  }
}
