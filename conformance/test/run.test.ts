import { cpu, getBackend, tensor, withBackend, zeros } from '@multihead/tensor';
import { describe, expect, it } from 'vitest';
import { countLine, reportOf, textOf } from '../report.js';
import { type Result, runCase, runFamilies } from '../run.js';
import { type Check, type GoldenCase, notBuilt } from '../suite.js';

const backend = cpu();
const check = (got: number, want: number): Check => ({
  what: 'output 0',
  got: { shape: [], kind: 'float', data: [got] },
  want: [{ shape: [], kind: 'float', data: [want] }],
  tolerance: { rtol: 0, atol: 0, equalNan: true },
});
const golden = (name: string, run: GoldenCase['run']): GoldenCase => ({ name, run });

describe('runCase', () => {
  it('passes what is right, and fails what is wrong', async () => {
    expect(
      await runCase(
        golden('right', async () => [check(1, 1)]),
        backend,
      ),
    ).toEqual({ outcome: 'passed' });
    const { outcome, reason } = await runCase(
      golden('wrong', async () => [check(1, 1), check(2, 1)]),
      backend,
    );
    expect(outcome).toBe('failed');
    expect(reason).toMatch(/^output 0: got 2, want 1/);
  });

  it('skips with a reason, and fails on any other error', async () => {
    const skipped = await runCase(
      golden('skip', () => Promise.reject(notBuilt('fft'))),
      backend,
    );
    expect(skipped).toEqual({ outcome: 'skipped', reason: 'not built yet: fft' });
    const failed = await runCase(
      golden('throw', () => Promise.reject(new TypeError('x is undefined'))),
      backend,
    );
    expect(failed).toEqual({ outcome: 'failed', reason: 'threw TypeError: x is undefined' });
  });

  it('fails a case that checks nothing', async () => {
    expect(
      await runCase(
        golden('empty', async () => []),
        backend,
      ),
    ).toEqual({ outcome: 'failed', reason: 'checks nothing' });
  });

  it('frees what a case makes, and fails one that keeps a tensor', async () => {
    let kept = zeros([1]);
    kept.dispose();
    const tidyCase = golden('tidy', async () => [check(await tensor([3]).item(), 3)]);
    const leaky = golden('leaky', async () => {
      kept = zeros([2]);
      kept.scope?.remove(kept);
      return [check(1, 1)];
    });
    expect(await runCase(tidyCase, backend)).toEqual({ outcome: 'passed' });
    expect(await runCase(leaky, backend)).toEqual({ outcome: 'failed', reason: 'leaves 1 tensors behind' });
    kept.dispose();
  });
});

describe('runFamilies', () => {
  it('makes the backend the default one, and puts back the one before', async () => {
    const before = getBackend();
    const seen: unknown[] = [];
    const spy = golden('spy', async () => {
      seen.push(getBackend());
      return [check(1, 1)];
    });
    const results: Result[] = [];
    for await (const result of runFamilies([{ name: 'family', cases: [spy, spy] }], 'cpu', backend)) results.push(result);
    expect(seen).toEqual([backend, backend]);
    expect(getBackend()).toBe(before);
    expect(results.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual(['spy passed', 'spy passed']);
    expect(withBackend(backend, getBackend)).toBe(backend);
  });
});

describe('the report', () => {
  const result = (family: string, name: string, outcome: Result['outcome'], reason?: string): Result => ({
    backend: 'cpu',
    family,
    name,
    outcome,
    reason,
  });
  const results = [
    result('a', '1', 'passed'),
    result('a', '2', 'skipped', 'not built yet: y'),
    result('a', '3', 'skipped', 'not built yet: x'),
    result('b', '4', 'skipped', 'not built yet: x'),
    result('b', '5', 'failed', 'output 0: got 2, want 1'),
  ];

  it('groups what is skipped by its reason, the most frequent first', () => {
    const { skips } = reportOf('torch', results);
    expect(skips.map(({ reason, count }) => [reason, count])).toEqual([
      ['not built yet: x', 2],
      ['not built yet: y', 1],
    ]);
    expect(skips[0].cases).toEqual(['a/3 on cpu', 'b/4 on cpu']);
  });

  it('counts by family, lists failures and ends with the count', () => {
    const text = textOf(reportOf('torch', results));
    expect(text.split('\n')).toEqual([
      'torch on cpu',
      '  a  1 passed, 0 failed, 2 skipped',
      '  b  0 passed, 1 failed, 1 skipped',
      '',
      'Skipped',
      '     2  not built yet: x',
      '     1  not built yet: y',
      '',
      'Failed',
      '  b/5 on cpu: output 0: got 2, want 1',
      '',
      '1 passed, 1 failed, 3 skipped',
    ]);
  });

  it('is a count alone when nothing ran', () => {
    expect(textOf(reportOf('torch', []))).toBe(countLine({ passed: 0, failed: 0, skipped: 0 }));
  });
});
