import type { Backend } from '../backend.js';
import type { BackendCase } from './backend-case.js';
import { backendCases } from './backend-cases.js';
import { Lab } from './backend-lab.js';
import { checkSkips, reasonToSkip, type Skip } from './skip.js';

export interface CaseResult {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** Why it failed, or was skipped. */
  readonly reason?: string;
}

/**
 * What `describeBackend` tests, for where there is no vitest, such as a page in a browser: runs every case on `backend`, which it does not
 * dispose of, and tells how each went.
 *
 * @example
 * for await (const { name, outcome, reason } of checkBackend(cpu())) if (outcome === 'failed') throw new Error(`${name}: ${reason}`);
 */
export async function* checkBackend(backend: Backend, options: { skip?: readonly Skip[] } = {}): AsyncGenerator<CaseResult> {
  const { skip = [] } = options;
  checkSkips(
    skip,
    backendCases.map(({ name }) => name),
  );
  for (const test of backendCases) {
    const { name, needs } = test;
    if (needs && !backend.fused[needs]) continue;
    const reason = reasonToSkip(skip, name);
    if (reason) yield { name, outcome: 'skipped', reason };
    else yield { name, ...(await outcomeOf(backend, test)) };
  }
}

async function outcomeOf(backend: Backend, test: BackendCase): Promise<Omit<CaseResult, 'name'>> {
  try {
    await runCase(backend, test);
    return { outcome: 'passed' };
  } catch (error) {
    return { outcome: 'failed', reason: error instanceof Error ? error.message : String(error) };
  }
}

/** Runs one case, then checks that nothing was written where it should not be and that all memory is back. */
export async function runCase(backend: Backend, test: BackendCase): Promise<void | false> {
  const before = backend.memory();
  const lab = new Lab(backend);
  let outcome: void | false;
  try {
    outcome = await test.run(lab);
    await lab.finish();
  } finally {
    lab.free();
  }
  const after = backend.memory();
  if (after.buffers !== before.buffers || after.bytes !== before.bytes)
    throw new Error(
      `memory after the test: ${after.buffers} buffers of ${after.bytes} bytes; before it ${before.buffers} of ${before.bytes}`,
    );
  return outcome;
}
