import {
  abs,
  add,
  amax,
  cast,
  div,
  eq,
  floorDivide,
  mul,
  noGrad,
  pad,
  remainder,
  reshape,
  round,
  select,
  slice,
  stack,
  sub,
  type Tensor,
  tidy,
  where,
} from '@multihead/tensor';
import { type AttentionCache, checkNew, type KeysAndValues } from './cache.js';
import { KVCache } from './kv-cache.js';

/**
 * Keys and values as 8-bit integers, four to an int32, with a scale for each head of each token: about a quarter of the memory.
 *
 * Approximate: an element differs by at most 1/254 of the largest one of its head and token, |x̂ - x| ≤ max|x| / 254; a score by that much
 * of |scale| · Σ|q|. `view` and `append` restore the numbers, at the cost of a copy. Owned by whoever made it: `dispose()` when done.
 * Throws a ShapeError where shapes do not fit what is held. Liu et al., "KIVI", 2024, quantises likewise.
 *
 * @example
 * const cache = new QuantizedKVCache();
 * const held = cache.append(kNew, vNew);
 * const out = attend(q, held.k, held.v, { causal: 'bottom-right' });
 * cache.dispose(); // when the text is done
 */
export class QuantizedKVCache implements AttentionCache {
  /** Words [B, G, T, D/4] of keys and values, and their scales [B, G, T, 1]. */
  readonly #words = new KVCache();
  readonly #scales = new KVCache();
  #dims: { k: number; v: number } | null = null;

  get length(): number {
    return this.#words.length;
  }

  append(k: Tensor, v: Tensor): KeysAndValues {
    const shape = (width: number) => [...this.#scales.view().k.shape.slice(0, 3), width];
    checkNew('QuantizedKVCache.append', k, v, this.#dims && { k: shape(this.#dims.k), v: shape(this.#dims.v) });
    this.#dims = { k: k.shape[3]!, v: v.shape[3]! };
    noGrad(() =>
      tidy(() => {
        const [keys, values] = [packed(k), packed(v)];
        this.#words.append(keys.words, values.words);
        this.#scales.append(keys.scale, values.scale);
      }),
    );
    return this.view();
  }

  view(): KeysAndValues {
    const [words, scales] = [this.#words.view(), this.#scales.view()];
    return { k: unpacked(words.k, scales.k, this.#dims!.k), v: unpacked(words.v, scales.v, this.#dims!.v) };
  }

  reorder(rows: Tensor | ArrayLike<number>): void {
    this.#words.reorder(rows);
    this.#scales.reorder(rows);
  }

  dispose(): void {
    this.#words.dispose();
    this.#scales.dispose();
    this.#dims = null;
  }
}

/** Integers -127 … 127 times a scale; three bytes as they are plus 128, the topmost with its sign. */
function packed(x: Tensor): { words: Tensor; scale: Tensor } {
  const dim = x.shape[3]!;
  const largest = amax(abs(x), { axis: -1, keepDims: true });
  const scale = div(where(eq(largest, 0), 1, largest), 127); // [B, G, T, 1]
  const whole = cast(round(div(x, scale)), 'int32');
  const fours = reshape(pad(whole, [[0, (4 - (dim % 4)) % 4]]), [...x.shape.slice(0, 3), Math.ceil(dim / 4), 4]);
  const byte = (i: number) => select(fours, -1, i);
  const low = [0, 1, 2].map((i) => mul(add(byte(i), 128), 256 ** i));
  return { words: [...low, mul(byte(3), 256 ** 3)].reduce((a, b) => add(a, b)), scale };
}

function unpacked(words: Tensor, scale: Tensor, dim: number): Tensor {
  return noGrad(() =>
    tidy(() => {
      const bytes: Tensor[] = [];
      let rest = words;
      for (let i = 0; i < 3; i++) {
        bytes.push(sub(remainder(rest, 256), 128));
        rest = floorDivide(rest, 256);
      }
      const fours = stack([...bytes, rest], -1); // [B, G, T, D/4, 4]
      const whole = reshape(fours, [...words.shape.slice(0, 3), 4 * words.shape[3]!]);
      return mul(cast(slice(whole, -1, 0, dim), scale.dtype), scale);
    }),
  );
}
