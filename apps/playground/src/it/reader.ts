/*
 * How sentences reach the model, and how its answer is read off: words to ids, padding and masks, and the attention of *it*.
 */
import { paddingMask } from '@multihead/attention';
import { noGrad, scope, type Tensor, tensor } from '@multihead/tensor';
import { WordTokenizer } from '@multihead/tokenizer';
import type { ItModel } from './model.js';
import { type ItSentence, vocabulary } from './sentences.js';

export const hiddenWord = '[hidden]';
export const tokenizer = new WordTokenizer(vocabulary(), { specialTokens: { pad: '[pad]', unk: hiddenWord } });

/** Attention weights of one sentence by layer and head, each [words × words]. */
export type Maps = Float32Array[][];

/** Sentences as ids [B, T], padded to the longest, and what may be looked at [B, 1, 1, T]. */
export function toBatch(sentences: readonly (readonly string[])[]): { ids: Tensor; mask: Tensor } {
  const texts = sentences.map((words) => words.join(' '));
  const encoded = tokenizer.encodeBatch(texts, { padding: {} }).map(({ ids }) => ids);
  const shape = [encoded.length, encoded[0]!.length] as const;
  return {
    ids: tensor(Int32Array.from(encoded.flat()), { shape }),
    mask: paddingMask(
      sentences.map(({ length }) => length),
      shape[1],
    ),
  };
}

/** The share of `sentences` in which *it* looks at the right noun more than at any other word. */
export async function accuracy(model: ItModel, sentences: readonly ItSentence[]): Promise<number> {
  using _ = scope();
  const { ids, mask } = toBatch(sentences.map(({ words }) => words));
  const looks = noGrad(() => model.look(ids, mask)); // [B, T, T]
  const tokens = ids.shape[1]!;
  const weights = await looks.data();
  const right = sentences.filter(({ it, nouns, answer }, b) => {
    const row = weights.subarray((b * tokens + it) * tokens, (b * tokens + it + 1) * tokens);
    return row.indexOf(Math.max(...row)) === nouns[answer];
  });
  return right.length / sentences.length;
}

/** Every attention map of one sentence. */
export async function attentionMaps(model: ItModel, words: readonly string[]): Promise<Maps> {
  using _ = scope();
  const { ids, mask } = toBatch([words]);
  const found: Tensor[] = [];
  noGrad(() => model.forward(ids, mask, (_layer, weights) => found.push(weights)));
  const size = words.length ** 2;
  const maps: Maps = [];
  for (const weights of found) {
    const data = (await weights.data()) as Float32Array;
    maps.push(Array.from({ length: weights.shape[1]! }, (_, head) => data.slice(head * size, (head + 1) * size)));
  }
  return maps;
}

/** What the word at `place` looks at in the last layer, the mean of its heads. This is the model's answer. */
export async function lookOf(model: ItModel, words: readonly string[], place: number): Promise<Float32Array> {
  using _ = scope();
  const { ids, mask } = toBatch([words]);
  const look = noGrad(() => model.look(ids, mask)); // [1, T, T]
  return (await look.data()).slice(place * words.length, (place + 1) * words.length) as Float32Array;
}
