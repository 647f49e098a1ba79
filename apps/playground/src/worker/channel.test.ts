import { afterEach, describe, expect, it } from 'vitest';
import { connect, isAbort, serve } from './channel.js';
import { nextTurn, oneAtATime } from './turns.js';

type Sums = {
  add: { argument: [number, number]; result: number; report: never };
  count: { argument: number; result: string; report: number };
  fail: { argument: null; result: never; report: never };
};

const open: MessagePort[] = [];
afterEach(() => {
  for (const port of open.splice(0)) port.close();
});

/** Both ends of a channel, without a worker. */
function pair() {
  const { port1, port2 } = new MessageChannel();
  open.push(port1, port2);
  serve<Sums>(port2, {
    add: async ([a, b]) => a + b,
    async count(to, { signal, report }) {
      for (let i = 0; i < to; i++) {
        await nextTurn();
        signal.throwIfAborted();
        report(i);
      }
      return 'done';
    },
    fail: async () => {
      throw new RangeError('too far');
    },
  });
  port1.start();
  port2.start();
  return connect<Sums>(port1 as unknown as Worker);
}

describe('a call', () => {
  it('gives the result of its own question', async () => {
    const call = pair();
    expect(await Promise.all([call('add', [1, 2]), call('add', [3, 4])])).toEqual([3, 7]);
  });

  it('reports on the way', async () => {
    const reports: number[] = [];
    expect(await pair()('count', 4, { onReport: (value) => reports.push(value) })).toBe('done');
    expect(reports).toEqual([0, 1, 2, 3]);
  });

  it('is rejected with what the worker threw', async () => {
    await expect(pair()('fail', null)).rejects.toThrow('too far');
  });

  it('is cancelled by its signal', async () => {
    const controller = new AbortController();
    const call = pair();
    const counting = call('count', 1e9, { signal: controller.signal, onReport: (value) => value === 3 && controller.abort() });
    expect(isAbort(await counting.catch((error: unknown) => error))).toBe(true);
    expect(await call('add', [1, 1])).toBe(2);
  });

  it('is not even sent when its signal is aborted already', async () => {
    const error = await pair()('add', [1, 2], { signal: AbortSignal.abort() }).catch((reason: unknown) => reason);
    expect(isAbort(error)).toBe(true);
  });
});

describe('oneAtATime', () => {
  it('begins a task when the one before has ended, well or badly', async () => {
    const alone = oneAtATime();
    const log: string[] = [];
    const task = (name: string, fails = false) =>
      alone(async () => {
        log.push(`${name} begins`);
        await nextTurn();
        log.push(`${name} ends`);
        if (fails) throw new Error(name);
      });
    await Promise.allSettled([task('a'), task('b', true), task('c')]);
    expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });
});
