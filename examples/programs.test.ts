// Every program beside this file runs to its end as a person would run it, says something, and complains of nothing.
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const programs = readdirSync(import.meta.dirname).filter((file) => /^[\w-]+\.ts$/.test(file));
const flags = ['--conditions=@multihead/source', '--import=tsx'];

test.each(programs)('%s', { timeout: 180_000 }, async (program) => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [...flags, program], { cwd: import.meta.dirname });
  expect(stdout).not.toBe('');
  expect(stderr).toBe('');
});
