// Every program beside this file runs to its end as a person would run it, says something, and complains of nothing.
// A line `console.log(…); // value` in it claims that this is what it prints.
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const programs = readdirSync(import.meta.dirname).filter((file) => /^[\w-]+\.ts$/.test(file));
const flags = ['--conditions=@multihead/source', '--import=tsx'];
const claim = /^\s*console\.log\(.*\); \/\/ (.+)$/gm;

test.each(programs)('%s', { timeout: 180_000 }, async (program) => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [...flags, program], { cwd: import.meta.dirname });
  expect(stdout).not.toBe('');
  expect(stderr).toBe('');
  const lines = stdout.split('\n');
  for (const [, expected] of readFileSync(join(import.meta.dirname, program), 'utf8').matchAll(claim)) {
    expect(lines, 'what is printed after the claims before').toContain(expected);
    lines.splice(0, lines.indexOf(expected!) + 1);
  }
});
