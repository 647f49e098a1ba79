import { ShapeError, type Tensor, tensor } from '@multihead/tensor';

/**
 * Keys and values of the tokens so far. Each kind keeps them in its own way; all of them give, with `causal: 'bottom-right'` (and the window
 * that a windowed one was made for), what attention over all tokens at once gives. Owned by whoever made it: `dispose()` when done.
 */
export interface AttentionCache {
  /** Tokens that were appended: the place of the next one. */
  readonly length: number;
  /** Adds [B, G, T, D] and [B, G, T, E]; returns all that the new tokens may look at, the new ones last. */
  append(k: Tensor, v: Tensor): KeysAndValues;
  /** The keys and values held. Throws a ShapeError while there are none. */
  view(): KeysAndValues;
  /** Sample i of the batch goes on from what sample `rows[i]` was: how beams are kept, copied and dropped. */
  reorder(rows: Tensor | ArrayLike<number>): void;
  /** Forgets everything and frees its memory. It may be filled anew. */
  dispose(): void;
}

/** Keys [B, G, K, D] and values [B, G, K, E]. */
export interface KeysAndValues {
  k: Tensor;
  v: Tensor;
}

/** Throws a ShapeError unless k and v belong together and fit what is held, whose shapes are given. */
export function checkNew(op: string, k: Tensor, v: Tensor, held: { k: readonly number[]; v: readonly number[] } | null): void {
  const show = (x: Tensor) => `[${x.shape.join(', ')}]`;
  if (k.rank !== 4 || v.rank !== 4 || String(k.shape.slice(0, 3)) !== String(v.shape.slice(0, 3))) {
    throw new ShapeError(
      `${op}: expected k and v of [batch, heads, tokens, dim] that agree but for dim, got k ${show(k)} and v ${show(v)}`,
    );
  }
  for (const [x, old] of held ? [[k, held.k] as const, [v, held.v] as const] : []) {
    if ([0, 1, 3].some((axis) => x.shape[axis] !== old[axis])) {
      throw new ShapeError(`${op}: expected [${old[0]}, ${old[1]}, tokens, ${old[3]}], got ${show(x)}`);
    }
  }
}

/** As int32 on the backend of `like`. */
export function asIds(rows: Tensor | ArrayLike<number>, like: Tensor): Tensor {
  return 'length' in rows ? tensor(Int32Array.from(rows), { backend: like.backend }) : rows;
}

export function shapesOf(held: KeysAndValues | null): { k: readonly number[]; v: readonly number[] } | null {
  return held && { k: held.k.shape, v: held.v.shape };
}
