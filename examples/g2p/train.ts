import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { crossEntropy, parameters, type Rng } from '@multihead/tensor';
import { adamw, bucketedBatches, fit, type Optimizer, padded, type TrainState, warmupCosine } from '@multihead/train';
import { loadCheckpoint, saveCheckpoint } from '@multihead/train/node';
import type { Seq2Seq } from '@multihead/transformer/seq2seq';
import type { Pair } from './data.js';
import { sourceTokenizer, targetTokenizer } from './tokens.js';

export interface TrainOptions {
  /** Passes over the training pairs. */
  epochs: number;
  batchSize: number;
  lr: number;
  warmup: number;
  labelSmoothing: number;
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
  lr: number;
  /** Source and target tokens trained on so far in this run. */
  tokens: number;
  state: TrainState;
}

interface Example {
  source: number[];
  target: number[];
}

/** Trains `model` on `pairs`, saves its state every `saveEvery` steps, at the end and when aborted, and goes on from a saved one. */
export async function* train(model: Seq2Seq, pairs: readonly Pair[], options: TrainOptions): AsyncGenerator<TrainReport> {
  const { batchSize, epochs, folder, saveEvery, seed, signal } = options;
  await mkdir(folder, { recursive: true });
  const examples = pairs.map(encode);
  const lengths = examples.map(({ source, target }) => 64 * source.length + target.length);
  const perEpoch = Math.ceil(examples.length / batchSize);
  const steps = epochs * perEpoch;
  const optimizer = adamw(parameters(model), { lr: options.lr, betas: [0.9, 0.98], weightDecay: 0.01 });
  const path = join(folder, 'state.safetensors');
  const from = await resume(path, model, optimizer, seed);
  const batches = (epoch: number) =>
    bucketedBatches(lengths, { size: batchSize, seed: seed + epoch }).map((batch) => Array.from(batch, (i) => examples[i]!));
  const loss = (batch: Example[], rng: Rng) => lossOf(model, batch, options.labelSmoothing, rng);
  const schedule = warmupCosine({ peak: options.lr, warmup: options.warmup, total: steps });
  let tokens = 0;
  let last: TrainState | undefined;
  let saved = 0;
  const task = {
    parameters: parameters(model),
    optimizer,
    batches,
    loss: (batch: Example[], rng: Rng) => {
      tokens += batch.reduce((sum, { source, target }) => sum + source.length + target.length - 1, 0);
      return loss(batch, rng);
    },
  };
  for await (const progress of fit(task, { steps, schedule, clipNorm: 1, from, signal })) {
    last = progress.state;
    if (progress.step % saveEvery === 0 || progress.step === steps) {
      await saveCheckpoint(path, { model, optimizer, progress: last });
      saved = last.step;
    }
    yield { ...progress, steps, epoch: progress.step / perEpoch, tokens };
  }
  if (last && last.step !== saved) await saveCheckpoint(path, { model, optimizer, progress: last });
  optimizer.dispose();
}

async function resume(path: string, model: Seq2Seq, optimizer: Optimizer, seed: number): Promise<number | TrainState> {
  try {
    return await loadCheckpoint(path, { model, optimizer });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || (error as { cause?: NodeJS.ErrnoException }).cause?.code === 'ENOENT')
      return seed;
    throw error;
  }
}

function encode({ word, phonemes }: Pair): Example {
  return { source: sourceTokenizer.encode(word).ids, target: targetTokenizer.encode(phonemes.join(' ')).ids };
}

/** Each target token is predicted from those before it; the mean is over all of them. */
function lossOf(model: Seq2Seq, batch: Example[], labelSmoothing: number, rng: Rng) {
  const { pad_token_id } = model.config;
  const source = padded(batch.map(({ source }) => source), pad_token_id); // biome-ignore format: one call
  const input = padded(batch.map(({ target }) => target.slice(0, -1)), pad_token_id); // biome-ignore format: one call
  const output = padded(batch.map(({ target }) => target.slice(1)), pad_token_id); // biome-ignore format: one call
  return crossEntropy(model.forward(source, input, { rng }), output, { ignoreIndex: pad_token_id, labelSmoothing });
}
