import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { wasm } from '@multihead/kernels-wasm';
import { setBackend } from '@multihead/tensor';
import { defineCommand, runMain } from 'citty';
import { lineChart } from '../charts/lines.js';
import { tasks } from './data.js';
import { mixers } from './model.js';
import { run } from './train.js';

const file = join(import.meta.dirname, 'results.json');

/** Accuracy by task, mixer and level. */
type Results = Record<string, Record<string, Record<string, number>>>;

const main = defineCommand({
  meta: {
    name: 'recipe recall',
    description: 'Trains small models to recall what stood before, with four kinds of attention, and draws who can',
  },
  args: {
    steps: { type: 'string', default: '400', description: 'steps of training for each model' },
    seed: { type: 'string', default: '1', description: 'of weights and data' },
    draw: { type: 'boolean', description: 'only draw the chart of the results that are there' },
  },
  async run({ args }) {
    if (!args.draw) await writeFile(file, `${JSON.stringify(await trainAll(Number(args.steps), Number(args.seed)), null, 2)}\n`);
    await writeFile(join(import.meta.dirname, 'recall.svg'), chartOf(JSON.parse(await readFile(file, 'utf8')) as Results));
  },
});

async function trainAll(steps: number, seed: number): Promise<Results> {
  setBackend(await wasm());
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort(new Error('stopped by SIGINT')));
  const results: Results = {};
  for (const [name, task] of Object.entries(tasks)) {
    for (const mixer of Object.keys(mixers)) {
      for (const level of task.levels) {
        const started = performance.now();
        const onStep = (step: number, loss: number) => {
          if (process.stderr.isTTY)
            process.stderr.write(`\r${name}, ${mixer}, ${level}: step ${step} of ${steps}, loss ${loss.toFixed(3)}   `);
        };
        const right = await run(task, level, mixer, { steps, seed, signal: controller.signal, onStep });
        results[name] = { ...results[name], [mixer]: { ...results[name]?.[mixer], [level]: Number(right.toFixed(4)) } };
        console.log(`${name}, ${mixer}, ${level}: ${(100 * right).toFixed(1)} % (${((performance.now() - started) / 1000).toFixed(0)} s)`);
      }
    }
  }
  return results;
}

function chartOf(results: Results): string {
  const panels = Object.entries(tasks).map(([name, { title, xLabel, levels }]) => ({
    title,
    xLabel,
    yLabel: 'answers that are right',
    ticks: levels.map(String),
    lines: Object.entries(results[name] ?? {}).map(([mixer, byLevel]) => ({
      name: mixer,
      values: levels.map((level) => byLevel[level] ?? null),
    })),
    scale: [0, 1] as const,
    format: (value: number) => `${Math.round(100 * value)} %`,
  }));
  return lineChart(panels, 'Share of right answers by length, for softmax, window, linear and delta attention');
}

await runMain(main);
