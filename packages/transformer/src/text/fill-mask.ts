import { keep, noGrad, select, softmax, tidy, topk, ValueError } from '@multihead/tensor';
import { backendOf, batchOf } from './batches.js';
import { idsOf, type TextModel, type TextTokenizer } from './tokenizer.js';

export interface Filling {
  id: number;
  token: string;
  score: number;
  /** The text with this token in place of the mask. */
  text: string;
}

/**
 * What may stand where the text has its mask (`[MASK]` or `<mask>`, as the tokenizer has it), the likeliest first, from a masked language model.
 *
 * @throws ValueError unless the text has one mask that the tokenizer knows.
 * @example
 * const [best] = await fillMask(model, tokenizer, 'Paris is the [MASK] of France.'); // { token: 'capital', score: 0.997, … }
 */
export async function fillMask(
  model: TextModel,
  tokenizer: TextTokenizer,
  text: string,
  options: { top?: number } = {},
): Promise<Filling[]> {
  const ids = idsOf(tokenizer.encode(text));
  const masks = ['[MASK]', '<mask>'].map((token) => tokenizer.tokenToId(token)).filter((id) => id !== undefined);
  const places = ids.flatMap((id, i) => (masks.includes(id) ? [i] : []));
  if (places.length !== 1)
    throw new ValueError(`fillMask: text: expected one mask, [MASK] or <mask>, got ${places.length} in ${JSON.stringify(text)}`);
  const [place] = places as [number];
  const likely = noGrad(() =>
    tidy(() => {
      const logits = model.forward(batchOf([ids], 0, backendOf(model)).ids); // [1, T, V]
      const { values, indices } = topk(softmax(select(select(logits, 1, place), 0, 0)), Math.min(options.top ?? 5, logits.shape[2]!));
      return { values: keep(values), indices: keep(indices) };
    }),
  );
  try {
    const [scores, found] = [await likely.values.data(), await likely.indices.data()];
    return Array.from(found, (id, i) => ({
      id,
      token: tokenizer.idToToken(id) ?? '',
      score: scores[i]!,
      text: tokenizer.decode(ids.with(place, id)),
    }));
  } finally {
    likely.values.dispose();
    likely.indices.dispose();
  }
}
