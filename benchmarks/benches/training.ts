import { faster, within } from '../bars.ts';
import type { Case } from '../contest.ts';
import type { Bench } from './bench.ts';
import { trainingData } from './training/data.ts';
import { byJax } from './training/jax.ts';
import { ours } from './training/multihead.ts';
import { byTorch } from './training/pytorch.ts';

/** One training step of the encoder-decoder of 2017, small. */
export const bench: Bench = {
  name: 'training',
  title: 'a training step of an encoder-decoder, 3 + 3 layers, d 128, ffn 512, 8 heads, batch 64 × 20/20 tokens, vocabulary 40',
  notes: [
    'A step is forward, cross-entropy, backward and Adam; sources and targets of 10 to 20 tokens are padded to 20 and masked; dropout 0; the loss is read.',
    'jax-js has all of it in one function under jit. PyTorch is eager, torch.nn.Transformer with its fused Adam.',
  ],
  cases: ({ threads }) => [stepCase(threads)],
  judge: ({ threads }) => [
    faster('multihead', ['jax-js'], 2, { optional: threads > 1 }),
    within('multihead', 'PyTorch', 1.3, { optional: true }),
  ],
};

function stepCase(threads: number): Case {
  const data = trainingData();
  return {
    name: 'step',
    contestants: [
      { name: 'multihead', prepare: () => ours(data, threads) },
      { name: 'jax-js', prepare: () => byJax(data, threads) },
      { name: 'PyTorch', prepare: () => byTorch(data, threads) },
    ],
    tolerance: 1e-3,
  };
}
