import { crossEntropy, dispose, parameters, Rng, scope, tensor } from '@multihead/tensor';
import { adamw, warmupCosine } from '@multihead/train';
import { type Batch, IGNORED, type Task } from './data.js';
import { mixers, RecallModel } from './model.js';

export interface RunOptions {
  readonly steps: number;
  readonly seed: number;
  readonly signal?: AbortSignal;
  readonly onStep?: (step: number, loss: number) => void;
}

/** Trains one model at one level of a task and returns the share of answers that are right on fresh data. */
export async function run(task: Task, level: number, mixer: string, { steps, seed, signal, onStep }: RunOptions): Promise<number> {
  const make = mixers[mixer];
  if (!make) throw new Error(`mixer: expected ${Object.keys(mixers).join(', ')}, got ${mixer}`);
  const rng = new Rng(seed);
  const model = new RecallModel(task.vocabulary, make(), rng.fork());
  const draws = rng.fork();
  const optimizer = adamw(parameters(model), { lr: 1e-2, weightDecay: 0.01 });
  const schedule = warmupCosine({ peak: 1e-2, warmup: Math.ceil(steps / 20), total: steps });
  try {
    for (let step = 0; step < steps; step++) {
      signal?.throwIfAborted();
      using _ = scope();
      const batch = task.batch(level, 32, draws);
      const loss = crossEntropy(model.forward(idsOf(batch)), targetsOf(batch), { ignoreIndex: IGNORED });
      loss.backward();
      optimizer.lr = schedule(step);
      optimizer.step();
      if (onStep && step % 50 === 0) onStep(step, await loss.item());
    }
    return await accuracy(model, task.batch(level, 256, draws));
  } finally {
    optimizer.dispose();
    dispose(model);
  }
}

async function accuracy(model: RecallModel, batch: Batch): Promise<number> {
  using _ = scope();
  const logits = model.forward(idsOf(batch));
  const vocabulary = logits.shape.at(-1)!;
  const data = await logits.data();
  let [asked, right] = [0, 0];
  batch.targets.forEach((target, i) => {
    if (target === IGNORED) return;
    const row = data.subarray(i * vocabulary, (i + 1) * vocabulary);
    asked++;
    if (row.indexOf(Math.max(...row)) === target) right++;
  });
  return right / asked;
}

const idsOf = ({ ids, length }: Batch) => tensor(ids, { shape: [ids.length / length, length] });
const targetsOf = ({ targets, length }: Batch) => tensor(targets, { shape: [targets.length / length, length] });
