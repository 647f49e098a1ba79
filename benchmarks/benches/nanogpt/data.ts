import { integers } from '../../random.ts';
import { type Draw, draw, type Weights } from '../../weights.ts';

/* The model that is trained, and what it is trained on. */

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

export function gptData(): GptData {
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
