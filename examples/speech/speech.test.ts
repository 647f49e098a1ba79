import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { wasm } from '@multihead/kernels-wasm';
import { cpu, dispose, liveTensors, Rng, readState, setBackend } from '@multihead/tensor';
import { transcribe } from '@multihead/transformer/speech';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadModel, saveModel } from './checkpoint.js';
import { record } from './data.js';
import { evaluate } from './evaluate.js';
import { createModel, features } from './model.js';
import { generationConfig, tokenizer } from './tokens.js';
import { train } from './train.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'speech-'));
  setBackend(await wasm());
});
afterEach(async () => {
  await rm(folder, { recursive: true });
  setBackend(cpu());
});

async function run(path: string, stopAt = Number.POSITIVE_INFINITY) {
  const controller = new AbortController();
  const model = createModel(new Rng(3));
  const losses: number[] = [];
  const options = { steps: 4, batchSize: 2, lr: 1e-3, seed: 3, folder: path, saveEvery: 10, signal: controller.signal };
  for await (const { step, loss } of train(model, options)) {
    losses.push(loss);
    if (step === stopAt) controller.abort();
  }
  const weights = await readState(model);
  dispose(model);
  return { losses, weights };
}

test('training that is stopped and resumed gives the same bits, and leaves no tensor behind', { timeout: 60_000 }, async () => {
  const before = liveTensors();
  const whole = await run(join(folder, 'whole'));
  const first = await run(join(folder, 'parts'), 2);
  const second = await run(join(folder, 'parts'));
  expect([...first.losses, ...second.losses]).toEqual(whole.losses);
  expect([...second.weights]).toEqual([...whole.weights]);
  expect(liveTensors()).toBe(before);
});

test('the checkpoint is a folder as transformers writes it', async () => {
  const model = createModel(new Rng(3));
  await saveModel(folder, model);
  expect((await readdir(folder)).toSorted()).toEqual(['config.json', 'generation_config.json', 'model.safetensors', 'preprocessor_config.json', 'tokenizer.json']); // biome-ignore format: one row
  const loaded = await loadModel(folder);
  expect(loaded.config).toEqual(model.config);
  dispose(model);
  dispose(loaded);
});

test('the committed model hears what is said, in which language, and when', { timeout: 120_000 }, async () => {
  const model = await loadModel(join(import.meta.dirname, 'checkpoint'));
  const before = liveTensors();
  // Bounds are well above what the README states, as these are few recordings.
  const short = await evaluate(model, { recordings: 12, seconds: 3.9, seed: 2 ** 31 });
  expect(short.wer).toBeLessThan(0.25);
  expect(short.languages).toBeGreaterThanOrEqual(10);
  expect(short.alignment.inner).toBeLessThan(0.2);
  const long = await evaluate(model, { recordings: 2, seconds: 12, seed: 2 ** 31 });
  expect(long.wer).toBeLessThan(0.35);
  // Another rate is resampled.
  const { samples } = record(3.9, new Rng(2 ** 31), { isWhole: true });
  const options = { ...generationConfig, features, temperature: 0 };
  const { text } = await transcribe(model, tokenizer, samples, options);
  const slow = Float32Array.from({ length: samples.length / 2 }, (_, i) => (samples[2 * i]! + samples[2 * i + 1]!) / 2);
  expect((await transcribe(model, tokenizer, { samples: slow, sampleRate: 8000 }, options)).segments.length).toBeGreaterThan(0);
  expect(text).not.toBe('');
  expect(liveTensors()).toBe(before);
  dispose(model);
});
