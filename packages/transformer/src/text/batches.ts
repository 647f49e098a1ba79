import { type Backend, keep, noGrad, stateDict, type Tensor, tensor, tidy, ValueError } from '@multihead/tensor';
import { checkCount } from '../generation/processors/scores.js';
import { idsOf, type TextModel, type TextOptions, type TextTokenizer } from './tokenizer.js';

/* Texts as batches of ids, with as little padding as may be. */

/** Texts that are encoded, and sorted by their lengths, at a time: batches of these. */
const WINDOW = 32;
/** What a batch costs besides its tokens, in tokens: all weights are read once for each. */
const FIXED_COST = 12;

/** What `compute` makes of each text, [B, N], row by row. Without padding there is no mask. */
export async function inBatches(
  op: string,
  model: TextModel,
  tokenizer: TextTokenizer,
  texts: readonly string[],
  { batchSize = 16, signal }: TextOptions,
  compute: (ids: Tensor, mask: Tensor | null) => Tensor,
): Promise<Float32Array[]> {
  checkCount(op, 'batchSize', batchSize, 1);
  const { pad_token_id: pad } = model.config as { pad_token_id?: number | null };
  const backend = texts.length > 0 ? backendOf(model) : null;
  const rows = new Array<Float32Array>(texts.length);
  for (let from = 0; from < texts.length; from += WINDOW * batchSize) {
    signal?.throwIfAborted();
    const encoded = texts.slice(from, from + WINDOW * batchSize).map((text) => idsOf(tokenizer.encode(text)));
    const empty = encoded.findIndex((ids) => ids.length === 0);
    if (empty >= 0)
      throw new ValueError(`${op}: texts: expected text with at least one token, got none for ${JSON.stringify(texts[from + empty])}`);
    for (const places of cutByLength(encoded, batchSize)) {
      signal?.throwIfAborted();
      const made = keep(
        noGrad(() =>
          tidy(() => {
            const chosen = places.map((place) => encoded[place]!);
            const { ids, mask } = batchOf(chosen, pad ?? 0, backend!);
            return compute(ids, chosen.every((row) => row.length === chosen[0]!.length) ? null : mask);
          }),
        ),
      );
      try {
        const data = (await made.data()) as Float32Array;
        const width = made.shape[1]!;
        for (const [i, place] of places.entries()) rows[from + place] = data.slice(i * width, (i + 1) * width);
      } finally {
        made.dispose();
      }
    }
  }
  return rows;
}

/**
 * The places of `rows` in batches of at most `most`, those of like lengths together: of all cuts of the sorted rows the one with the least
 * Σ (FIXED_COST + rows · longest row).
 */
export function cutByLength(rows: readonly { readonly length: number }[], most: number): number[][] {
  const order = rows.map((_, place) => place).sort((a, b) => rows[a]!.length - rows[b]!.length);
  // The least cost of the first n rows, and where their last batch begins.
  const cost = [0];
  const begin = [0];
  for (let n = 1; n <= order.length; n++) {
    const longest = rows[order[n - 1]!]!.length;
    cost[n] = Number.POSITIVE_INFINITY;
    for (let i = n - 1; i >= Math.max(0, n - most); i--) {
      const total = cost[i]! + FIXED_COST + (n - i) * longest;
      if (total < cost[n]!) [cost[n], begin[n]] = [total, i];
    }
  }
  const batches: number[][] = [];
  for (let n = order.length; n > 0; n = begin[n]!) batches.unshift(order.slice(begin[n], n));
  return batches;
}

/** Rows of ids, the shorter ones padded behind, and where there are tokens: both int32 [B, T]. */
export function batchOf(rows: readonly (readonly number[])[], pad: number, backend: Backend): { ids: Tensor; mask: Tensor } {
  const tokens = Math.max(...rows.map((row) => row.length));
  const shape = [rows.length, tokens];
  const filled = (value: (row: readonly number[], i: number) => number) =>
    tensor(Int32Array.from(rows.flatMap((row) => Array.from({ length: tokens }, (_, i) => value(row, i)))), { shape, backend });
  return { ids: filled((row, i) => row[i] ?? pad), mask: filled((row, i) => (i < row.length ? 1 : 0)) };
}

/** Where the weights of a model are. */
export function backendOf(model: object): Backend {
  const [first] = stateDict(model).values();
  return first!.backend;
}
