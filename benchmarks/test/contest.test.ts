import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Absent, type Case, type Contestant, hold } from '../contest.ts';
import type { Plan } from '../measure.ts';

const plan: Plan = { rounds: 3, batch: 1, warmUp: 1 };

function contestant(name: string, y: number, ran: string[] = [], closed: string[] = []): Contestant {
  return {
    name,
    prepare: async () => ({
      async run(n) {
        ran.push(name);
        return n;
      },
      results: async () => ({ y: [y] }),
      close: () => void closed.push(name),
    }),
  };
}

test('who computes something else is not timed, and everyone is closed', async () => {
  const [ran, closed]: [string[], string[]] = [[], []];
  const contest: Case = {
    name: 'sum',
    tolerance: 1e-3,
    contestants: [contestant('a', 1, ran, closed), contestant('wrong', 3, ran, closed)],
    referee: { name: 'loops', results: () => ({ y: [1] }) },
    work: { amount: 2e6, unit: 'GFLOP/s' },
  };
  const { rows, agreed } = await hold(contest, plan, () => {});
  assert.deepEqual(agreed, ['loops', 'a']);
  assert.equal(rows[0]!.rate, 2);
  assert.match(rows[1]!.missing!, /^disqualified: y is 6\.7e-1 away from that of/);
  assert.ok(!ran.includes('wrong'));
  assert.deepEqual(closed.sort(), ['a', 'wrong']);
});

test('who is absent or fails is a row with the reason', async () => {
  const failing = (name: string, error: Error): Contestant => ({ name, prepare: () => Promise.reject(error) });
  const contest: Case = {
    name: 'sum',
    tolerance: 1e-3,
    contestants: [
      contestant('a', 1),
      contestant('b', 1),
      failing('c', new Absent('not here: no torch')),
      failing('d', new Error('no kernel\nat …')),
      { ...contestant('yardstick', Number.NaN), yardstick: true },
    ],
  };
  const { rows } = await hold(contest, plan, () => {});
  assert.deepEqual(
    rows.map(({ missing }) => missing),
    [undefined, undefined, 'not here: no torch', 'cannot: no kernel', undefined],
  );
});
