import { assign, concat, contiguous, keep, noGrad, ShapeError, slice, type Tensor, tidy, ValueError, zeros } from '@multihead/tensor';
import { type AttentionCache, checkNew, type KeysAndValues, shapesOf } from './cache.js';
import { pickRows, place } from './kv-cache.js';

/**
 * The last tokens only, as many as a sliding window looks back: memory is O(window), however long the text. A ring, unrolled: its room is
 * twice the window, and when the end is reached the last tokens move to the front, so that keys stay in order and a token costs O(1).
 *
 * `window` is that of `attend`: how many tokens back of its own place a query looks. `append` returns the tokens that the new ones may look
 * at; `length` counts all. Owned by whoever made it: `dispose()` when done. Throws a ValueError unless `window` is an integer of 0 or more, a
 * ShapeError where shapes do not fit what is held.
 *
 * @example
 * const cache = new SlidingWindowCache(4095); // Mistral's sliding_window of 4096
 * const held = cache.append(kNew, vNew);
 * const out = attend(q, held.k, held.v, { causal: 'bottom-right', window: 4095 });
 * cache.dispose(); // when the text is done
 */
export class SlidingWindowCache implements AttentionCache {
  #held: KeysAndValues | null = null;
  #length = 0;
  /** Where the tokens held end. */
  #end = 0;
  readonly #window: number;

  constructor(window: number) {
    if (!Number.isInteger(window) || window < 0) {
      throw new ValueError(`SlidingWindowCache: window: expected an integer of 0 or more, got ${window}`);
    }
    this.#window = window;
  }

  get length(): number {
    return this.#length;
  }

  /** Adds tokens; what it returns are views that the next `append` may overwrite. */
  append(k: Tensor, v: Tensor): KeysAndValues {
    checkNew('SlidingWindowCache.append', k, v, shapesOf(this.#held));
    const tokens = k.shape[2]!;
    const kept = Math.min(this.#window, this.#length);
    this.#length += tokens;
    this.#held ??= { k: this.#room(k), v: this.#room(v) };
    if (tokens <= this.#window + 1) {
      this.#write({ k, v }, kept);
      return this.#last(kept + tokens);
    }
    // A prompt longer than the room: all of it is joined to what is held, and the last tokens stay.
    const old = this.#last(kept);
    const whole = { k: concat([old.k, k], 2), v: concat([old.v, v], 2) };
    this.#end = 0;
    this.#write({ k: slice(k, 2, tokens - this.#window), v: slice(v, 2, tokens - this.#window) }, 0);
    return whole;
  }

  /** The last tokens held, min(length, window) of them. */
  view(): KeysAndValues {
    if (!this.#held) throw new ShapeError('SlidingWindowCache.view: nothing has been appended yet');
    return this.#last(Math.min(this.#window, this.#length));
  }

  reorder(rows: Tensor | ArrayLike<number>): void {
    if (this.#held) this.#held = { k: pickRows(this.#held.k, rows), v: pickRows(this.#held.v, rows) };
  }

  dispose(): void {
    this.#held?.k.dispose();
    this.#held?.v.dispose();
    this.#held = null;
    this.#length = this.#end = 0;
  }

  #last(tokens: number): KeysAndValues {
    const { k, v } = this.#held!;
    return { k: slice(k, 2, this.#end - tokens, this.#end), v: slice(v, 2, this.#end - tokens, this.#end) };
  }

  /** Behind the `kept` last ones, which come to the front if there is no room. */
  #write({ k, v }: KeysAndValues, kept: number): void {
    const { k: keys, v: values } = this.#held!;
    if (this.#end + k.shape[2]! > keys.shape[2]!) {
      for (const x of [keys, values]) toFront(x, this.#end - kept, this.#end);
      this.#end = kept;
    }
    place(keys, k, this.#end);
    place(values, v, this.#end);
    this.#end += k.shape[2]!;
  }

  #room(like: Tensor): Tensor {
    const [batch, heads, , dim] = like.shape as [number, number, number, number];
    return keep(zeros([batch, heads, 2 * this.#window + 1, dim], { dtype: like.dtype, backend: like.backend }));
  }
}

/** Tokens from … to - 1 become the first ones; by way of a copy, as they may overlap themselves. */
function toFront(x: Tensor, from: number, to: number): void {
  noGrad(() => tidy(() => assign(slice(x, 2, 0, to - from), contiguous(slice(x, 2, from, to)))));
}
