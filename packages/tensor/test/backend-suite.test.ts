import { describe, expect, it } from 'vitest';
import { subjectOf } from '../src/testing/backend-case.js';
import { backendCases } from '../src/testing/backend-cases.js';
import { checkBackend, runCase } from '../src/testing/run-case.js';
import { checkSkips, reasonToSkip } from '../src/testing/skip.js';
import { broken, mutants } from './backend-mutants.js';

/*
 * The suite has teeth: backends with one thing wrong must fail it.
 */

describe('a backend with one thing wrong fails the suite', () => {
  for (const { what, among, make } of mutants) {
    it(what, async () => {
      const cases = backendCases.filter(({ name, needs }) => !needs && subjectOf(name).startsWith(among));
      expect(cases.length).toBeGreaterThan(0);
      const backend = make();
      const failures: string[] = [];
      for (const test of cases) await runCase(backend, test).catch(() => failures.push(test.name));
      expect(failures.length).toBeGreaterThan(0);
    });
  }

  it('and without anything wrong passes it', async () => {
    const backend = broken(() => ({}));
    for (const test of backendCases.filter(({ name }) => /^(unary relu|copy|matmul)/.test(name))) await runCase(backend, test);
  });
});

it('runs without vitest, too', async () => {
  const backend = broken((_b, k) => ({ matmul: (out, a, b, args) => k.matmul(out, a, b, { ...args, alpha: 1 }) }));
  const skip = [{ reason: 'not asked here', cases: backendCases.map(({ name }) => name).filter((name) => !name.startsWith('matmul')) }];
  const results = [];
  for await (const result of checkBackend(backend, { skip })) results.push(result);
  expect(results.filter(({ outcome }) => outcome === 'failed').map(({ name }) => name)).toContain('matmul: alpha and accumulate');
  expect(results.find(({ outcome }) => outcome === 'skipped')?.reason).toBe('not asked here');
  expect(results.some(({ outcome }) => outcome === 'passed')).toBe(true);
});

describe('skips', () => {
  const names = ['unary exp: odd sizes', 'unary exp: special values', 'matmul: batches'];

  it('hold for a case or for a subject', () => {
    const skip = [{ reason: 'denormals are flushed', cases: ['unary exp', 'matmul: batches'] }];
    expect(names.map((name) => reasonToSkip(skip, name))).toEqual(new Array(3).fill('denormals are flushed'));
    expect(reasonToSkip(skip, 'matmul: odd sizes')).toBeUndefined();
    expect(() => checkSkips(skip, names)).not.toThrow();
  });

  it('need a reason and a case that exists', () => {
    expect(() => checkSkips([{ reason: ' ', cases: ['unary exp'] }], names)).toThrow(/reason is missing/);
    expect(() => checkSkips([{ reason: 'slow', cases: ['unary expp'] }], names)).toThrow(/no case or subject "unary expp"/);
    expect(() => checkSkips([{ reason: 'slow', cases: [] }], names)).toThrow(/none are named/);
  });

  it('and every case has a name of its own', () => {
    const all = backendCases.map(({ name }) => name);
    expect(new Set(all).size).toBe(all.length);
    expect(all.filter((name) => !name.includes(': '))).toEqual([]);
  });
});
