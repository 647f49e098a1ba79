import { integers } from '../../random.ts';
import { type Draw, draw, linearDraw, normDraw, type Weights } from '../../weights.ts';

/* A decoder of the size of DistilGPT-2: pre-norm, GELU, learned positions, the embedding also as output projection. */

export const shape = { layers: 6, width: 768, heads: 12, hidden: 3072, vocabulary: 32_000, positions: 256, eps: 1e-5 };
/** Tokens that are there when a batch begins, and tokens that it adds. */
export const context = 128;
export const generated = 128;

export interface DecoderData {
  weights: Weights;
  prompt: Int32Array<ArrayBuffer>;
}

export function decoderData(): DecoderData {
  const { layers, width, hidden, vocabulary, positions } = shape;
  const layer = (i: number): Record<string, Draw> => ({
    ...normDraw(`h.${i}.ln_1`, width),
    ...linearDraw(`h.${i}.attn.c_attn`, 3 * width, width),
    ...linearDraw(`h.${i}.attn.c_proj`, width, width),
    ...normDraw(`h.${i}.ln_2`, width),
    ...linearDraw(`h.${i}.mlp.c_fc`, hidden, width),
    ...linearDraw(`h.${i}.mlp.c_proj`, width, hidden),
  });
  const specs: Record<string, Draw>[] = [
    { 'wte.weight': { shape: [vocabulary, width], std: 0.05 }, 'wpe.weight': { shape: [positions, width], std: 0.05 } },
    ...Array.from({ length: layers }, (_, i) => layer(i)),
    normDraw('ln_f', width),
  ];
  return { weights: draw(Object.assign({}, ...specs), 4), prompt: integers(41, context, 0, vocabulary) };
}

/** Tokens as numbers of which two that differ are far apart: the ids themselves would look alike. */
export function comparable(tokens: readonly number[]): Float64Array {
  return Float64Array.from(tokens, (token) => (Math.imul(token + 1, 0x9e3779b1) >>> 0) / 2 ** 32);
}
