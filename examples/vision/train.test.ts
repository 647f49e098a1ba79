import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { wasm } from '@multihead/kernels-wasm';
import { type Backend, cpu, dispose, liveTensors, Rng, readState, setBackend } from '@multihead/tensor';
import { load } from '@multihead/transformer/load';
import { folder as checkpointIn, save } from '@multihead/transformer/node';
import { classifyImage, loadImageProcessor, resize } from '@multihead/transformer/vision';
import { ViTForImageClassification } from '@multihead/transformer/vit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Digits, loadDigits, side } from './data.js';
import { evaluate, testScenes } from './evaluate.js';
import { createModel, processor } from './model.js';
import { beside, drawn, rollout, shareWithin } from './rollout.js';
import { type TrainOptions, train } from './train.js';

const tiny = { hidden_size: 16, num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 32, patch_size: 14 };
const checkpoint = join(import.meta.dirname, 'checkpoint');

/** Bars that lie or stand, in place of handwriting. */
const bars: Digits = { images: new Uint8Array(20 * 784), labels: Uint8Array.from({ length: 20 }, (_, i) => i % 2) };
for (let i = 0; i < 20; i++) {
  for (let j = 6; j < 22; j++) for (const k of [13, 14]) bars.images[i * 784 + (i % 2 ? 28 * j + k : 28 * k + j)] = 255;
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vision-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
  setBackend(cpu());
});

const options = (changes: Partial<TrainOptions> = {}): TrainOptions => ({
  epochs: 2,
  batchSize: 6,
  lr: 5e-3,
  warmup: 2,
  seed: 3,
  folder,
  saveEvery: 3,
  ...changes,
});

/** Trains a fresh model until the end, or until `stopAt` steps in all are taken. */
async function run(changes: Partial<TrainOptions> = {}, stopAt = Number.POSITIVE_INFINITY) {
  const controller = new AbortController();
  const model = createModel({ ...tiny, rng: new Rng(3) });
  const losses: number[] = [];
  for await (const { step, loss } of train(model, bars, options({ ...changes, signal: controller.signal }))) {
    losses.push(loss);
    if (step === stopAt) controller.abort();
  }
  const weights = await readState(model);
  dispose(model);
  return { losses, weights };
}

const backends: [string, () => Backend | Promise<Backend>][] = [
  ['cpu', cpu],
  ['wasm', () => wasm()],
];

describe.each(backends)('training on %s', (_, make) => {
  test('stopped and resumed gives the same bits as unbroken, and leaves no tensor behind', async () => {
    setBackend(await make());
    const before = liveTensors();
    const whole = await run({ folder: join(folder, 'whole') });
    const first = await run({ folder: join(folder, 'parts') }, 5); // in the middle of the second epoch
    const second = await run({ folder: join(folder, 'parts') });
    expect(first.losses).toEqual(whole.losses.slice(0, 5));
    expect(second.losses).toEqual(whole.losses.slice(5));
    expect([...second.weights]).toEqual([...whole.weights]);
    expect(await readdir(join(folder, 'parts'))).toEqual(['state.safetensors']);
    expect(liveTensors()).toBe(before);
  });
});

test('what has been learnt is saved, loaded by its files alone, and names what it sees on every backend', async () => {
  setBackend(await wasm());
  const model = createModel({ ...tiny, rng: new Rng(1) });
  for await (const _ of train(model, bars, options({ epochs: 60, batchSize: 10, saveEvery: 1000 }))) {
    // Nothing to do between steps.
  }
  await save(model, folder, { dtype: 'float16' });
  const scenes = testScenes(bars, 20);
  const { right } = await evaluate(model, processor, scenes);
  expect(right).toBeGreaterThanOrEqual(18);
  const before = await classifyImage(model, processor, scenes, { top: 1 });
  dispose(model);
  setBackend(cpu());
  const loaded = await load(ViTForImageClassification, checkpointIn(folder));
  const after = await classifyImage(loaded, processor, scenes, { top: 1 });
  expect(after.map(([best]) => best!.label)).toEqual(before.map(([best]) => best!.label));
  dispose(loaded);
});

describe('the committed checkpoint', { timeout: 60_000 }, () => {
  test('finds most digits that it never saw, also in pictures of other sizes, and looks where they are', async () => {
    setBackend(await wasm());
    const source = checkpointIn(checkpoint);
    const model = await load(ViTForImageClassification, source);
    const given = await loadImageProcessor(source);
    expect(given).toEqual(processor);
    const scenes = testScenes(await loadDigits('test'), 400);
    const { right } = await evaluate(model, given, scenes);
    expect(right).toBeGreaterThan(0.85 * 400); // README tells how many of all; this many would be a broken model
    const large = scenes.map((scene) => ({ ...scene, ...resize(scene, { width: 100, height: 100, resample: 'bicubic' }) }));
    expect((await evaluate(model, given, large)).right).toBeGreaterThan(0.8 * 400);

    // More of what reached the class vector comes from the digit than its share of the picture.
    let within = 0;
    for (const scene of scenes.slice(0, 40)) {
      const flow = await rollout(model, given, scene);
      expect(flow.reduce((sum, share) => sum + share, 0)).toBeLessThan(1);
      within += shareWithin(flow, side, { ...scene, size: 20 }) / 40;
    }
    expect(within).toBeGreaterThan(1.2 * (20 / side) ** 2);
    dispose(model);
  });
});

test('of an even flow as much comes from a square as its share of the picture', () => {
  expect(shareWithin(Array(49).fill(0.01), 28, { x: 3, y: 5, size: 20 })).toBeCloseTo((20 / 28) ** 2);
  expect(shareWithin([1, 0, 0, 0], 4, { x: 0, y: 1, size: 2 })).toBeCloseTo(0.5);
});

test('a picture has its scene above, what was looked at below, and others beside it', () => {
  const image = { data: Uint8Array.of(0, 100, 200, 255), width: 2, height: 2 };
  const picture = drawn(image, [0, 0, 0, 1], 3);
  expect([picture.width, picture.height, picture.data.length]).toEqual([6, 12, 6 * 12 * 3]);
  expect([...picture.data.subarray(0, 18)]).toEqual([...Array(9).fill(0), ...Array(9).fill(100)]);
  expect([...picture.data.subarray(-3)]).toEqual([255, 255, 255]);
  const both = beside([picture, picture], 2);
  expect([both.width, both.height]).toEqual([14, 12]);
  expect([...both.data.subarray(18, 24)]).toEqual(Array(6).fill(255));
});
