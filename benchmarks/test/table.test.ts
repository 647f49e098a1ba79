import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Verdict } from '../bars.ts';
import type { Run } from '../child.ts';
import type { Machine } from '../machine.ts';
import { withTables } from '../readme.ts';
import { markdownTable, runText, short, verdictLine } from '../table.ts';

const verdict = (met: boolean | null): Verdict => ({
  case: '768',
  what: 'multihead against jax-js',
  wanted: '≥ 1.6×',
  found: '1.20×',
  met,
});

function run(...verdicts: Verdict[]): Run {
  const samples = { repetitions: 3, ms: [2, 2, 3], median: 2, min: 2, max: 3 };
  return {
    bench: 'matmul',
    title: 'matrix product',
    notes: ['A note.'],
    setting: { node: 24, threads: 1, quick: false },
    versions: { node: '24.21.0', v8: '13.6' },
    verdicts,
    cases: [
      {
        name: '768',
        unit: 'GFLOP/s',
        tolerance: 1e-5,
        agreed: ['multihead', 'jax-js'],
        rows: [
          { contestant: 'multihead', yardstick: false, samples, rate: 40 },
          { contestant: 'jax-js', yardstick: false, samples: { ...samples, median: 3 }, rate: 26 },
          { contestant: 'tfjs-wasm', yardstick: false, missing: 'cannot: it has no threads' },
        ],
      },
    ],
  };
}

test('a run as text: who took how long, how many times ours, and why somebody is missing', () => {
  const text = runText(run(verdict(true)));
  assert.match(text, /^\*\*Node 24\.21\.0 \(V8 13\.6\), 1 thread\*\*$/m);
  assert.match(text, /^\| 768 +\| multihead +\| 2\.00 +\| 2\.00 … 3\.00 \| 40\.0 +\| 1\.00 +\|$/m);
  assert.match(text, /^\| +\| jax-js +\| 3\.00 +\| .*\| 1\.50 +\|$/m);
  assert.match(text, /^\| +\| tfjs-wasm +\| cannot +\|/m);
  assert.match(text, /^- tfjs-wasm: cannot: it has no threads$/m);
  assert.match(text, /^- Results agreed within 0\.00001 before anything was timed: multihead; jax-js$/m);
  assert.match(text, /^\| met \| 768 +\|/m);
});

describe('the last line of --check', () => {
  test('is content when every bar that could be judged is met', () => {
    assert.equal(verdictLine([run(verdict(true), verdict(null))]), 'All 1 bars are met.');
  });

  test('names what falls short, and where', () => {
    assert.equal(
      verdictLine([run(verdict(true), verdict(false))]),
      '1 of 2 bars fall short: matmul 768 on Node 24, 1 thread: multihead against jax-js: 1.20×, wanted ≥ 1.6×',
    );
  });

  test('names processes that ended early, too', () => {
    assert.equal(verdictLine([], ['matmul on Node 20: gone']), '0 of 0 bars fall short: matmul on Node 20: gone');
  });
});

test('columns are as wide as their longest cell, and numbers have three digits', () => {
  assert.equal(markdownTable(['a', 'bcd'], [['12', '3']]), '| a  | bcd |\n| -- | --- |\n| 12 | 3   |');
  assert.deepEqual([0.01234, 1.5, 99.96, 1234.5].map(short), ['0.0123', '1.50', '100', '1235']);
});

test('the README keeps everything but the tables of what has run', () => {
  const machine: Machine = { date: '2026-01-01 00:00', cpu: 'x', cores: 2, memory: '8 GB', system: 'Linux', load: '0.00', versions: { y: '1.0.0' } }; // biome-ignore format: one value
  const page = 'before\n<!-- bench: matmul -->\nold\n<!-- /bench -->\nbetween\n<!-- bench: encoder -->\nkept\n<!-- /bench -->\n';
  const written = withTables(page, machine, [run(verdict(true))]);
  assert.match(written, /^before\n<!-- bench: matmul -->\n\n2026-01-01 00:00 UTC\. x, 2 cores/);
  assert.ok(!written.includes('old'));
  assert.ok(written.endsWith('<!-- /bench -->\nbetween\n<!-- bench: encoder -->\nkept\n<!-- /bench -->\n'));
  assert.equal(withTables(written, machine, [run(verdict(true))]), written);
  assert.throws(() => withTables('nothing', machine, [run(verdict(true))]), /no place for matmul/);
});
