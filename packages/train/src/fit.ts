import { Rng, type RngState, scope, type Tensor, ValueError } from '@multihead/tensor';
import { clipGradNorm } from './clip.js';
import type { Optimizer } from './optimizer.js';
import { constantRate, type Schedule } from './schedule.js';

/** What is trained, and on what. */
export interface Task<Batch> {
  parameters: readonly Tensor[];
  optimizer: Optimizer;
  /** The batches of an epoch: a function of its number alone, so that a resumed run sees what an unbroken one would. */
  batches: (epoch: number) => readonly Batch[];
  /** The loss of a batch, a scalar. Draw dropout from `rng`. */
  loss: (batch: Batch, rng: Rng) => Tensor;
}

export interface FitOptions {
  /** Where training ends, counted from the very beginning. */
  steps: number;
  /** Of the learning rate; the optimizer's own rate at every step if left out. */
  schedule?: Schedule;
  /** The greatest norm of the gradients together. */
  clipNorm?: number;
  /** Where it begins: a seed, or where an earlier run stopped. */
  from?: number | TrainState;
  /** Ends the loop between two steps, without an error: the last state given out is where to go on. */
  signal?: AbortSignal;
}

/** Where a run stands. With the parameters and the optimizer's state it is all that a resumed run needs. */
export interface TrainState {
  /** Steps taken. */
  step: number;
  epoch: number;
  /** The next batch of that epoch. */
  batch: number;
  rng: RngState;
}

export interface Progress {
  /** Steps taken, this one included. */
  step: number;
  loss: number;
  lr: number;
  state: TrainState;
}

/**
 * Trains, and gives out what happened after each step; evaluate, report and save in the body of your loop, and break to stop.
 * All that a step makes is freed before its progress is given out.
 * Throws a ValueError when the loss is not finite, before the parameters are touched.
 *
 * @example
 * for await (const { step, loss, state } of fit({ parameters, optimizer, batches, loss }, { steps: 1000, signal })) {
 *   if (step % 100 === 0) await saveCheckpoint(path, { model, optimizer, progress: state });
 * }
 */
export async function* fit<Batch>(task: Task<Batch>, options: FitOptions): AsyncGenerator<Progress> {
  const { steps, clipNorm, from = 0, signal } = options;
  const schedule = options.schedule ?? constantRate(task.optimizer.lr);
  const start = typeof from === 'number' ? { step: 0, epoch: 0, batch: 0, rng: { seed: from, counter: 0 } } : from;
  const rng = new Rng(start.rng);
  let { step, epoch, batch } = start;
  let batches = task.batches(epoch);
  while (step < steps && !signal?.aborted) {
    if (batch >= batches.length) {
      epoch++;
      batch = 0;
      batches = task.batches(epoch);
      if (batches.length === 0) throw new ValueError(`fit: batches: epoch ${epoch} has none`);
    }
    const lr = schedule(step);
    task.optimizer.lr = lr;
    const loss = await update(task, batches[batch]!, rng, clipNorm, step);
    step++;
    batch++;
    yield { step, loss, lr, state: { step, epoch, batch, rng: rng.state } };
  }
}

async function update<Batch>(task: Task<Batch>, batch: Batch, rng: Rng, clipNorm: number | undefined, step: number): Promise<number> {
  const open = scope();
  try {
    const loss = task.loss(batch, rng);
    const value = await loss.item();
    if (!Number.isFinite(value))
      throw new ValueError(`fit: the loss of step ${step} is ${value}: lower the learning rate, or clip the gradients`);
    loss.backward();
    if (clipNorm !== undefined) clipGradNorm(task.parameters, clipNorm);
    task.optimizer.step();
    return value;
  } finally {
    open.close();
  }
}
