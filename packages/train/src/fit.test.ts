import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dropout, mean, mul, param, type Rng, readState, type Tensor, tensor, zeros, square, sub } from '@multihead/tensor';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fit, type Progress, type Task } from './fit.js';
import { loadCheckpoint, saveCheckpoint } from './node/index.js';
import { adam } from './optimizer.js';

let folder: string;
let made: { model: { w: Tensor }; task: Task<number> }[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fit-'));
});
afterEach(async () => {
  for (const { model, task } of made) {
    model.w.dispose();
    task.optimizer.dispose();
  }
  made = [];
  await rm(folder, { recursive: true });
});

/** Fits w to 1, 2, 3 by noisy squares: each epoch has the batches 1, 2, 3 in an order of its own. */
function problem() {
  const model = { w: param([4], (shape) => () => zeros(shape)) };
  const task: Task<number> = {
    parameters: [model.w],
    optimizer: adam([model.w], { lr: 0.1 }),
    batches: (epoch) => [1, 2, 3].map((n) => ((n + epoch) % 3) + 1),
    loss: (target: number, rng: Rng) => mean(square(sub(dropout(mul(model.w, 1), 0.3, rng), tensor([target, target, target, target])))),
  };
  made.push({ model, task });
  return { model, task };
}

async function steps(run: AsyncGenerator<Progress>): Promise<Progress[]> {
  const all: Progress[] = [];
  for await (const progress of run) all.push(progress);
  return all;
}

test('gives out one progress a step, with the rate of its schedule, and ends where it was told to', async () => {
  const { task } = problem();
  const all = await steps(fit(task, { steps: 5, schedule: (step) => 0.1 / (step + 1) }));
  expect(all.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5]);
  expect(all.map(({ lr }) => lr)).toEqual([0.1, 0.05, 0.1 / 3, 0.025, 0.02]);
  expect(all.map(({ state }) => [state.epoch, state.batch])).toEqual([
    [0, 1],
    [0, 2],
    [0, 3],
    [1, 1],
    [1, 2],
  ]);
});

test('the loss falls', async () => {
  const { task } = problem();
  const all = await steps(fit(task, { steps: 60 }));
  const average = (part: Progress[]) => part.reduce((sum, { loss }) => sum + loss, 0) / part.length;
  expect(average(all.slice(-9))).toBeLessThan(average(all.slice(0, 9)) / 1.5);
});

test.each([1, 2, 3, 4, 7])('saved after %i steps, loaded into a fresh model and gone on with, it gives the same bits', async (stop) => {
  const whole = problem();
  const expected = await steps(fit(whole.task, { steps: 8, from: 11 }));
  const first = problem();
  const before = await steps(fit(first.task, { steps: stop, from: 11 }));
  const path = join(folder, 'state.safetensors');
  await saveCheckpoint(path, { model: first.model, optimizer: first.task.optimizer, progress: before.at(-1)!.state });
  const second = problem();
  const from = await loadCheckpoint(path, { model: second.model, optimizer: second.task.optimizer });
  const after = await steps(fit(second.task, { steps: 8, from }));
  expect([...before, ...after]).toEqual(expected);
  expect(await readState(second.model)).toEqual(await readState(whole.model));
});

test('an abort ends the loop between two steps, without an error', async () => {
  const { task } = problem();
  const controller = new AbortController();
  const seen: number[] = [];
  for await (const { step } of fit(task, { steps: 100, signal: controller.signal })) {
    seen.push(step);
    if (step === 3) controller.abort();
  }
  expect(seen).toEqual([1, 2, 3]);
});

test('a loss that is not finite stops the run before it spoils the parameters', async () => {
  const { model, task } = problem();
  const bad = { ...task, loss: () => mul(mean(model.w), Number.NaN) };
  await expect(steps(fit(bad, { steps: 3 }))).rejects.toThrow(/loss of step 0 is NaN/);
  expect(await model.w.toArray()).toEqual([0, 0, 0, 0]);
});

test('a file that is no training run is refused, and changes nothing', async () => {
  const { model, task } = problem();
  const path = join(folder, 'other.safetensors');
  await writeFile(path, Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('{}')]));
  await expect(loadCheckpoint(path, { model, optimizer: task.optimizer })).rejects.toThrow(/found no progress/);
  expect(await model.w.toArray()).toEqual([0, 0, 0, 0]);
});
