import { type Backend, keep, noGrad, stateDict, type Tensor, tensor, tidy, ValueError } from '@multihead/tensor';
import { idsOf, type TextModel, type TextOptions, type TextTokenizer } from './tokenizer.js';

/* Texts as padded batches of ids. */

/** What `compute` makes of each text, [B, N], row by row. */
export async function inBatches(
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
    const encoded = texts.slice(from, from + batchSize).map((text) => idsOf(tokenizer.encode(text)));
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
