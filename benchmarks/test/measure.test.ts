import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Plan, type Runner, type Samples, summary, takeRounds } from '../measure.ts';

const plan: Plan = { rounds: 4, batch: 50, warmUp: 200 };

/** A clock that only work moves, and the order in which work was done. */
function stage() {
  let now = 0;
  const order: string[] = [];
  const worker = (name: string, ms: number): Runner => ({
    async run(n) {
      now += n * ms;
      order.push(name);
      return undefined;
    },
  });
  return { order, worker, surroundings: { now: () => now, rest: async () => {} }, pass: (ms: number) => (now += ms) };
}

const samplesOf = (found: Map<string, Samples | Error>, name: string) => found.get(name) as Samples;

describe('rounds', () => {
  test('a batch takes as many repetitions as fill its time, and a sample is the time of one', async () => {
    const { worker, surroundings } = stage();
    const found = await takeRounds(new Map([['fast', worker('fast', 0.1)], ['slow', worker('slow', 80)]]), plan, surroundings); // biome-ignore format: two
    assert.ok(samplesOf(found, 'fast').repetitions >= 500, 'at least 50 ms');
    assert.equal(samplesOf(found, 'slow').repetitions, 1);
    for (const [name, ms] of [
      ['fast', 0.1],
      ['slow', 80],
    ] as const) {
      // biome-ignore format: a list
      assert.equal(samplesOf(found, name).ms.length, 4);
      for (const sample of samplesOf(found, name).ms) assert.ok(Math.abs(sample - ms) < 1e-9);
    }
  });

  test('everyone warms up before the first round, and then they take turns, each round beginning with another one', async () => {
    const { order, worker, surroundings } = stage();
    await takeRounds(new Map(['a', 'b', 'c'].map((name) => [name, worker(name, 60)])), plan, surroundings);
    assert.equal(order.slice(0, -12).join(''), 'aaaabbbbcccc', '240 ms each');
    assert.equal(order.slice(-12).join(''), 'abcbcacababc');
  });

  test('who throws is left out, and the others go on', async () => {
    const { worker, surroundings } = stage();
    let left = 6;
    const breaking: Runner = {
      async run(n) {
        if (left-- === 0) throw new Error('out of memory');
        return worker('breaking', 60).run(n);
      },
    };
    const found = await takeRounds(new Map([['breaking', breaking], ['sound', worker('sound', 60)]]), plan, surroundings); // biome-ignore format: two
    assert.equal((found.get('breaking') as Error).message, 'out of memory');
    assert.equal(samplesOf(found, 'sound').ms.length, 4);
  });

  test('who has a clock of its own is believed', async () => {
    const { pass, surroundings } = stage();
    const remote: Runner = {
      async run(n) {
        pass(1000);
        return 100 * n;
      },
    };
    const found = await takeRounds(new Map([['remote', remote]]), plan, surroundings);
    assert.equal(samplesOf(found, 'remote').median, 100);
  });

  test('rewinding comes before each batch and is not timed; repetitions that are given stay', async () => {
    const { worker, surroundings, pass } = stage();
    let rewound = 0;
    const runner: Runner = {
      ...worker('decoder', 1),
      repetitions: 16,
      async rewind() {
        rewound++;
        pass(500);
      },
    };
    const found = await takeRounds(new Map([['decoder', runner]]), plan, surroundings);
    const { repetitions, median } = samplesOf(found, 'decoder');
    assert.equal(repetitions, 16);
    assert.equal(median, 1);
    assert.equal(rewound, Math.ceil(200 / 16) + 4);
  });
});

test('the median is the middle sample, or the mean of the two in the middle', () => {
  assert.deepEqual(summary([3, 1, 2]), { median: 2, min: 1, max: 3 });
  assert.deepEqual(summary([4, 1, 2, 3]), { median: 2.5, min: 1, max: 4 });
});
