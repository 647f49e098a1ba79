import { assign, noGrad, normal as randomNormal, Rng, stateDict, type Tensor } from '@multihead/tensor';
import { LlamaForCausalLM, readLlamaConfig } from '@multihead/transformer/llama';
import { ids } from './tiny.js';

/* A small Llama with adapters, as the tests of them take it. */

export const sizes = {
  hidden_size: 16,
  intermediate_size: 24,
  num_attention_heads: 4,
  num_hidden_layers: 2,
  vocab_size: 20,
  tie_word_embeddings: true,
};
export const makeLlama = (seed = 1, config: object = {}) =>
  new LlamaForCausalLM(readLlamaConfig({ ...sizes, ...config }), { rng: new Rng(seed) });
export const text = () => ids([[1, 5, 2, 7]]);
export const logits = (model: { forward(x: Tensor, ctx?: object): Tensor }, ctx: object = {}) => noGrad(() => model.forward(text(), ctx));

/** Gives all tensors of an adapter values, so that it does something. */
export function fill(model: object, name = 'default', seed = 9): void {
  const rng = new Rng(seed);
  for (const [key, value] of stateDict(model)) {
    if (key.includes(`.${name}`)) noGrad(() => assign(value, randomNormal(value.shape, { rng, std: 0.3 })));
  }
}

/** The greatest difference, as a share of the greatest value. */
export async function distance(got: Tensor, want: Tensor): Promise<number> {
  const [a, b] = [await got.data(), await want.data()];
  return Math.max(...Array.from(b, (value, i) => Math.abs(a[i]! - value))) / Math.max(...Array.from(b, Math.abs));
}

export interface AnyModel {
  forward(...inputs: unknown[]): Tensor | Record<string, Tensor>;
}
