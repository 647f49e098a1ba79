import { faster } from '../bars.ts';
import type { Case } from '../contest.ts';
import type { Bench } from './bench.ts';
import { gptData } from './nanogpt/data.ts';
import { byJax } from './nanogpt/jax.ts';
import { ours } from './nanogpt/multihead.ts';
import { byTorch } from './nanogpt/pytorch.ts';
import { byTensorflow } from './nanogpt/tfjs.ts';

/** One training step of nanoGPT's recipe for a CPU: github.com/karpathy/nanoGPT, train_shakespeare_char with the flags of its README. */
export const bench: Bench = {
  name: 'nanogpt',
  title: "a training step of nanoGPT's recipe for a CPU: 4 layers, 4 heads, d 128, 64 tokens, batch 12, vocabulary 65",
  notes: [
    'A step is forward, backward, clipping of the gradients to length 1 and AdamW (β 0.9 and 0.99, weight decay 0.1 for matrices); dropout 0; the loss is read.',
    'jax-js has all of it in one function under jit.',
    'tfjs-wasm looks tokens up by a product with one-hot rows, as its backend has no kernel for the gradient of a lookup, and has AdamW written out, as it has none.',
  ],
  cases: ({ threads }) => [stepCase(threads)],
  judge: ({ threads }) => [faster('multihead', ['jax-js', 'tfjs-wasm'], 2, { optional: threads > 1 })],
};

function stepCase(threads: number): Case {
  const data = gptData();
  return {
    name: 'step',
    contestants: [
      { name: 'multihead', prepare: () => ours(data, threads) },
      { name: 'jax-js', prepare: () => byJax(data, threads) },
      { name: 'tfjs-wasm', prepare: () => byTensorflow(data, threads) },
      { name: 'PyTorch', prepare: () => byTorch(data, threads) },
    ],
    tolerance: 1e-3,
  };
}
