import { keep, noGrad, type Tensor, tensor, tidy } from '@multihead/tensor';
import { backendOf, batchOf } from './batches.js';
import { type PlacedEncoding, type PlacingTokenizer, type TextContext, type TextOptions, uncut } from './tokenizer.js';

/* Texts whose tokens are known one by one, as padded batches. */

/** A token, and where it comes from. */
export interface PlacedToken {
  id: number;
  typeId: number;
  offsets: readonly [start: number, end: number];
  /** Added by a template. */
  isSpecial: boolean;
  /** 0 in the first text, 1 in the second. */
  sequence: number | null;
  word: number | null;
}

/** All tokens of a text or a pair, however a tokenizer cuts and pads by itself. */
export function placedTokens(tokenizer: PlacingTokenizer, text: string, pair?: string): PlacedToken[] {
  return tokensOf(tokenizer.encode(text, { ...uncut, pair }));
}

/** The tokens of an encoding, without padding. */
export function tokensOf(encoding: PlacedEncoding): PlacedToken[] {
  const { ids, typeIds, offsets, specialTokensMask, sequenceIds, wordIds, attentionMask } = encoding;
  const all = Array.from(ids, (id, i): PlacedToken => {
    const [sequence, word] = [sequenceIds[i] ?? null, wordIds[i] ?? null];
    return { id, typeId: typeIds[i] ?? 0, offsets: offsets[i]!, isSpecial: specialTokensMask[i] === 1, sequence, word };
  });
  return all.filter((_, i) => attentionMask?.[i] !== 0);
}

/** What `compute` makes of each row of tokens, [B, …]: the numbers of its row, and how many tokens wide the batch was. */
export async function overTokens(
  model: { readonly config: object },
  rows: readonly (readonly PlacedToken[])[],
  { batchSize = 16, signal }: TextOptions,
  compute: (ids: Tensor, ctx: TextContext) => Tensor,
): Promise<{ numbers: Float32Array; tokens: number }[]> {
  const config = model.config as { pad_token_id?: number | null; type_vocab_size?: number };
  const hasTypes = (config.type_vocab_size ?? 0) > 1;
  const found: { numbers: Float32Array; tokens: number }[] = [];
  for (let from = 0; from < rows.length; from += batchSize) {
    signal?.throwIfAborted();
    const batch = rows.slice(from, from + batchSize);
    const tokens = Math.max(...batch.map((row) => row.length));
    const inputs = () => {
      const backend = backendOf(model);
      const lists = batch.map((row) => row.map(({ id }) => id));
      const { ids, mask } = batchOf(lists, config.pad_token_id ?? 0, backend);
      if (!hasTypes) return compute(ids, { mask });
      const types = Int32Array.from(batch.flatMap((row) => Array.from({ length: tokens }, (_, t) => row[t]?.typeId ?? 0)));
      return compute(ids, { mask, tokenTypes: tensor(types, { shape: [batch.length, tokens], backend }) });
    };
    const made = keep(noGrad(() => tidy(inputs)));
    try {
      const data = (await made.data()) as Float32Array;
      const width = made.size / batch.length;
      for (let i = 0; i < batch.length; i++) found.push({ numbers: data.slice(i * width, (i + 1) * width), tokens });
    } finally {
      made.dispose();
    }
  }
  return found;
}
