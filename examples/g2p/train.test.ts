import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { wasm } from '@multihead/kernels-wasm';
import { type Backend, cpu, dispose, liveTensors, Rng, readState, setBackend } from '@multihead/tensor';
import { TokenizerError } from '@multihead/tokenizer';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadModel, saveModel } from './checkpoint.js';
import { evaluate } from './evaluate.js';
import { config, createModel } from './model.js';
import { pronounce } from './pronounce.js';
import { type TrainOptions, train } from './train.js';

const tiny = { ...config, d_model: 16, nhead: 2, dim_feedforward: 32, num_encoder_layers: 1, num_decoder_layers: 1 };
const pairs = ['aa', 'ab', 'abba', 'baab', 'bb', 'bab', 'aba', 'b', 'a', 'bba'].map((word) => ({
  word,
  phonemes: [...word].map((letter) => (letter === 'a' ? 'AA' : 'B')),
}));

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'g2p-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
  setBackend(cpu());
});

const options = (changes: Partial<TrainOptions> = {}): TrainOptions => ({
  epochs: 4,
  batchSize: 3,
  lr: 1e-2,
  warmup: 2,
  labelSmoothing: 0.1,
  seed: 3,
  folder,
  saveEvery: 5,
  ...changes,
});

/** Trains a fresh model until the end, or until `stopAt` steps in all are taken. */
async function run(changes: Partial<TrainOptions> = {}, stopAt = Number.POSITIVE_INFINITY) {
  const controller = new AbortController();
  const model = createModel({ config: { ...tiny, dropout: 0.1 }, rng: new Rng(3) });
  const losses: number[] = [];
  for await (const { step, loss } of train(model, pairs, options({ ...changes, signal: controller.signal }))) {
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
  beforeEach(async () => {
    setBackend(await make());
  });

  test('stopped and resumed gives the same bits as unbroken, and leaves no tensor behind', async () => {
    const before = liveTensors();
    const whole = await run({ folder: join(folder, 'whole') });
    const first = await run({ folder: join(folder, 'parts') }, 7); // in the middle of the second epoch
    const second = await run({ folder: join(folder, 'parts') });
    expect(first.losses).toEqual(whole.losses.slice(0, 7));
    expect(second.losses).toEqual(whole.losses.slice(7));
    expect([...second.weights]).toEqual([...whole.weights]);
    expect(await readdir(join(folder, 'parts'))).toEqual(['state.safetensors']);
    expect(liveTensors()).toBe(before);
  });
});

test('a small model learns a small language, and its saved half-precision copy speaks it, too', async () => {
  setBackend(await wasm());
  const model = createModel({ config: { ...tiny, d_model: 32, dim_feedforward: 64, dropout: 0 }, rng: new Rng(1) });
  for await (const _ of train(model, pairs, options({ epochs: 100, lr: 5e-3, labelSmoothing: 0, saveEvery: 1000 }))) {
    // Nothing to do between steps.
  }
  await saveModel(folder, model, { seed: 3 });
  dispose(model);
  const loaded = await loadModel(folder);
  const [answers] = await pronounce(loaded, ['Abba'], { beams: 3 });
  expect(answers?.[0]?.phonemes).toEqual(['AA', 'B', 'B', 'AA']);
  const entries = pairs.map(({ word, phonemes }) => ({ word, pronunciations: [phonemes] }));
  const rates = await evaluate(loaded, entries, { beams: 1, batchSize: 4 });
  expect(rates.words).toBe(10);
  expect(rates.wer).toBeLessThanOrEqual(0.1);
  dispose(loaded);
});

test('a character that no word has is named, and nothing is left behind', async () => {
  const model = createModel({ config: tiny, rng: new Rng(1) });
  const before = liveTensors();
  await expect(pronounce(model, ['naïve'])).rejects.toThrow(TokenizerError);
  await expect(pronounce(model, ['naïve'])).rejects.toThrow(/"ï".*position 2/);
  expect(liveTensors()).toBe(before);
  dispose(model);
});

test('an abort ends a search with its reason, and frees what it held', async () => {
  const model = createModel({ config: tiny, rng: new Rng(1) });
  await pronounce(model, ['a'], { beams: 1 });
  const before = liveTensors();
  await expect(pronounce(model, ['abc'], { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
  expect(liveTensors()).toBe(before);
  dispose(model);
});
