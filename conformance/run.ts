import { type Backend, getBackend, liveTensors, scope, setBackend } from '@multihead/tensor';
import { mismatch } from './compare.js';
import { type Family, type GoldenCase, Skip } from './suite.js';

export type Outcome = 'passed' | 'failed' | 'skipped';

export interface Result {
  /** Left out where the suite has nothing to do with backends. */
  readonly backend?: string;
  readonly family: string;
  readonly name: string;
  readonly outcome: Outcome;
  /** Why it was skipped, or how it failed. */
  readonly reason?: string;
}

/** Runs the cases one after the other; with `backend`, called `label` in the results, as the default backend while it lasts. */
export async function* runFamilies(families: readonly Family[], label?: string, backend: Backend = getBackend()): AsyncGenerator<Result> {
  const before = getBackend();
  setBackend(backend);
  try {
    for (const family of families) {
      for (const golden of family.cases) {
        yield { backend: label, family: family.name, name: golden.name, ...(await runCase(golden, backend)) };
      }
    }
  } finally {
    setBackend(before);
  }
}

/** One case: computed in a scope of its own, compared, and checked for tensors left behind. */
export async function runCase(golden: GoldenCase, backend: Backend): Promise<Pick<Result, 'outcome' | 'reason'>> {
  const before = liveTensors();
  try {
    const problems = await problemsOf(golden, backend);
    const left = liveTensors() - before;
    if (left > 0) problems.push(`leaves ${left} tensors behind`);
    return problems.length > 0 ? { outcome: 'failed', reason: problems.join('; ') } : { outcome: 'passed' };
  } catch (error) {
    if (error instanceof Skip) return { outcome: 'skipped', reason: error.message };
    return { outcome: 'failed', reason: `threw ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}` };
  }
}

async function problemsOf(golden: GoldenCase, backend: Backend): Promise<string[]> {
  const open = scope();
  try {
    const checks = await golden.run(backend);
    if (checks.length === 0) return ['checks nothing'];
    return checks.map(mismatch).filter((problem) => problem !== null);
  } finally {
    open.close();
  }
}
