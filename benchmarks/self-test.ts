import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { here } from './build.ts';

/** Type-checks this folder and runs its tests. */
export function selfTest(): number {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  for (const args of [
    [tsc, '-p', '.'],
    ['--test', 'test/*.test.ts'],
  ]) {
    const { status } = spawnSync(process.execPath, args, { cwd: here, stdio: 'inherit' });
    if (status !== 0) return 1;
  }
  return 0;
}
