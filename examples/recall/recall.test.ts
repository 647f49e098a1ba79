import { Rng } from '@multihead/tensor';
import { describe, expect, it } from 'vitest';
import { lineChart } from '../charts/lines.js';
import { IGNORED, tasks } from './data.js';
import { mixers } from './model.js';
import { run } from './train.js';

describe('tasks', () => {
  it('ask for the value that stood behind a key', () => {
    const { ids, targets, length } = tasks.recall!.batch(3, 2, new Rng(1));
    expect(length).toBe(9);
    for (let row = 0; row < 18; row += 9) {
      const pairs = new Map([0, 2, 4].map((i) => [ids[row + i], ids[row + i + 1]]));
      expect(pairs.size).toBe(3);
      expect([...targets.subarray(row, row + 6)]).toEqual(new Array(6).fill(IGNORED));
      for (let i = 6; i < 9; i++) expect(targets[row + i]).toBe(pairs.get(ids[row + i]));
    }
  });

  it('ask for what followed the first time', () => {
    const { ids, targets } = tasks.induction!.batch(4, 1, new Rng(1));
    expect(ids.subarray(0, 4)).toEqual(ids.subarray(4));
    expect([...targets]).toEqual([IGNORED, IGNORED, IGNORED, IGNORED, ids[1], ids[2], ids[3], IGNORED]);
  });
});

it.each(Object.keys(mixers))('a model with %s trains', async (mixer) => {
  const losses: number[] = [];
  const right = await run(tasks.recall!, 2, mixer, { steps: 51, seed: 1, onStep: (_, loss) => losses.push(loss) });
  expect(losses[1]).toBeLessThan(losses[0]!);
  expect(right).toBeGreaterThan(0.05);
});

it('can be stopped', async () => {
  const controller = new AbortController();
  const onStep = () => controller.abort(new Error('enough'));
  await expect(run(tasks.recall!, 2, 'softmax', { steps: 1000, seed: 1, signal: controller.signal, onStep })).rejects.toThrow('enough');
});

it('charts are SVG, whatever the names', () => {
  const panel = { title: 'a < b', xLabel: 'x', yLabel: 'y', ticks: ['1', '2'], format: String };
  const svg = lineChart([{ ...panel, lines: [{ name: '"&"', values: [1, null] }], scale: 'log' }], 'description');
  expect(svg).toContain('a &lt; b');
  expect(svg).toContain('&quot;&amp;&quot;');
  expect(svg).not.toContain('NaN');
});
