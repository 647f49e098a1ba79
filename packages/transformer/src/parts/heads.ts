import { arange, argmax, cast, expand, mul, ne, reshape, select, slice, takeAlong, type Tensor, ValueError } from '@multihead/tensor';

/* What the heads of several models do with the last hidden states. */

/** The tokens of x [B, T, E] that a context wants logits of: the last `logitsToKeep`, or all. */
export function tokensToKeep(x: Tensor, { logitsToKeep: keep = 0 }: { logitsToKeep?: number }): Tensor {
  const tokens = x.shape[1]!;
  return keep > 0 && keep < tokens ? slice(x, 1, tokens - keep, tokens) : x;
}

/**
 * The rows of x [B, T, L] at the last token of each sample that is not padding, [B, L]: what a classifier on a causal model reads.
 * Without a padding token there may be one sample only, and its last token counts.
 */
export function atLastToken(x: Tensor, ids: Tensor, padTokenId: number | null): Tensor {
  const [batch, tokens] = x.shape as [number, number];
  if (padTokenId === null) {
    if (batch > 1) throw new ValueError(`sequence classification: ids: a batch of ${batch} needs a pad_token_id in the config`);
    return select(x, 1, tokens - 1);
  }
  const places = arange(0, tokens, 1, { dtype: 'int32', backend: ids.backend });
  const last = argmax(mul(places, cast(ne(ids, padTokenId), 'int32')), 1); // [B]
  return rowsAt(x, last);
}

/** The row of each sample at its place: x [B, T, E] and places int32 [B] to [B, E]. */
export function rowsAt(x: Tensor, places: Tensor): Tensor {
  const [batch, , width] = x.shape as [number, number, number];
  return reshape(takeAlong(x, expand(reshape(places, [batch, 1, 1]), [batch, 1, width]), 1), [batch, width]);
}

/** Logits [B, T, 2] of where an answer begins and where it ends, each [B, T]. */
export function spansOf(logits: Tensor): { start_logits: Tensor; end_logits: Tensor } {
  return { start_logits: select(logits, 2, 0), end_logits: select(logits, 2, 1) };
}
