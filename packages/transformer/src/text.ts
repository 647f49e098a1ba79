import {
  type Backend,
  keep,
  noGrad,
  normalize,
  select,
  softmax,
  stateDict,
  type Tensor,
  tensor,
  tidy,
  topk,
  ValueError,
} from '@multihead/tensor';
import type { ForwardContext } from './context.js';
import { meanPooling } from './pooling.js';

/* Text in, answers out: a model, its tokenizer and a few lines. No more is hidden here than batching, padding and reading. */

/** What is asked of a tokenizer: those of `@multihead/tokenizer` have it. */
export interface TextTokenizer {
  encode(text: string): { readonly ids: ArrayLike<number> };
  tokenToId(token: string): number | undefined;
  idToToken(id: number): string | undefined;
  decode(ids: Iterable<number>): string;
}

/** What is asked of a model: ids [B, T] to hidden states or logits. */
export interface TextModel {
  forward(ids: Tensor, ctx?: ForwardContext): Tensor;
  readonly config: object;
}

export interface TextOptions {
  /** Texts at a time; 16 if left out. */
  batchSize?: number;
  /** Stops between two batches; the promise rejects with the signal's reason. */
  signal?: AbortSignal;
}

export interface EmbedOptions extends TextOptions {
  /** What of the hidden states is taken: their mean over the tokens, as sentence encoders mostly want, or that of the first token. */
  pooling?: 'mean' | 'cls';
  /** Vectors of length 1, as cosines want; true if left out. */
  normalized?: boolean;
}

/**
 * A vector for each text, from a model without a head.
 *
 * @throws ValueError for an empty text that the tokenizer gives no token for.
 * @example
 * const model = await load(BertModel, 'sentence-transformers/all-MiniLM-L6-v2');
 * const [a, b] = await embed(model, tokenizer, ['a cat', 'a dog']);
 * const cosine = a!.reduce((sum, x, i) => sum + x * b![i]!, 0);
 */
export async function embed(
  model: TextModel,
  tokenizer: TextTokenizer,
  texts: readonly string[],
  options: EmbedOptions = {},
): Promise<Float32Array[]> {
  const { pooling = 'mean', normalized = true } = options;
  return inBatches('embed', model, tokenizer, texts, options, (ids, mask) => {
    const hidden = model.forward(ids, { mask });
    const pooled = pooling === 'cls' ? select(hidden, 1, 0) : meanPooling(hidden, mask); // [B, E]
    return normalized ? normalize(pooled) : pooled;
  });
}

export interface LabelScore {
  label: string;
  /** From 0 to 1; together 1. */
  score: number;
}

/**
 * The labels of each text with their probabilities, the likeliest first, from a model for sequence classification.
 *
 * @throws ValueError for an empty text that the tokenizer gives no token for.
 * @example
 * const model = await load(DistilBertForSequenceClassification, 'distilbert/distilbert-base-uncased-finetuned-sst-2-english');
 * const [[best]] = await classify(model, tokenizer, ['What a wonderful day']); // { label: 'POSITIVE', score: 0.9998 }
 */
export async function classify(
  model: TextModel,
  tokenizer: TextTokenizer,
  texts: readonly string[],
  options: TextOptions = {},
): Promise<LabelScore[][]> {
  const { id2label } = model.config as { id2label?: string[] | null };
  const rows = await inBatches('classify', model, tokenizer, texts, options, (ids, mask) => softmax(model.forward(ids, { mask })));
  return rows.map((row) =>
    Array.from(row, (score, i) => ({ label: id2label?.[i] ?? `LABEL_${i}`, score })).sort((a, b) => b.score - a.score),
  );
}

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
  const ids = Array.from(tokenizer.encode(text).ids);
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

/** What `compute` makes of each text, [B, N], row by row. */
async function inBatches(
  op: string,
  model: TextModel,
  tokenizer: TextTokenizer,
  texts: readonly string[],
  { batchSize = 16, signal }: TextOptions,
  compute: (ids: Tensor, mask: Tensor) => Tensor,
): Promise<Float32Array[]> {
  const { pad_token_id: pad } = model.config as { pad_token_id?: number | null };
  const rows: Float32Array[] = [];
  for (let from = 0; from < texts.length; from += batchSize) {
    signal?.throwIfAborted();
    const encoded = texts.slice(from, from + batchSize).map((text) => Array.from(tokenizer.encode(text).ids));
    const empty = encoded.findIndex((ids) => ids.length === 0);
    if (empty >= 0)
      throw new ValueError(`${op}: texts: expected text with at least one token, got none for ${JSON.stringify(texts[from + empty])}`);
    const made = keep(
      noGrad(() =>
        tidy(() => {
          const { ids, mask } = batchOf(encoded, pad ?? 0, backendOf(model));
          return compute(ids, mask);
        }),
      ),
    );
    try {
      const data = (await made.data()) as Float32Array;
      const width = made.shape[1]!;
      for (let i = 0; i < encoded.length; i++) rows.push(data.slice(i * width, (i + 1) * width));
    } finally {
      made.dispose();
    }
  }
  return rows;
}

/** Rows of ids, the shorter ones padded behind, and where there are tokens: both int32 [B, T]. */
function batchOf(rows: readonly (readonly number[])[], pad: number, backend: Backend): { ids: Tensor; mask: Tensor } {
  const tokens = Math.max(...rows.map((row) => row.length));
  const shape = [rows.length, tokens];
  const filled = (value: (row: readonly number[], i: number) => number) =>
    tensor(Int32Array.from(rows.flatMap((row) => Array.from({ length: tokens }, (_, i) => value(row, i)))), { shape, backend });
  return { ids: filled((row, i) => row[i] ?? pad), mask: filled((row, i) => (i < row.length ? 1 : 0)) };
}

/** Where the weights of a model are. */
function backendOf(model: object): Backend {
  const [first] = stateDict(model).values();
  return first!.backend;
}
