import type { Ready } from '../../contest.ts';
import { pytorch, type TorchArray } from '../../peers/pytorch.ts';
import { adamOptions, compared, type GptData, gpt } from './data.ts';

/** Steps whose data are sent; after them it begins again. */
const steps = 64;

export function byTorch({ weights, batch }: GptData, threads: number): Promise<Ready> {
  const arrays = new Map<string, TorchArray>(weights);
  const batches = Array.from({ length: steps }, (_, i) => batch(i));
  for (const name of ['ids', 'targets'] as const) {
    const data = Int32Array.from(batches.flatMap((one) => [...one[name]]));
    arrays.set(name, { shape: [steps, gpt.batch, gpt.tokens], data });
  }
  return pytorch({ name: 'nanogpt', options: { ...gpt, ...adamOptions, compared }, arrays }, threads);
}
