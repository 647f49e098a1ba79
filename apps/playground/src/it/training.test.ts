import { wasm } from '@multihead/kernels-wasm';
import { liveTensors, setBackend } from '@multihead/tensor';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { accuracy, attentionMaps, lookOf } from './reader.js';
import { fillFrame } from './sentences.js';
import { ItTraining, testSentences } from './training.js';
import { frames } from './words.js';

beforeAll(async () => setBackend(await wasm()));

let tensors = 0;
beforeEach(() => {
  tensors = liveTensors();
});
afterEach(() => expect(liveTensors(), 'tensors left behind').toBe(tensors));

const famous = (adjective: string) => fillFrame({ frame: frames[0]!, animal: 'animal', place: 'street', adjective });

async function trained(steps: number, options: ConstructorParameters<typeof ItTraining>[0]): Promise<ItTraining> {
  const training = new ItTraining(options);
  while (training.steps < steps) await training.step();
  return training;
}

describe('the training', () => {
  it('learns what it means, of nouns that it never saw beside an it', { timeout: 90_000 }, async () => {
    const training = await trained(220, { seed: 1 });
    const { model } = training;
    expect(await accuracy(model, testSentences('seen'))).toBeGreaterThanOrEqual(0.95);
    expect(await accuracy(model, testSentences('unseen'))).toBeGreaterThanOrEqual(0.9);
    for (const adjective of ['tired', 'wide']) {
      const { words, it: place, nouns, answer } = famous(adjective);
      expect((await lookOf(model, words, place))[nouns[answer]]).toBeGreaterThan(0.8);
    }
    training.dispose();
  });

  it('learns nothing of them without the plain statements', { timeout: 90_000 }, async () => {
    const training = await trained(220, { seed: 1, statements: false });
    expect(await accuracy(training.model, testSentences('unseen'))).toBeLessThan(0.75);
    training.dispose();
  });

  it('takes the same course for the same seed', async () => {
    const losses = async (seed: number) => {
      const training = new ItTraining({ seed });
      const found = [await training.step(), await training.step(), await training.step()];
      training.dispose();
      return found;
    };
    const first = await losses(5);
    expect(await losses(5)).toEqual(first);
    expect(await losses(6)).not.toEqual(first);
  });
});

describe('what is read off the model', () => {
  it('is one map for each layer and head, whose rows sum to 1, and the mean of the last is the answer', async () => {
    const training = new ItTraining({ seed: 2 });
    const { words, it: place } = famous('wide');
    const maps = await attentionMaps(training.model, words);
    expect(maps.map((heads) => heads.length)).toEqual([4, 4]);
    const row = (map: Float32Array) => map.slice(place * words.length, (place + 1) * words.length);
    for (const map of maps.flat()) expect(row(map).reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 5);
    const look = await lookOf(training.model, words, place);
    for (const [i, weight] of look.entries()) expect(weight).toBeCloseTo(maps[1]!.reduce((sum, map) => sum + row(map)[i]!, 0) / 4, 5);
    training.dispose();
  });

  it('does not depend on the other sentences of a batch', async () => {
    const training = new ItTraining({ seed: 3 });
    const sentences = testSentences('seen', 12);
    const alone: number[] = [];
    for (const sentence of sentences) alone.push(await accuracy(training.model, [sentence]));
    expect(await accuracy(training.model, sentences)).toBeCloseTo(alone.reduce((sum, right) => sum + right, 0) / 12, 10);
    training.dispose();
  });
});
