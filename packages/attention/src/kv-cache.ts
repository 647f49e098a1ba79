import { assign, indexSelect, keep, noGrad, ShapeError, slice, type Tensor, tidy, zeros } from '@multihead/tensor';

/**
 * The keys and values of the tokens so far, so that each new token is computed once. It grows by doubling; what `append` returns are
 * views of it that the attention kernels read in place. Owned by whoever made it: `dispose()` when done.
 *
 * @example
 * const cache = new KVCache();
 * const { k, v } = cache.append(kNew, vNew); // all tokens so far
 * const out = attend(q, k, v, { causal: 'bottom-right' });
 */
export class KVCache {
  #k: Tensor | null = null;
  #v: Tensor | null = null;
  #length = 0;

  /** Tokens held. */
  get length(): number {
    return this.#length;
  }

  /** Adds [B, G, T, D] and [B, G, T, E] and returns the whole, [B, G, length, D] and [B, G, length, E]. */
  append(k: Tensor, v: Tensor): { k: Tensor; v: Tensor } {
    if (k.rank !== 4 || v.rank !== 4 || String(k.shape.slice(0, 3)) !== String(v.shape.slice(0, 3))) {
      const got = `k [${k.shape.join(', ')}] and v [${v.shape.join(', ')}]`;
      throw new ShapeError(`KVCache.append: expected k and v of [batch, heads, tokens, dim] that agree but for dim, got ${got}`);
    }
    const start = this.#length;
    const end = start + k.shape[2]!;
    this.#k = store(this.#k, k, start, end);
    this.#v = store(this.#v, v, start, end);
    this.#length = end;
    return this.view();
  }

  /** All keys [B, G, length, D] and values [B, G, length, E] held. Throws a ShapeError while there are none. */
  view(): { k: Tensor; v: Tensor } {
    if (!this.#k || !this.#v) throw new ShapeError('KVCache.view: nothing has been appended yet');
    return { k: slice(this.#k, 2, 0, this.#length), v: slice(this.#v, 2, 0, this.#length) };
  }

  /** Replaces the samples of the batch by those that `rows` (int32) names: how beams are kept, copied and dropped. */
  reorder(rows: Tensor): void {
    const pick = (x: Tensor | null) => {
      if (!x) return null;
      const chosen = keep(noGrad(() => tidy(() => indexSelect(x, 0, rows))));
      x.dispose();
      return chosen;
    };
    this.#k = pick(this.#k);
    this.#v = pick(this.#v);
  }

  dispose(): void {
    this.#k?.dispose();
    this.#v?.dispose();
    this.#k = this.#v = null;
    this.#length = 0;
  }
}

function store(held: Tensor | null, x: Tensor, start: number, end: number): Tensor {
  const [batch, heads, , dim] = x.shape as [number, number, number, number];
  if (held && (held.shape[0] !== batch || held.shape[1] !== heads || held.shape[3] !== dim)) {
    throw new ShapeError(
      `KVCache.append: expected [${held.shape[0]}, ${held.shape[1]}, tokens, ${held.shape[3]}], got [${x.shape.join(', ')}]`,
    );
  }
  const room = held && held.shape[2]! >= end ? held : grow(held, [batch, heads, Math.max(16, 2 * end), dim], x, start);
  noGrad(() => tidy(() => assign(slice(room, 2, start, end), x)));
  return room;
}

function grow(held: Tensor | null, shape: number[], like: Tensor, used: number): Tensor {
  const room = keep(zeros(shape, { dtype: like.dtype, backend: like.backend }));
  if (held) {
    tidy(() => assign(slice(room, 2, 0, used), slice(held, 2, 0, used)));
    held.dispose();
  }
  return room;
}
