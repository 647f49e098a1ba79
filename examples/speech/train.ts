import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { crossEntropy, parameters, Rng, type Tensor, tensor } from '@multihead/tensor';
import { adamw, fit, type Optimizer, padded, type TrainState, warmupCosine } from '@multihead/train';
import { loadCheckpoint, saveCheckpoint } from '@multihead/train/node';
import { logMel } from '@multihead/transformer/speech';
import type { WhisperForConditionalGeneration } from '@multihead/transformer/whisper';
import { drawExample } from './data.js';
import { features } from './model.js';
import { generationConfig } from './tokens.js';

export interface TrainOptions {
  steps: number;
  batchSize: number;
  lr: number;
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
  loss: number;
}

const ignored = -100;

/** Trains `model` on windows that are made as they are needed, saves its state, and goes on from a saved one. */
export async function* train(model: WhisperForConditionalGeneration, options: TrainOptions): AsyncGenerator<TrainReport> {
  const { batchSize, folder, saveEvery, seed, signal, steps } = options;
  await mkdir(folder, { recursive: true });
  const trained = parameters(model).filter(({ requiresGrad }) => requiresGrad);
  const optimizer = adamw(trained, { lr: options.lr, betas: [0.9, 0.98], weightDecay: 0.01 });
  const path = join(folder, 'state.safetensors');
  const from = await resume(path, model, optimizer, seed);
  const schedule = warmupCosine({ peak: options.lr, warmup: Math.min(300, Math.ceil(steps / 10)), total: steps });
  // Making a window costs as much as learning from it: each is in some batches, one after the other.
  const fresh = Math.ceil((3 * batchSize) / 8);
  const window = windows(seed, batchSize);
  let last: TrainState | undefined;
  let saved = 0;
  const task = {
    parameters: trained,
    optimizer,
    // An epoch is one batch: a function of its number, so that a resumed run sees what an unbroken one would.
    batches: (epoch: number) => [epoch],
    loss: (epoch: number) =>
      lossOf(
        model,
        Array.from({ length: batchSize }, (_, i) => window(epoch * fresh + i)),
      ),
  };
  for await (const progress of fit(task, { steps, schedule, clipNorm: 1, from, signal })) {
    last = progress.state;
    if (progress.step % saveEvery === 0 || progress.step === steps) {
      await saveCheckpoint(path, { model, optimizer, progress: last });
      saved = last.step;
    }
    yield { step: progress.step, steps, loss: progress.loss };
  }
  if (last && last.step !== saved) await saveCheckpoint(path, { model, optimizer, progress: last });
  optimizer.dispose();
}

async function resume(
  path: string,
  model: WhisperForConditionalGeneration,
  optimizer: Optimizer,
  seed: number,
): Promise<number | TrainState> {
  try {
    return await loadCheckpoint(path, { model, optimizer });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? (error as { cause?: NodeJS.ErrnoException }).cause?.code;
    if (code === 'ENOENT') return seed;
    throw error;
  }
}

/** A window as the model takes it. */
interface Window {
  /** [bands, frames] */
  readonly heard: Float32Array;
  readonly ids: readonly number[];
  readonly shown: number;
}

/** The windows of a run by their number; the last `kept` are kept. */
function windows(seed: number, kept: number): (index: number) => Window {
  const made = new Map<number, Window>();
  return (index) => {
    const found = made.get(index) ?? makeWindow(new Rng(seed * 1_000_003 + index));
    made.set(index, found);
    made.delete(index - kept);
    return found;
  };
}

/** What is short is filled up with silence, as sounds of one window are, or with zeros, as the ends of long ones. */
function makeWindow(rng: Rng): Window {
  const { samples, ids, shown } = drawExample(rng);
  const { feature_size: bands, chunk_length, sampling_rate, hop_length } = features;
  const whole = chunk_length * sampling_rate;
  const frames = whole / hop_length;
  const filled = new Float32Array(rng.uniform() < 0.5 ? whole : samples.length);
  filled.set(samples);
  const mel = logMel(filled, features);
  const heard = new Float32Array(bands * frames);
  for (let band = 0; band < bands; band++) heard.set(mel.data.subarray(band * mel.frames, (band + 1) * mel.frames), band * frames);
  return { heard, ids, shown };
}

/** Each token is predicted from those before it and the sound; the mean is over all that are learned. */
function lossOf(model: WhisperForConditionalGeneration, batch: readonly Window[]): Tensor {
  const pad = generationConfig.pad_token_id as number;
  const input = padded(batch.map(({ ids }) => ids.slice(0, -1)), pad); // biome-ignore format: one call
  const output = padded(batch.map(({ ids, shown }) => ids.slice(1).map((id, i) => (i < shown - 1 ? ignored : id))), ignored); // biome-ignore format: one call
  const bands = features.feature_size;
  const frames = batch[0]!.heard.length / bands;
  const heard = new Float32Array(batch.length * bands * frames);
  for (const [i, window] of batch.entries()) heard.set(window.heard, i * bands * frames);
  const sound = tensor(heard, { shape: [batch.length, bands, frames] }); // [B, bands, frames]
  return crossEntropy(model.forward(sound, input), output, { ignoreIndex: ignored });
}
