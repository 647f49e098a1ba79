import {
  abs,
  eq,
  floorDivide,
  ge,
  le,
  logicalAnd,
  logicalOr,
  lt,
  minimum,
  remainder,
  ShapeError,
  sub,
  take,
  type Tensor,
  tensor,
  unsqueeze,
  ValueError,
} from '@multihead/tensor';
import { type MaskMod, maskMod, type Span } from './mask-mod.js';

/* Who may look where, as rules for `flexAttend`, and for `attend` by `createMask`. All are exact and skip what they do not see. */

/**
 * Query i sees key j only if j ≤ i + offset.
 *
 * @example
 * const out = flexAttend(q, k, v, { maskMod: andMasks(causal(), documents([0, 5, 8])) });
 */
export function causal(offset = 0): MaskMod {
  return maskMod(
    (_b, _h, query, key) => le(key, offset === 0 ? query : sub(query, -offset)),
    (_from, to) => [[0, to + offset]],
  );
}

/**
 * Query i sees keys i - back … i + ahead, as flash attention's `window_size`. Beltagy et al., "Longformer", 2020; Jiang et al., "Mistral 7B", 2023.
 *
 * @example
 * const out = flexAttend(q, k, v, { maskMod: slidingWindow(127, 0) }); // Mistral's sliding_window of 128
 */
export function slidingWindow(back: number, ahead = back): MaskMod {
  counted('slidingWindow', { back, ahead }, 0);
  return maskMod(
    (_b, _h, query, key) => logicalAnd(ge(key, sub(query, back)), le(sub(key, ahead), query)),
    (from, to) => [[from - back, to + ahead]],
  );
}

/**
 * Of a span of `window` steps on both sides, every `step`-th key. Beltagy et al., "Longformer", 2020, section 3.1.
 *
 * @example
 * const out = flexAttend(q, k, v, { maskMod: dilatedWindow(64, 4) });
 */
export function dilatedWindow(window: number, step: number): MaskMod {
  counted('dilatedWindow', { window }, 0);
  counted('dilatedWindow', { step }, 1);
  const reach = window * step;
  return maskMod(
    (_b, _h, query, key) => {
      const distance = abs(sub(query, key));
      return logicalAnd(le(distance, reach), eq(remainder(distance, step), 0));
    },
    (from, to) => [[from - reach, to + reach]],
  );
}

/**
 * Tokens are cut into chunks of `size` that see only themselves, as in Llama 4's local layers (with `causal()`).
 *
 * @example
 * const out = flexAttend(q, k, v, { maskMod: andMasks(causal(), chunkedLocal(8192)) });
 */
export function chunkedLocal(size: number): MaskMod {
  counted('chunkedLocal', { size }, 1);
  return maskMod(
    (_b, _h, query, key) => eq(floorDivide(query, size), floorDivide(key, size)),
    (from, to) => [[Math.floor(from / size) * size, Math.ceil(to / size) * size]],
  );
}

/**
 * The first tokens, the prefix, are seen by all; what follows is causal. One length, or one for each sample. Raffel et al., "T5", 2020, figure 3.
 *
 * @example
 * const out = flexAttend(q, k, v, { maskMod: prefixLM([5, 3]) });
 */
export function prefixLM(prefix: number | readonly number[]): MaskMod {
  const lengths = [prefix].flat() as number[];
  for (const length of lengths) counted('prefixLM', { prefix: length }, 0);
  const longest = Math.max(0, ...lengths);
  return maskMod(
    (sample, _h, query, key) => {
      const end = typeof prefix === 'number' ? prefix : take(tensor(Int32Array.from(lengths), { backend: key.backend }), sample);
      return logicalOr(lt(key, end), le(key, query));
    },
    (_from, to) => [[0, Math.max(longest, to)]],
  );
}

/**
 * Documents packed into one row see only themselves: document n has the tokens cuSeqlens[n] … cuSeqlens[n + 1] - 1. Tokens beyond the last see
 * nothing. The name is flash attention's. Throws a ShapeError unless they begin with 0 and do not fall.
 *
 * @example
 * const out = flexAttend(q, k, v, { maskMod: andMasks(causal(), documents([0, 512, 700, 1024])) });
 */
export function documents(cuSeqlens: readonly number[]): MaskMod {
  const sorted = cuSeqlens.every((n, i) => Number.isInteger(n) && (i === 0 ? n === 0 : n >= cuSeqlens[i - 1]!));
  if (!sorted || cuSeqlens.length === 0)
    throw new ShapeError(`documents: cuSeqlens: expected integers from 0 that do not fall, got ${cuSeqlens}`);
  const total = cuSeqlens.at(-1)!;
  const owners = new Int32Array(total + 1).fill(-1);
  for (let n = 0; n + 1 < cuSeqlens.length; n++) owners.fill(n, cuSeqlens[n], cuSeqlens[n + 1]);
  return maskMod(
    (_b, _h, query, key) => {
      const table = tensor(owners, { backend: key.backend });
      const owner = (place: Tensor) => take(table, minimum(place, total));
      const own = owner(query);
      return logicalAnd(eq(own, owner(key)), ge(own, 0));
    },
    (from, to) => {
      const [first, last] = [owners[from] ?? -1, owners[Math.min(to, total) - 1] ?? -1];
      return first < 0 ? [] : [[cuSeqlens[first]!, cuSeqlens[last + 1]!]];
    },
  );
}

/**
 * Tokens with the same number see one another: `ids` int32 [T], or [B, T] with a row for each sample. As `documents`, where the numbers come as a
 * tensor; nothing is skipped (`createBlockMask` finds out what may be).
 */
export function sameSegment(ids: Tensor): MaskMod {
  if (ids.rank !== 1 && ids.rank !== 2) throw new ShapeError(`sameSegment: ids: expected [T] or [B, T], got [${ids.shape.join(', ')}]`);
  const of = (place: Tensor) => (ids.rank === 1 ? take(ids, place) : unsqueeze(take(ids, place, 1), 1)); // [B, 1, Q, 1] or [B, 1, K]
  return (_b, _h, query, key) => {
    const keys = of(key);
    return eq(of(query), ids.rank === 1 ? keys : unsqueeze(keys, 1)); // [B, 1, Q, K]
  };
}

/**
 * Tokens that see everything and are seen by all, the first ones by their number or any by their places: to be joined, by `orMasks`, with a rule that
 * is local. Beltagy et al., "Longformer", 2020; Ainslie et al., "ETC", 2020.
 *
 * @example
 * const out = flexAttend(q, k, v, { maskMod: orMasks(slidingWindow(256), globalTokens(1)) });
 */
export function globalTokens(global: number | readonly number[]): MaskMod {
  const places = typeof global === 'number' ? Array.from({ length: global }, (_, i) => i) : global;
  if (typeof global === 'number') counted('globalTokens', { global }, 0);
  else for (const place of places) counted('globalTokens', { place }, 0);
  const among = (place: Tensor): Tensor =>
    typeof global === 'number' ? lt(place, global) : places.map((one) => eq(place, one)).reduce((a, b) => logicalOr(a, b), lt(place, 0));
  return maskMod(
    (_b, _h, query, key) => logicalOr(among(query), among(key)),
    (from, to, keys) =>
      places.some((place) => from <= place && place < to) ? [[0, keys]] : places.map((place): Span => [place, place + 1]),
  );
}

/** Throws a ValueError unless the number is an integer, and not less than `least`. */
export function counted(op: string, named: Record<string, number>, least: number): void {
  for (const [name, n] of Object.entries(named)) {
    if (!Number.isInteger(n) || n < least) throw new ValueError(`${op}: ${name}: expected an integer of ${least} or more, got ${n}`);
  }
}
