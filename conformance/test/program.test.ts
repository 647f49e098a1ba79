import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// The program as `pnpm conformance` starts it.

const here = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'multihead-conformance-'));

function conformance(...args: string[]) {
  const { INIT_CWD: _, ...env } = process.env;
  const node = ['--conditions=@multihead/source', '--import=tsx', 'main.ts', ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, node, { cwd: here, env, encoding: 'utf8' });
  return { status, stdout, stderr, last: stdout.trimEnd().split('\n').at(-1) };
}

function schedule(name: string, lrs: number[]) {
  const kwargs = { d_model: 4, warmup: 1 };
  return { name, op: 'lr_scheduler.LambdaLR', base_lr: 1, kwargs, steps: lrs.length, lrs, rtol: 1e-6, atol: 1e-9 };
}

beforeAll(() => {
  const cases = [schedule('right', [0.5, 0.5 / Math.SQRT2]), schedule('wrong', [0.5, 0.5])];
  writeFileSync(join(folder, 'schedule.json'), JSON.stringify({ suite: 'torch', family: 'schedule', data: null, cases }));
});

afterAll(() => rmSync(folder, { recursive: true }));

describe('pnpm conformance', () => {
  it('runs one family of the packed cases on both backends and ends with the count', () => {
    const { status, stdout, last } = conformance('torch', '--family', 'schedule');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^torch on cpu\n[\s\S]*\ntorch on wasm\n/);
    expect(stdout).not.toContain('clip');
    expect(last).toMatch(/^\d+ passed, 0 failed, \d+ skipped$/);
  });

  it('lists what fails and says so with its exit code', () => {
    const { status, stdout, last } = conformance('torch', '--dir', folder, '--backend', 'cpu');
    expect(status).toBe(1);
    expect(stdout).toMatch(/schedule\/wrong on cpu: rates: got 0\.35\d+, want 0\.5 at \[1\] of \[2\]/);
    expect(last).toBe('1 passed, 1 failed, 0 skipped');
  });

  it('prints JSON and nothing else when asked to', () => {
    const { status, stdout } = conformance('torch', '--dir', folder, '--backend', 'cpu', '--json');
    expect(status).toBe(1);
    const report = JSON.parse(stdout);
    expect(report.counts).toEqual({ passed: 1, failed: 1, skipped: 0 });
    expect(report.failures).toHaveLength(1);
  });

  it('runs a suite that has nothing to do with backends once, and several suites with one count at the end', () => {
    const { status, stdout, last } = conformance('malformed', 'torch', '--family', 'safetensors-index', '--family', 'schedule');
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /^torch on cpu\n[\s\S]*\ntorch on wasm\n[\s\S]*\nmalformed\n {2}safetensors-index {2}\d+ passed, 0 failed, 0 skipped\n/,
    );
    const counts = [...stdout.matchAll(/^(\d+) passed, 0 failed, \d+ skipped$/gm)].map(([, passed]) => Number(passed));
    expect(counts).toEqual([counts[0], counts[1], counts[0] + counts[1]]);
    expect(last).toMatch(/^\d+ passed, 0 failed, \d+ skipped$/);
    const { stdout: json } = conformance('malformed', '--family', 'safetensors-index', '--json');
    expect(JSON.parse(json)).toMatchObject({ suite: 'malformed', counts: { failed: 0 }, families: [{ family: 'safetensors-index' }] });
  });

  it.each([
    [['fortran'], 'SUITE: expected torch or '],
    [['torch', '--backend', 'gpu'], '--backend: expected cpu or wasm, got gpu'],
    [['torch', '--threads', 'two'], '--threads: expected 1 or more, got two'],
    [['torch', '--family', 'fn-nothing'], '--family: expected one of'],
    [['torch', '--dir', 'nowhere'], '--dir: there is no folder'],
    [['torch', '--verbose'], '--verbose'],
  ])('says how it is used when it is called with %j', (args, problem) => {
    const { status, stdout, stderr } = conformance(...args);
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(problem);
    expect(stderr).toContain('Usage: pnpm conformance SUITE … [options]');
  });
});
