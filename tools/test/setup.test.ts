import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

test('vitest.setup.ts and vitest.tensors.ts fail tests without manners', { timeout: 60_000 }, () => {
  const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
  const cwd = join(import.meta.dirname, '../fixtures/setup');
  const { stdout, stderr } = spawnSync(process.execPath, [vitest, 'run', '--no-color'], { cwd, encoding: 'utf8' });
  const output = stdout + stderr;
  expect(output).toContain('1 passed, 3 failed, 0 skipped');
  expect(output).toContain('console.warn: something is odd');
  expect(output).toContain('live tensors after the test');
  expect(output).toContain('added keys to Object.prototype');
});
