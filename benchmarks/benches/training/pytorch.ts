import type { Ready } from '../../contest.ts';
import { pytorch, type TorchArray } from '../../peers/pytorch.ts';
import { adamOptions, compared, ids, shape, type TrainingData } from './data.ts';

/** Steps whose data are sent; after them it begins again. */
const steps = 64;

export function byTorch({ weights, positions, batch }: TrainingData, threads: number): Promise<Ready> {
  const arrays = new Map<string, TorchArray>([...weights, ['positions', { shape: [shape.tokens, shape.width], data: positions }]]);
  const batches = Array.from({ length: steps }, (_, i) => batch(i));
  for (const name of ['source', 'target', 'answer'] as const) {
    const data = Int32Array.from(batches.flatMap((one) => [...one[name]]));
    arrays.set(name, { shape: [steps, shape.batch, shape.tokens], data });
  }
  return pytorch({ name: 'seq2seq', options: { ...shape, ...adamOptions, pad: ids.pad, compared }, arrays }, threads);
}
