import { expSmall, expSmall4, log1, tanh4 } from './exp';
import { packRows6, packRows8 } from './pack';
import { get, madd, maxLanes, storePart, sumLanes } from './simd';
import { addRows } from './skinny';
import { TILE, tilePacked, tileRows } from './tile';

/*
 * Attention by squares of TILE queries × TILE keys, forward (online softmax) and backward (recomputed from lse), heads read in place.
 * Milakov, Gimelshein: "Online normalizer calculation for softmax", 2018; Dao et al.: "FlashAttention", 2022.
 *
 * Keys (and for the gradient values) of one head are packed once into panels of eight, for all queries and all query heads that share
 * them: memory is O(tokens). Scores of six queries at a time lie in rows of TILE floats, which the tile kernel reads as they are.
 * Squares wholly behind the causal limit, or before the window, are skipped; up to four queries need no squares. What a mask hides has weight 0, and 0 · NaN is NaN: a NaN in a hidden value row
 * shows unless its square was skipped.
 */

/** Everything about one call, written by src/attention.ts in this order. Strides are in bytes. */
@unmanaged
export class Attention {
  batch: i32;
  heads: i32;
  kvHeads: i32;
  queries: i32;
  keys: i32;
  dim: i32;
  valueDim: i32;
  causal: i32;
  causalOffset: i32;
  window: i32;
  windowOffset: i32;
  scale: f32;
  softcap: f32;
  lse: usize;
  maskKind: i32;
  mask: usize;
  maskBatch: usize;
  maskHead: usize;
  maskQuery: usize;
  q: usize;
  qBatch: usize;
  qHead: usize;
  qToken: usize;
  k: usize;
  kBatch: usize;
  kHead: usize;
  kToken: usize;
  v: usize;
  vBatch: usize;
  vHead: usize;
  vToken: usize;
  out: usize;
  outBatch: usize;
  outHead: usize;
  outToken: usize;
  dOut: usize;
  dq: usize;
  dqBatch: usize;
  dqHead: usize;
  dqToken: usize;
  dk: usize;
  dkBatch: usize;
  dkHead: usize;
  dkToken: usize;
  dv: usize;
  dvBatch: usize;
  dvHead: usize;
  dvToken: usize;
}

/** Queries up to which squares would be mostly empty, as in decoding. */
const FEW: i32 = 4;
const BOOL_MASK: i32 = 1;
const ROW: usize = 192; // TILE floats
const SIX_ROWS: usize = 6 * ROW;

@inline
function up8(n: i32): i32 {
  return (n + 7) & ~7;
}

/** Bytes of scratch for one call. */
export function attentionScratch(args: usize, backward: bool): f64 {
  const s = changetype<Attention>(args);
  const keys = <f64>(up8(s.keys) + TILE);
  const depth = <f64>(up8(s.dim) + up8(s.valueDim));
  const square = <f64>(2 * TILE * TILE + 4 * TILE);
  // Forward: packed keys; packed queries and outputs of a square. Backward: packed keys and values and the sums of their gradients.
  return 4 * ((backward ? 2 : 1) * keys * depth + 3 * <f64>TILE * depth + square);
}

/** The first query head that reads key/value head `kv`. */
@inline
function firstHead(s: Attention, kv: i32): i32 {
  return (kv * s.heads + s.kvHeads - 1) / s.kvHeads;
}

/** The first key that query `i` sees before the mask. */
@inline
function begin(s: Attention, i: i32): i32 {
  return s.window ? max(0, i + s.windowOffset) : 0;
}

/** The key after the last one that query `i` sees before the mask. */
@inline
function end(s: Attention, i: i32): i32 {
  return s.causal ? min(s.keys, i + s.causalOffset + 1) : s.keys;
}

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

/** scores [6, count] = scale · q kᵀ. */
@inline
function scoreSix(scores: usize, q: usize, panels: usize, dim: i32, count: i32, scale: f32): void {
  const panel = <usize>dim << 5;
  for (let c = 0; c < count; c += 8) {
    tilePacked(q, 24, panels, 32, dim, scores + (<usize>c << 2), ROW, scale, false);
    panels += panel;
  }
}

/** Adds the mask to one row of scores; what can't be seen, and the rest of the last vector, becomes -∞. */
function maskRow(s: Attention, row: usize, b: i32, h: i32, i: i32, j: i32, count: i32): void {
  const bytes = <usize>count << 2;
  if (s.maskKind != 0) {
    const mask = s.mask + b * s.maskBatch + h * s.maskHead + i * s.maskQuery;
    if (s.maskKind == BOOL_MASK) {
      for (let o: usize = 0; o < bytes; o += 16) {
        const hidden = i32x4.eq(i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(mask + j + (o >> 2)))), i32x4.splat(0));
        v128.store(row + o, v128.bitselect(f32x4.splat(-Infinity), v128.load(row + o), hidden));
      }
    } else {
      const from = mask + (<usize>j << 2);
      for (let o: usize = 0; o < bytes; o += 16) v128.store(row + o, f32x4.add(v128.load(row + o), v128.load(from + o)));
    }
  }
  const first = min(count, begin(s, i) - j);
  for (let c = 0; c < first; c++) store<f32>(row + (<usize>c << 2), -Infinity);
  for (let c = max(0, min(count, end(s, i) - j)); c < ((count + 3) & ~3); c++) store<f32>(row + (<usize>c << 2), -Infinity);
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

/** out = factor · x, or 0. */
function writeRow(out: usize, x: usize, n: i32, factor: f32, zero: bool): void {
  const f = f32x4.splat(factor);
  let i = 0;
  for (; i < n; i += 4) {
    const o = <usize>i << 2;
    const v = zero ? f32x4.splat(0) : f32x4.mul(v128.load(x + o), f);
    if (n - i >= 4) v128.store(out + o, v);
    else storePart(out + o, v, n - i);
  }
}

/*
 * The gradient: with P = exp(scale · q kᵀ + mask - lse) and D = rowsum(dOut · out),
 * dv = Pᵀ dOut, dS = P (dOut vᵀ - D), dq = scale · dS k, dk = scale · dSᵀ q; key/value heads sum over the query heads that share them.
 */
export function attentionGrad(args: usize, from: i32, to: i32, scratch: usize): void {
  const s = changetype<Attention>(args);
  const dim = up8(s.dim);
  const valueDim = up8(s.valueDim);
  const keys8 = up8(s.keys);
  const k8 = scratch;
  const v8 = k8 + (<usize>(keys8 * s.dim) << 2);
  const sumK = v8 + (<usize>(keys8 * s.valueDim) << 2);
  const sumV = sumK + (<usize>((s.keys + 6) * dim) << 2);
  const rest = sumV + (<usize>((s.keys + 6) * valueDim) << 2);
  for (let index = from; index < to; index++) {
    const b = index / s.kvHeads;
    const kv = index % s.kvHeads;
    packRows8(k8, s.k + b * s.kBatch + kv * s.kHead, s.kToken, s.keys, s.dim);
    packRows8(v8, s.v + b * s.vBatch + kv * s.vHead, s.vToken, s.keys, s.valueDim);
    memory.fill(sumK, 0, rest - sumK);
    for (let h = firstHead(s, kv); h < firstHead(s, kv + 1); h++) {
      for (let i = 0; i < s.queries; i += TILE) backwardBlock(s, b, h, kv, i, k8, v8, sumK, sumV, rest);
    }
    for (let j = 0; j < s.keys; j++) {
      const dk = s.dk + b * s.dkBatch + kv * s.dkHead + j * s.dkToken;
      const dv = s.dv + b * s.dvBatch + kv * s.dvHead + j * s.dvToken;
      writeRow(dk, sumK + (<usize>(j * dim) << 2), s.dim, s.scale, false);
      writeRow(dv, sumV + (<usize>(j * valueDim) << 2), s.valueDim, 1, false);
    }
  }
}

/** Up to TILE queries of one head, from query i0, against all keys. */
function backwardBlock(
  s: Attention, b: i32, h: i32, kv: i32, i0: i32, k8: usize, v8: usize, sumK: usize, sumV: usize, scratch: usize,
): void {
  const n = min(TILE, s.queries - i0);
  const kWidth = <usize>up8(s.dim) << 2;
  const vWidth = <usize>up8(s.valueDim) << 2;
  const weights = scratch; // P [TILE, TILE]
  const slopes = weights + TILE * ROW; // dS [TILE, TILE]
  const dots = slopes + TILE * ROW; // D [TILE]
  const q6 = dots + ROW;
  const g6 = q6 + <usize>s.dim * ROW;
  const acc = g6 + <usize>s.valueDim * ROW; // dq [TILE, dim]
  const q = s.q + b * s.qBatch + h * s.qHead + i0 * s.qToken;
  const k = s.k + b * s.kBatch + kv * s.kHead;
  const first = b * s.outBatch + h * s.outHead + i0 * s.outToken;
  const g = s.dOut + first;
  const lse = s.lse + (<usize>((b * s.heads + h) * s.queries + i0) << 2);
  packRows6(q6, q, s.qToken, n, s.dim);
  packRows6(g6, g, s.outToken, n, s.valueDim);
  const o6 = acc + TILE * kWidth;
  for (let i = 0; i < n; i += 6) {
    packRows6(o6, s.out + first + i * s.outToken, s.outToken, min(6, n - i), s.valueDim);
    dotSix(dots + (<usize>i << 2), g6 + <usize>(i / 6 * s.valueDim) * 24, o6, s.valueDim);
  }
  memory.fill(acc, 0, <usize>min(TILE, n + 5) * kWidth);

  for (let j = (begin(s, i0) / TILE) * TILE; j < s.keys; j += TILE) {
    const count = min(TILE, s.keys - j);
    if (end(s, i0 + n - 1) <= j) break;
    for (let i = 0; i < n; i += 6) {
      const row = i * ROW;
      scoreSix(weights + row, q6 + <usize>(i / 6 * s.dim) * 24, k8 + (<usize>(j * s.dim) << 2), s.dim, count, s.scale);
      scoreSix(slopes + row, g6 + <usize>(i / 6 * s.valueDim) * 24, v8 + (<usize>(j * s.valueDim) << 2), s.valueDim, count, 1);
      for (let r = i; r < min(i + 6, n); r++) {
        const o = <usize>r << 2;
        slopeRow(s, weights + r * ROW, slopes + r * ROW, b, h, i0 + r, j, count, load<f32>(lse + o), load<f32>(dots + o));
      }
      const kRows = k + j * s.kToken;
      for (let c: usize = 0; c < kWidth; c += 32) tileRows(slopes + row, 4, kRows + c, s.kToken, count, acc + i * kWidth + c, kWidth, 1, true);
    }
    // Six keys at a time: the columns of P and dS are the rows of Pᵀ and dSᵀ.
    for (let c = 0; c < count; c += 6) {
      const own = <usize>c << 2;
      addKeys(sumV + (j + c) * vWidth, vWidth, weights + own, g, s.outToken, n, min(6, count - c), acc + TILE * kWidth);
      addKeys(sumK + (j + c) * kWidth, kWidth, slopes + own, q, s.qToken, n, min(6, count - c), acc + TILE * kWidth);
    }
  }
  const dq = s.dq + b * s.dqBatch + h * s.dqHead + i0 * s.dqToken;
  for (let i = 0; i < n; i++) writeRow(dq + i * s.dqToken, acc + i * kWidth, s.dim, s.scale, false);
}

/**
 * Σ a · b for six rows, in the order and with the rounding of `tilePacked`: where one key has all the weight, and `out` is its value, the
 * difference of dP and D is then 0 and not a rounding error, which large queries and keys would make anything of.
 */
@inline
function dotSix(to: usize, a: usize, b: usize, n: i32): void {
  let left = f32x4.splat(0);
  let right = f32x4.splat(0);
  for (let i = 0; i < n; i++) {
    left = madd(v128.load(a), v128.load(b), left);
    right = madd(v128.load(a, 16), v128.load(b, 16), right);
    a += 24;
    b += 24;
  }
  v128.store(to, left);
  storePart(to + 16, right, 2);
}

/** sums [6, width] += columns [n, 6]ᵀ · rows [n, width]; of the six only `count` exist. */
@inline
function addKeys(sums: usize, width: usize, columns: usize, rows: usize, rowBytes: usize, n: i32, count: i32, spare: usize): void {
  for (let c: usize = 0; c < width; c += 32) {
    if (count == 6) {
      tilePacked(columns, ROW, rows + c, rowBytes, n, sums + c, width, 1, true);
      continue;
    }
    tilePacked(columns, ROW, rows + c, rowBytes, n, spare, 32, 1, false);
    for (let r = 0; r < count; r++) {
      const to = sums + r * width + c;
      v128.store(to, f32x4.add(v128.load(to), v128.load(spare + (r << 5))));
      v128.store(to, f32x4.add(v128.load(to, 16), v128.load(spare + (r << 5), 16)), 16);
    }
  }
}

/** One row: scores become P, and dP becomes dS. A query that sees nothing has lse -∞ and neither. */
function slopeRow(s: Attention, p: usize, d: usize, b: i32, h: i32, i: i32, j: i32, count: i32, lse: f32, dot: f32): void {
  const bytes = <usize>((count + 7) & ~7) << 2;
  if (lse == -Infinity) {
    memory.fill(p, 0, bytes);
    memory.fill(d, 0, bytes);
    return;
  }
  const dotv = f32x4.splat(dot);
  for (let o: usize = 0; o < bytes; o += 16) v128.store(d + o, f32x4.sub(v128.load(d + o), dotv));
  if (s.softcap != 0) capSlopes(p, d, bytes, s.softcap);
  maskRow(s, p, b, h, i, j, count);
  const l = f32x4.splat(lse);
  for (let o: usize = 0; o < <usize>count << 2; o += 16) {
    const e = expSmall4(f32x4.sub(v128.load(p + o), l));
    v128.store(p + o, e);
    v128.store(d + o, f32x4.mul(e, v128.load(d + o)));
  }
}

/** Scores become capped ones, and slopes those of the scores before: times 1 - tanh². */
function capSlopes(row: usize, slopes: usize, bytes: usize, cap: f32): void {
  const c = f32x4.splat(cap);
  const inverse = f32x4.splat(1 / cap);
  for (let o: usize = 0; o < bytes; o += 16) {
    const t = tanh4(f32x4.mul(v128.load(row + o), inverse));
    v128.store(row + o, f32x4.mul(c, t));
    v128.store(slopes + o, f32x4.mul(v128.load(slopes + o), f32x4.sub(f32x4.splat(1), f32x4.mul(t, t))));
  }
}
