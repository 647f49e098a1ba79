// The process in which hostile files are read: one after the other, each in every way, until the program that started it is gone.
import { countAllocations, takeAsked } from './allocations.js';
import type { Outcome, Task } from './document.js';
import { watch, watching } from './watch.js';

watch();
countAllocations();
// Only now, so that the modules under test take the constructors that count and the functions that tell.
const { MultiheadError } = await import('@multihead/tensor');
const { TokenizerError } = await import('@multihead/tokenizer');
const { kinds } = await import('./kinds.js');

async function outcomesOf(task: Task): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  globalThis.gc?.();
  for (const [way, read] of Object.entries(kinds.get(task.kind)!.ways)) outcomes.push(await outcomeOf(way, task, read));
  return outcomes;
}

async function outcomeOf(way: string, task: Task, read: (task: Task) => Promise<string[]>): Promise<Outcome> {
  takeAsked();
  const before = bytesInUse();
  const elapsed = stopwatch();
  let ms = 0;
  let bytes = 0;
  const measured = async () => {
    try {
      return { problems: await read(task) };
    } catch (error) {
      if ((error as Error)?.name === 'UnknownExpectation') throw error;
      return { error: { text: textOf(error), typed: error instanceof MultiheadError || error instanceof TokenizerError }, problems: [] };
    } finally {
      ms = elapsed();
      bytes = Math.max(bytesInUse() - before, takeAsked());
    }
  };
  const { result, seen } = await watching(task.folder, measured);
  return { way, accepted: !('error' in result), ...result, ms, bytes, problems: [...result.problems, ...seen] };
}

/** Milliseconds since, by the clock or of processor time, whichever is less: that other programs run is no fault of the file. */
function stopwatch(): () => number {
  const begin = performance.now();
  const used = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(used);
    return Math.min(performance.now() - begin, (user + system) / 1000);
  };
}

function bytesInUse(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external; // buffers are part of the latter
}

function textOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

process.on('message', async (task: Task) => {
  try {
    process.send?.({ outcomes: await outcomesOf(task) });
  } catch (error) {
    process.send?.({ skip: (error as Error).message });
  }
});
process.send?.({ ready: true });
