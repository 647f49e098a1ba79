import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { crossEntropy, parameters, Rng, type Tensor, tensor } from '@multihead/tensor';
import { adamw, fit, type Optimizer, padded, type TrainState, warmupCosine } from '@multihead/train';
import { loadCheckpoint, saveCheckpoint } from '@multihead/train/node';
import { logMel } from '@multihead/transformer/speech';
import type { WhisperForConditionalGeneration } from '@multihead/transformer/whisper';
import { drawExample, type Example } from './data.js';
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
  /** Examples seen so far in this run. */
  examples: number;
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
  let last: TrainState | undefined;
  let saved = 0;
  const task = {
    parameters: trained,
    optimizer,
    // An epoch is one batch: a function of its number, so that a resumed run sees what an unbroken one would.
    batches: (epoch: number) => [epoch],
    loss: (epoch: number) => {
      const rng = new Rng(seed * 1_000_003 + epoch);
      return lossOf(model, Array.from({ length: batchSize }, () => drawExample(rng)), rng); // biome-ignore format: one call
    },
  };
  for await (const progress of fit(task, { steps, schedule, clipNorm: 1, from, signal })) {
    last = progress.state;
    if (progress.step % saveEvery === 0 || progress.step === steps) {
      await saveCheckpoint(path, { model, optimizer, progress: last });
      saved = last.step;
    }
    yield { step: progress.step, steps, loss: progress.loss, examples: progress.step * batchSize };
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

/** Each token is predicted from those before it and the sound; the mean is over all that are learned. */
function lossOf(model: WhisperForConditionalGeneration, batch: readonly Example[], rng: Rng): Tensor {
  const pad = generationConfig.pad_token_id as number;
  const input = padded(batch.map(({ ids }) => ids.slice(0, -1)), pad); // biome-ignore format: one call
  const output = padded(batch.map(({ ids, shown }) => ids.slice(1).map((id, i) => (i < shown - 1 ? ignored : id))), ignored); // biome-ignore format: one call
  return crossEntropy(model.forward(heard(batch, rng), input), output, { ignoreIndex: ignored });
}

/** Spectrograms [B, bands, frames]. What is short is filled up with silence, as sounds of one window are, or with zeros, as the ends of long ones. */
function heard(batch: readonly Example[], rng: Rng): Tensor {
  const { feature_size: bands, chunk_length, sampling_rate, hop_length } = features;
  const whole = chunk_length * sampling_rate;
  const frames = whole / hop_length;
  const data = new Float32Array(batch.length * bands * frames);
  for (const [i, { samples }] of batch.entries()) {
    const isSilenced = rng.uniform() < 0.5;
    const filled = new Float32Array(isSilenced ? whole : samples.length);
    filled.set(samples);
    const mel = logMel(filled, features);
    for (let band = 0; band < bands; band++) {
      data.set(mel.data.subarray(band * mel.frames, (band + 1) * mel.frames), (i * bands + band) * frames);
    }
  }
  return tensor(data, { shape: [batch.length, bands, frames] });
}
