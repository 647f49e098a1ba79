import { keep, noGrad, type Tensor, tensor, tidy, ValueError } from '@multihead/tensor';
import { checkCount } from '../generation/processors/scores.js';
import { originOf } from '../loading/config.js';
import { backendOf, batchOf } from './batches.js';
import { type PlacedEncoding, type PlacingTokenizer, type TextContext, type TextOptions, uncut } from './tokenizer.js';

/* Texts whose tokens are known one by one, as padded batches. */

/** A token, and where it comes from. */
export interface PlacedToken {
  id: number;
  /** Which token of its encoding it is. */
  place: number;
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
    return { id, place: i, typeId: typeIds[i] ?? 0, offsets: offsets[i]!, isSpecial: specialTokensMask[i] === 1, sequence, word };
  });
  return all.filter((_, i) => attentionMask?.[i] !== 0);
}

/** How many places a model has for tokens. */
export function placesOf({ config }: { readonly config: object }): number {
  const { max_position_embeddings: most, n_positions: old } = config as { max_position_embeddings?: number; n_positions?: number };
  // RoBERTa and its kin count from behind the place of padding.
  const { model_type: type, pad_token_id: pad = 1 } = (originOf(config) ?? {}) as { model_type?: string; pad_token_id?: number };
  const first = ['roberta', 'xlm-roberta', 'camembert'].includes(type ?? '') ? pad + 1 : 0;
  return (most ?? old ?? Number.POSITIVE_INFINITY) - first;
}

/**
 * All tokens, or where they are more than `most` as many windows as it takes: each has what stands before and behind the text `sequence`, and a part of that
 * text which begins with the last `stride` tokens of the part before. Throws a ValueError where a part would have no room.
 */
export function windowsOf(
  what: string,
  tokens: readonly PlacedToken[],
  { sequence, most, stride }: { sequence: number; most: number; stride: number },
): PlacedToken[][] {
  if (tokens.length <= most) return [[...tokens]];
  const isCut = (token: PlacedToken) => token.sequence === sequence;
  const text = tokens.filter(isCut);
  const [before, after] = [tokens.slice(0, tokens.findIndex(isCut)), tokens.slice(tokens.findLastIndex(isCut) + 1)];
  const room = most - before.length - after.length;
  if (!(Number.isSafeInteger(stride) && stride >= 0 && stride < room)) {
    const found = `${before.length + after.length} other tokens leave ${room} of ${most}`;
    throw new ValueError(`${what}: expected an integer from 0 to ${Math.max(room - 1, 0)}, as ${found}, got ${stride}`);
  }
  const windows: PlacedToken[][] = [];
  for (let from = 0; ; from += room - stride) {
    windows.push([...before, ...text.slice(from, from + room), ...after]);
    if (from + room >= text.length) return windows;
  }
}

/** What `compute` makes of each row of tokens, [B, …]: the numbers of its row, and how many tokens wide the batch was. */
export async function overTokens(
  op: string,
  model: { readonly config: object },
  rows: readonly (readonly PlacedToken[])[],
  { batchSize = 16, signal }: TextOptions,
  compute: (ids: Tensor, ctx: TextContext) => Tensor,
): Promise<{ numbers: Float32Array; tokens: number }[]> {
  checkCount(op, 'batchSize', batchSize, 1);
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
