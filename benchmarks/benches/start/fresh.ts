import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Ready } from '../../contest.ts';

/** One run of a program in a process of its own. */
export interface Fresh {
  /** Milliseconds from its start to the first token. */
  ms: number;
  id: number;
  /** The greatest resident set, in bytes. */
  peak: number;
}

export type Program = 'first-multihead' | 'first-transformers';

export async function fresh(program: Program, args: readonly string[]): Promise<Fresh> {
  const began = performance.now();
  const script = fileURLToPath(new URL(`./${program}.mjs`, import.meta.url)); // Bundled beside this one.
  const running = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let ms = 0;
  let id = -1;
  let peak = 0;
  for await (const line of createInterface({ input: running.stdout })) {
    const said = JSON.parse(line) as { id?: number; peak?: number };
    if (said.id !== undefined) [ms, id] = [performance.now() - began, said.id];
    peak = said.peak ?? peak;
  }
  if (id < 0) throw new Error(`${program} ended without a token`);
  return { ms, id, peak };
}

/** A contestant whose clock begins with its process. Peaks of memory go into `peaks`. */
export function byFreshProcesses(program: Program, args: readonly string[], peaks: number[]): Ready {
  return {
    repetitions: 1,
    async run(times) {
      let total = 0;
      for (let i = 0; i < times; i++) {
        const { ms, peak } = await fresh(program, args);
        total += ms;
        peaks.push(peak);
      }
      return total;
    },
    results: async () => ({ id: [(await fresh(program, args)).id] }),
  };
}
