import { Attention, begin, end, firstHead, maskRow, ROW, scoreSix, up8, writeRow } from './attention-call';
import { expSmall, expSmall4, log1, tanh4 } from './exp';
import { packRows6, packRows8 } from './pack';
import { get, madd, maxLanes, sumLanes } from './simd';
import { addRows } from './skinny';
import { TILE, tileRows } from './tile';

/*
 * Attention by squares of TILE queries × TILE keys with an online softmax, heads read in place. Its gradient: attention-grad.ts.
 * Milakov, Gimelshein: "Online normalizer calculation for softmax", 2018; Dao et al.: "FlashAttention", 2022.
 *
 * Keys (and for the gradient values) of one head are packed once into panels of eight, for all queries and all query heads that share
 * them: memory is O(tokens). Scores of six queries at a time lie in rows of TILE floats, which the tile kernel reads as they are.
 * Squares wholly behind the causal limit, or before the window, are skipped; up to four queries need no squares. What a mask hides has
 * weight 0, and 0 · NaN is NaN: a NaN in a hidden value row shows unless its square was skipped.
 */

/** Queries up to which squares would be mostly empty, as in decoding. */
const FEW: i32 = 4;
const SIX_ROWS: usize = 6 * ROW;

/**
 * Key/value heads `from` to `to` of all samples, counted through (sample · kvHeads + head), and of their queries the squares from query
 * `first` to `last`.
 */
export function attention(args: usize, from: i32, to: i32, first: i32, last: i32, scratch: usize): void {
  const s = changetype<Attention>(args);
  for (let index = from; index < to; index++) {
    const b = index / s.kvHeads;
    const kv = index % s.kvHeads;
    if (s.queries <= FEW) {
      for (let h = firstHead(s, kv); h < firstHead(s, kv + 1); h++) fewQueries(s, b, kv, h, scratch);
      continue;
    }
    packRows8(scratch, s.k + b * s.kBatch + kv * s.kHead, s.kToken, s.keys, s.dim);
    const v = s.v + b * s.vBatch + kv * s.vHead;
    for (let h = firstHead(s, kv); h < firstHead(s, kv + 1); h++) {
      for (let i = first; i < last; i += TILE) forwardBlock(s, b, h, i, scratch, v);
    }
  }
}

/** All queries of one head, if there are FEW: keys and values are read where they lie, and the scores of a query are one row. */
function fewQueries(s: Attention, b: i32, kv: i32, h: i32, scratch: usize): void {
  const width = <usize>up8(s.valueDim) << 2;
  const acc = scratch + 16;
  const scores = acc + width;
  const k = s.k + b * s.kBatch + kv * s.kHead;
  const v = s.v + b * s.vBatch + kv * s.vHead;
  for (let i = 0; i < s.queries; i++) {
    const q = s.q + b * s.qBatch + h * s.qHead + i * s.qToken;
    const first = min(begin(s, i), s.keys) & ~3;
    const last = max(first, end(s, i));
    memory.fill(acc, 0, width);
    store<f32>(scratch, -Infinity);
    store<f32>(scratch, 0, 4);
    for (let j = first; j < last; j += 4) {
      scoreFour(scores + (<usize>(j - first) << 2), q, k + j * s.kToken, s.kToken, min(4, last - j), s.dim, s.scale);
    }
    weighRow(s, scores, b, h, i, first, last - first, scratch, scratch + 4, acc, width);
    for (let j = first; j < last; j += 4) {
      addRows(acc, scores + (<usize>(j - first) << 2), v + j * s.vToken, s.vToken, s.valueDim, min(4, last - j), 1);
    }
    finishRow(s, b, h, i, acc, scratch, scratch + 4);
  }
}

/**
 * Four scores of one query, of which `count` exist, in the order and with the rounding of `tilePacked`: the gradient computes them again by that,
 * and of large scores any other last bit would make other weights.
 */
function scoreFour(to: usize, q: usize, k0: usize, kToken: usize, count: i32, dim: i32, scale: f32): void {
  const k1 = count > 1 ? k0 + kToken : k0;
  const k2 = count > 2 ? k1 + kToken : k1;
  const k3 = count > 3 ? k2 + kToken : k2;
  let c = f32x4.splat(0);
  for (let p = 0; p < dim; p += 4) {
    const o = <usize>p << 2;
    const left = dim - p;
    const a = get(k0 + o, left);
    const b = get(k1 + o, left);
    const d = get(k2 + o, left);
    const e = get(k3 + o, left);
    const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
    const de = v128.shuffle<i32>(d, e, 0, 4, 1, 5);
    c = madd(v128.load32_splat(q + o), v128.shuffle<i32>(ab, de, 0, 1, 4, 5), c);
    if (left > 1) c = madd(v128.load32_splat(q + o, 4), v128.shuffle<i32>(ab, de, 2, 3, 6, 7), c);
    if (left > 2) {
      const AB = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
      const DE = v128.shuffle<i32>(d, e, 2, 6, 3, 7);
      c = madd(v128.load32_splat(q + o, 8), v128.shuffle<i32>(AB, DE, 0, 1, 4, 5), c);
      if (left > 3) c = madd(v128.load32_splat(q + o, 12), v128.shuffle<i32>(AB, DE, 2, 3, 6, 7), c);
    }
  }
  v128.store(to, f32x4.mul(c, f32x4.splat(scale)));
}

/** Output and log-sum-exp of a query whose weighted values, greatest score and sum of weights are there. */
function finishRow(s: Attention, b: i32, h: i32, i: i32, acc: usize, greatest: usize, total: usize): void {
  const sum = load<f32>(total);
  writeRow(s.out + b * s.outBatch + h * s.outHead + i * s.outToken, acc, s.valueDim, sum == 0 ? 0 : 1 / sum, sum == 0);
  const lse = s.lse + (<usize>((b * s.heads + h) * s.queries + i) << 2);
  store<f32>(lse, sum == 0 ? -Infinity : load<f32>(greatest) + log1(sum));
}

/** Up to TILE queries of one head, from query i0. */
function forwardBlock(s: Attention, b: i32, h: i32, i0: i32, packed: usize, v: usize): void {
  const n = min(TILE, s.queries - i0);
  const width = <usize>up8(s.valueDim) << 2;
  const scores = packed + (<usize>(up8(s.keys) * s.dim) << 2);
  const greatest = scores + SIX_ROWS;
  const sums = greatest + ROW;
  const q6 = sums + ROW;
  const acc = q6 + <usize>s.dim * ROW;
  const lanes = <usize>s.dim * 24; // one panel of six queries
  packRows6(q6, s.q + b * s.qBatch + h * s.qHead + i0 * s.qToken, s.qToken, n, s.dim);
  memory.fill(acc, 0, <usize>min(TILE, n + 5) * width);
  memory.fill(sums, 0, ROW);
  for (let i = 0; i < n; i++) store<f32>(greatest + (<usize>i << 2), -Infinity);

  for (let j = (begin(s, i0) / TILE) * TILE; j < s.keys; j += TILE) {
    const count = min(TILE, s.keys - j);
    if (end(s, i0 + n - 1) <= j) break;
    const panels = packed + (<usize>(j * s.dim) << 2);
    for (let i = 0; i < n; i += 6) {
      const rows = min(6, n - i);
      if (end(s, i0 + i + rows - 1) <= j || begin(s, i0 + i) >= j + count) continue;
      const q = q6 + <usize>(i / 6) * lanes;
      const own = acc + <usize>i * width;
      scoreSix(scores, q, panels, s.dim, count, s.scale);
      for (let r = 0; r < rows; r++) {
        const at = <usize>(i + r) << 2;
        weighRow(s, scores + r * ROW, b, h, i0 + i + r, j, count, greatest + at, sums + at, own + r * width, width);
      }
      for (let c: usize = 0; c < width; c += 32) tileRows(scores, 4, v + j * s.vToken + c, s.vToken, count, own + c, width, 1, true);
    }
  }

  for (let i = 0; i < n; i++) {
    const o = <usize>i << 2;
    finishRow(s, b, h, i0 + i, acc + i * width, greatest + o, sums + o);
  }
}

/** cap · tanh(score / cap) */
function capRow(row: usize, bytes: usize, cap: f32): void {
  const c = f32x4.splat(cap);
  const inverse = f32x4.splat(1 / cap);
  for (let o: usize = 0; o < bytes; o += 16) v128.store(row + o, f32x4.mul(c, tanh4(f32x4.mul(v128.load(row + o), inverse))));
}

/** Turns a row of scores into weights exp(score - greatest so far), and brings sum and output of the row up to date. */
function weighRow(
  s: Attention, row: usize, b: i32, h: i32, i: i32, j: i32, count: i32, greatest: usize, sum: usize, acc: usize, width: usize,
): void {
  const bytes = <usize>count << 2;
  if (s.softcap != 0) capRow(row, bytes, s.softcap);
  maskRow(s, row, b, h, i, j, count);
  let m4 = f32x4.splat(-Infinity);
  for (let o: usize = 0; o < bytes; o += 16) m4 = f32x4.max(m4, v128.load(row + o));
  const before = load<f32>(greatest);
  const m = max(before, maxLanes(m4));
  // While nothing has been seen, any finite shift makes every weight exp(-∞) = 0.
  const shift: f32 = m == -Infinity ? 0 : m;
  const s4 = f32x4.splat(shift);
  let total = f32x4.splat(0);
  for (let o: usize = 0; o < bytes; o += 16) {
    const e = expSmall4(f32x4.sub(v128.load(row + o), s4));
    v128.store(row + o, e);
    total = f32x4.add(total, e);
  }
  const added = sumLanes(total);
  if (m == before) {
    store<f32>(sum, load<f32>(sum) + added);
    return;
  }
  const factor = expSmall(before - shift);
  store<f32>(greatest, m);
  store<f32>(sum, load<f32>(sum) * factor + added);
  const f = f32x4.splat(factor);
  for (let o: usize = 0; o < width; o += 16) v128.store(acc + o, f32x4.mul(v128.load(acc + o), f));
}
