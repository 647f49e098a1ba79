import {
  arange,
  argmax,
  cast,
  eq,
  expand,
  mul,
  ne,
  reshape,
  select,
  ShapeError,
  takeAlong,
  type Tensor,
  ValueError,
  slice,
} from '@multihead/tensor';

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

/** The rows of x [B, T, E] at the last token of each sample that is `end`, [B, E]: where classifiers on a decoder read. */
export function atLastEnd(x: Tensor, ids: Tensor, end: number): Tensor {
  const places = arange(1, ids.shape[1]! + 1, 1, { dtype: 'int32', backend: ids.backend });
  return rowsAt(x, argmax(mul(cast(eq(ids, end), 'int32'), places), 1));
}

/** What a forward pass of choices takes: all of [B, C, T], like the ids. */
export interface ChoiceContext {
  mask?: Tensor | null;
  tokenTypes?: Tensor;
}

/** How likely each of C choices is, [B, C]: ids [B, C, T] are scored as B · C texts. Throws a ShapeError for ids of another shape. */
export function scoreChoices<Context extends ChoiceContext>(
  model: string,
  ids: Tensor,
  ctx: Context,
  score: (ids: Tensor, ctx: Context) => Tensor,
): Tensor {
  if (ids.rank !== 3) throw new ShapeError(`${model}: ids: expected [batch, choices, tokens], got [${ids.shape.join(', ')}]`);
  const [batch, choices, tokens] = ids.shape as [number, number, number];
  const flat = (x: Tensor) => reshape(x, [batch * choices, tokens]);
  const { mask, tokenTypes } = ctx;
  const each = { ...ctx, ...(mask && { mask: flat(mask) }), ...(tokenTypes && { tokenTypes: flat(tokenTypes) }) };
  return reshape(score(flat(ids), each), [batch, choices]);
}

/** The pooler, if the model has one. Throws a ValueError for one that was made without, or loaded from a checkpoint that has none. */
export function present<Pooler>(model: string, pooler: Pooler | null): Pooler {
  if (pooler === null) throw new ValueError(`${model}: pooled: expected a model with a pooler; neither it nor its checkpoint has one`);
  return pooler;
}
