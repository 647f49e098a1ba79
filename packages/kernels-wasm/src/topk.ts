import { type AxisView, type TypedArray, ValueError } from '@multihead/tensor';

/*
 * The places of the greatest elements, in JavaScript over the memory of the module: an engine's own sort of numbers is hard to beat.
 * A value becomes an integer of the same order, its rank, and rank · 2²¹ + place is a number that holds both: no two are equal.
 */

const PLACES = 2 ** 21;

/** `Kernels.topk` on arrays. */
export function topPlaces(out: Int32Array, x: TypedArray, { outer, n, inner }: AxisView, k: number, least: boolean): void {
  if (!(k >= 0 && k <= n)) throw new ValueError(`wasm topk: k: expected 0 to ${n}, got ${k}`);
  if (k === 0) return;
  const ranks = new Int32Array(n);
  for (let o = 0; o < outer; o++) {
    for (let j = 0; j < inner; j++) {
      rankLine(ranks, x, o * n * inner + j, inner);
      const places = k === 1 ? [best(ranks, least)] : n <= PLACES ? sortedByKey(ranks, least) : sorted(ranks, least);
      for (let i = 0; i < k; i++) out[(o * k + i) * inner + j] = places[i]!;
    }
  }
}

/** Integers in the order of the elements from `start`, `step` apart; those of bool and int32 are themselves. */
function rankLine(ranks: Int32Array, x: TypedArray, start: number, step: number): void {
  if (!(x instanceof Float32Array)) {
    for (let i = 0; i < ranks.length; i++) ranks[i] = x[start + i * step]!;
    return;
  }
  const values = new Float32Array(ranks.buffer);
  for (let i = 0; i < ranks.length; i++) {
    values[i] = x[start + i * step]! + 0; // -0 is 0
    // Of negative floats the bits count downwards. NaN is above all.
    ranks[i] = Number.isNaN(values[i]) ? 0x7fffffff : ranks[i]! ^ ((ranks[i]! >> 31) & 0x7fffffff);
  }
}

function best(ranks: Int32Array, least: boolean): number {
  let at = 0;
  for (let i = 1; i < ranks.length; i++) if (least ? ranks[i]! < ranks[at]! : ranks[i]! > ranks[at]!) at = i;
  return at;
}

function sortedByKey(ranks: Int32Array, least: boolean): ArrayLike<number> {
  const keys = Float64Array.from(ranks, (rank, i) => (least ? rank : -rank) * PLACES + i).sort();
  return keys.map((key) => key - Math.floor(key / PLACES) * PLACES);
}

/** Where there are more places than a key has room for. */
function sorted(ranks: Int32Array, least: boolean): ArrayLike<number> {
  const places = Int32Array.from(ranks, (_, i) => i);
  return places.sort((i, j) => (least ? ranks[i]! - ranks[j]! : ranks[j]! - ranks[i]!) || i - j);
}
