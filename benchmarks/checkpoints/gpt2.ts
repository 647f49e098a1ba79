import { GPT2LMHeadModel, readGPT2Config } from '@multihead/transformer/gpt2';
import { type Draw, draw, normDraw, type Weights } from '../weights.ts';
import { endOfText } from './vocabularies.ts';

/* A GPT-2 of the size of DistilGPT-2, with random weights. */

export const shape = { layers: 6, width: 768, heads: 12, hidden: 3072, vocabulary: 50_257, positions: 1024, eps: 1e-5 };

/** GPT-2's linear layers are [in, out]. */
function conv1d(name: string, into: number, out: number): Record<string, Draw> {
  return { [`${name}.weight`]: { shape: [into, out], std: into ** -0.5 }, [`${name}.bias`]: { shape: [out], std: 0.05 } };
}

/** By the names of transformers, without `transformer.` in front. */
export function weights(): Weights {
  const { layers, width, hidden, vocabulary, positions } = shape;
  const layer = (i: number): Record<string, Draw> => ({
    ...normDraw(`h.${i}.ln_1`, width),
    ...conv1d(`h.${i}.attn.c_attn`, width, 3 * width),
    ...conv1d(`h.${i}.attn.c_proj`, width, width),
    ...normDraw(`h.${i}.ln_2`, width),
    ...conv1d(`h.${i}.mlp.c_fc`, width, hidden),
    ...conv1d(`h.${i}.mlp.c_proj`, hidden, width),
  });
  const specs: Record<string, Draw>[] = [
    { 'wte.weight': { shape: [vocabulary, width], std: 0.05 }, 'wpe.weight': { shape: [positions, width], std: 0.05 } },
    ...Array.from({ length: layers }, (_, i) => layer(i)),
    normDraw('ln_f', width),
  ];
  return draw(Object.assign({}, ...specs), 6);
}

export function newModel(): GPT2LMHeadModel {
  return new GPT2LMHeadModel(
    readGPT2Config({
      model_type: 'gpt2',
      vocab_size: shape.vocabulary,
      n_embd: shape.width,
      n_layer: shape.layers,
      n_head: shape.heads,
      n_positions: shape.positions,
      layer_norm_epsilon: shape.eps,
      bos_token_id: endOfText,
      eos_token_id: endOfText,
    }),
  );
}
