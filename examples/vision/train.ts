import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { crossEntropy, parameters, Rng, tensor } from '@multihead/tensor';
import { adamw, fit, type Optimizer, type TrainState, warmupCosine } from '@multihead/train';
import { loadCheckpoint, saveCheckpoint } from '@multihead/train/node';
import { preprocess } from '@multihead/transformer/vision';
import type { ViTForImageClassification } from '@multihead/transformer/vit';
import { type Digits, drawScene } from './data.js';
import { processor } from './model.js';

export interface TrainOptions {
  /** Passes over the digits; the scraps around them are others each time. */
  epochs: number;
  batchSize: number;
  lr: number;
  warmup: number;
  seed: number;
  /** The folder of the run: its state, to resume from. */
  folder: string;
  /** Steps between two saves. */
  saveEvery: number;
  signal?: AbortSignal;
}

export interface TrainReport {
  step: number;
  steps: number;
  epoch: number;
  loss: number;
  state: TrainState;
}

/** Digits by number, and the epoch, which with the number makes a scene. */
interface Batch {
  epoch: number;
  picked: Int32Array;
}

/** Trains `model` on scenes, saves its state every `saveEvery` steps, at the end and when aborted, and goes on from a saved one. */
export async function* train(model: ViTForImageClassification, digits: Digits, options: TrainOptions): AsyncGenerator<TrainReport> {
  const { batchSize, epochs, folder, saveEvery, seed, signal, lr, warmup } = options;
  await mkdir(folder, { recursive: true });
  const perEpoch = Math.ceil(digits.labels.length / batchSize);
  const steps = epochs * perEpoch;
  const optimizer = adamw(parameters(model), { lr, weightDecay: 0.05 });
  const path = join(folder, 'state.safetensors');
  const from = await resume(path, model, optimizer, seed);
  const batches = (epoch: number): Batch[] => {
    const order = new Rng(seed + epoch).permutation(digits.labels.length);
    return Array.from({ length: perEpoch }, (_, i) => ({ epoch, picked: order.slice(i * batchSize, (i + 1) * batchSize) }));
  };
  const loss = ({ epoch, picked }: Batch, rng: Rng) => {
    const scenes = Array.from(picked, (i) => drawScene(digits, i, new Rng({ seed, counter: 100 * (epoch * digits.labels.length + i) })));
    const labels = tensor(Int32Array.from(scenes, ({ label }) => label), { shape: [scenes.length] }); // biome-ignore format: one call
    return crossEntropy(model.forward(preprocess(scenes, processor), { rng }), labels, { labelSmoothing: 0.1 });
  };
  const schedule = warmupCosine({ peak: lr, warmup, total: steps });
  let last: TrainState | undefined;
  let saved = 0;
  const task = { parameters: parameters(model), optimizer, batches, loss };
  for await (const { step, loss, state } of fit(task, { steps, schedule, clipNorm: 1, from, signal })) {
    last = state;
    if (step % saveEvery === 0 || step === steps) {
      await saveCheckpoint(path, { model, optimizer, progress: last });
      saved = step;
    }
    yield { step, loss, state, steps, epoch: step / perEpoch };
  }
  if (last && last.step !== saved) await saveCheckpoint(path, { model, optimizer, progress: last });
  optimizer.dispose();
}

async function resume(path: string, model: ViTForImageClassification, optimizer: Optimizer, seed: number): Promise<number | TrainState> {
  try {
    return await loadCheckpoint(path, { model, optimizer });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || (error as { cause?: NodeJS.ErrnoException }).cause?.code === 'ENOENT')
      return seed;
    throw error;
  }
}
