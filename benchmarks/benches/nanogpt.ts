import { faster } from '../bars.ts';
import type { Case } from '../contest.ts';
import { integers } from '../random.ts';
import { type Draw, draw, type Weights } from '../weights.ts';
import type { Bench } from './bench.ts';
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
  judge: () => [faster('multihead', ['jax-js', 'tfjs-wasm'], 2)],
};

export const gpt = { layers: 4, heads: 4, width: 128, tokens: 64, batch: 12, vocabulary: 65 };
export const adamOptions = { lr: 1e-3, beta1: 0.9, beta2: 0.99, eps: 1e-8, weightDecay: 0.1, clip: 1 };
/** Steps whose losses are compared. */
export const compared = 10;

export interface GptData {
  weights: Weights;
  /** Ids of step i and those that follow them, both [B, T]. */
  batch(step: number): { ids: Int32Array<ArrayBuffer>; targets: Int32Array<ArrayBuffer> };
}

/** nanoGPT decays the tensors with two axes. */
export const decays = (weights: Weights) => (name: string) => weights.get(name)!.shape.length === 2;

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

function gptData(): GptData {
  const { layers, width, tokens, batch, vocabulary } = gpt;
  const block = (i: number): Record<string, Draw> => ({
    [`h.${i}.ln_1.weight`]: { shape: [width], std: 0, mean: 1 },
    [`h.${i}.attn.c_attn.weight`]: { shape: [3 * width, width], std: 0.02 },
    [`h.${i}.attn.c_proj.weight`]: { shape: [width, width], std: 0.02 / Math.sqrt(2 * layers) },
    [`h.${i}.ln_2.weight`]: { shape: [width], std: 0, mean: 1 },
    [`h.${i}.mlp.c_fc.weight`]: { shape: [4 * width, width], std: 0.02 },
    [`h.${i}.mlp.c_proj.weight`]: { shape: [width, 4 * width], std: 0.02 / Math.sqrt(2 * layers) },
  });
  const specs: Record<string, Draw>[] = [
    { 'wte.weight': { shape: [vocabulary, width], std: 0.02 }, 'wpe.weight': { shape: [tokens, width], std: 0.02 } },
    ...Array.from({ length: layers }, (_, i) => block(i)),
    { 'ln_f.weight': { shape: [width], std: 0, mean: 1 } },
  ];
  const text = speech(100_000, vocabulary);
  return {
    weights: draw(Object.assign({}, ...specs), 2),
    batch(step) {
      const starts = integers(100 + step, batch, 0, text.length - tokens - 1);
      const rows = (shift: number) => Int32Array.from([...starts].flatMap((at) => [...text.subarray(at + shift, at + shift + tokens)]));
      return { ids: rows(0), targets: rows(1) };
    },
  };
}

/** A text that can be learnt: mostly, each letter is followed by one of three. */
function speech(length: number, letters: number): Int32Array {
  const choices = integers(5, 2 * length, 0, letters);
  const followers = integers(6, 3 * letters, 0, letters);
  const text = new Int32Array(length);
  for (let i = 1; i < length; i++) {
    const surprise = choices[2 * i]! < letters / 8;
    text[i] = surprise ? choices[2 * i + 1]! : followers[3 * text[i - 1]! + (choices[2 * i + 1]! % 3)]!;
  }
  return text;
}
