import { assign, indexSelect, keep, noGrad, ShapeError, slice, type Tensor, tidy, zeros } from '@multihead/tensor';
import { type AttentionCache, asIds, checkNew, type KeysAndValues, shapesOf } from './cache.js';

/**
 * The keys and values of the tokens so far, so that each new token is computed once. It grows by doubling, or has room for `capacity` tokens
 * from the first one on; what `append` returns are views of it that the attention kernels read in place. Owned by whoever made it:
 * `dispose()` when done. Throws a ShapeError where shapes do not fit what is held, or more than `capacity` tokens come.
 *
 * @example
 * const cache = new KVCache();
 * const held = cache.append(kNew, vNew); // all tokens so far
 * const out = attend(q, held.k, held.v, { causal: 'bottom-right' });
 * cache.dispose(); // when the text is done
 */
export class KVCache implements AttentionCache {
  #held: KeysAndValues | null = null;
  #length = 0;
  readonly #capacity: number | null;

  constructor(options: { capacity?: number } = {}) {
    this.#capacity = options.capacity ?? null;
  }

  /** Tokens held. */
  get length(): number {
    return this.#length;
  }

  /** Adds [B, G, T, D] and [B, G, T, E] and returns the whole, [B, G, length, D] and [B, G, length, E]. */
  append(k: Tensor, v: Tensor): KeysAndValues {
    checkNew('KVCache.append', k, v, shapesOf(this.#held));
    const start = this.#length;
    const end = start + k.shape[2]!;
    if (this.#capacity !== null && end > this.#capacity) {
      throw new ShapeError(`KVCache.append: expected no more than ${this.#capacity} tokens, got ${start} and ${end - start}`);
    }
    const held = this.#held;
    const room = this.#capacity ?? Math.max(16, 2 * end);
    this.#held = { k: roomFor(held?.k, k, end, start, room), v: roomFor(held?.v, v, end, start, room) };
    place(this.#held.k, k, start);
    place(this.#held.v, v, start);
    this.#length = end;
    return this.view();
  }

  /** All keys [B, G, length, D] and values [B, G, length, E] held. Throws a ShapeError while there are none. */
  view(): KeysAndValues {
    if (!this.#held) throw new ShapeError('KVCache.view: nothing has been appended yet');
    return { k: slice(this.#held.k, 2, 0, this.#length), v: slice(this.#held.v, 2, 0, this.#length) };
  }

  /** Sample i of the batch goes on from what sample `rows[i]` was: how beams are kept, copied and dropped. */
  reorder(rows: Tensor | ArrayLike<number>): void {
    if (this.#held) this.#held = { k: pickRows(this.#held.k, rows), v: pickRows(this.#held.v, rows) };
  }

  /** Forgets all tokens behind the first `length`: a text that goes on otherwise. Throws a ShapeError for more tokens than there are. */
  truncate(length: number): void {
    if (!Number.isInteger(length) || length < 0 || length > this.#length) {
      throw new ShapeError(`KVCache.truncate: length: expected an integer from 0 to ${this.#length}, got ${length}`);
    }
    this.#length = length;
  }

  dispose(): void {
    this.#held?.k.dispose();
    this.#held?.v.dispose();
    this.#held = null;
    this.#length = 0;
  }
}

/** The samples that `rows` names, in place of `x`. */
export function pickRows(x: Tensor, rows: Tensor | ArrayLike<number>): Tensor {
  const chosen = keep(noGrad(() => tidy(() => indexSelect(x, 0, asIds(rows, x)))));
  x.dispose();
  return chosen;
}

/** Writes `x` behind the first `start` tokens. */
export function place(room: Tensor, x: Tensor, start: number): void {
  noGrad(() => tidy(() => assign(slice(room, 2, start, start + x.shape[2]!), x)));
}

/** `held` if it has room for `end` tokens, else a place for `room` of them with the `used` ones of `held`, which is gone then. */
function roomFor(held: Tensor | undefined, like: Tensor, end: number, used: number, room: number): Tensor {
  if (held && held.shape[2]! >= end) return held;
  const [batch, heads, , dim] = like.shape as [number, number, number, number];
  const fresh = keep(zeros([batch, heads, room, dim], { dtype: like.dtype, backend: like.backend }));
  if (!held) return fresh;
  tidy(() => assign(slice(fresh, 2, 0, used), slice(held, 2, 0, used)));
  held.dispose();
  return fresh;
}
