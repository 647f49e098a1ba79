import { Rng } from '@multihead/tensor';
import { classifyImage, type ImageProcessor } from '@multihead/transformer/vision';
import type { ViTForImageClassification } from '@multihead/transformer/vit';
import { type Digits, drawScene, type Scene } from './data.js';
import { config } from './model.js';

/** Scenes of the test are the same for everybody: their scraps come from here. */
const seed = 7_000_000;

/** The first `count` scenes of the test, each of one test digit among scraps of others. */
export function testScenes(digits: Digits, count: number): Scene[] {
  return Array.from({ length: count }, (_, i) => drawScene(digits, i, new Rng({ seed, counter: 100 * i })));
}

export interface Accuracy {
  scenes: number;
  right: number;
  /** How often each digit (row) was taken for which (column). */
  confusion: number[][];
}

/** How many of the scenes a model names rightly. */
export async function evaluate(
  model: ViTForImageClassification,
  processor: ImageProcessor,
  scenes: readonly Scene[],
  options: { signal?: AbortSignal } = {},
): Promise<Accuracy> {
  const names = Object.values(config.id2label);
  const found = await classifyImage(model, processor, scenes, { ...options, top: 1, batchSize: 100 });
  const confusion = names.map(() => names.map(() => 0));
  for (const [i, { label }] of scenes.entries()) confusion[label]![names.indexOf(found[i]![0]!.label)]!++;
  return { scenes: scenes.length, right: confusion.reduce((sum, row, i) => sum + row[i]!, 0), confusion };
}
