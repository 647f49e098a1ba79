import { storePart } from './simd';
import { TILE, tilePacked } from './tile';

/* What attention and its gradient share: one call, who sees whom, scores, rows that are written. */

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

const BOOL_MASK: i32 = 1;
/** Bytes from one row of a square to the next. */
export const ROW: usize = 192;

@inline
export function up8(n: i32): i32 {
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
export function firstHead(s: Attention, kv: i32): i32 {
  return (kv * s.heads + s.kvHeads - 1) / s.kvHeads;
}

/** The first key that query `i` sees before the mask. */
@inline
export function begin(s: Attention, i: i32): i32 {
  return s.window ? max(0, i + s.windowOffset) : 0;
}

/** The key after the last one that query `i` sees before the mask. */
@inline
export function end(s: Attention, i: i32): i32 {
  return s.causal ? min(s.keys, i + s.causalOffset + 1) : s.keys;
}

/** scores [6, count] = scale · q kᵀ. */
@inline
export function scoreSix(scores: usize, q: usize, panels: usize, dim: i32, count: i32, scale: f32): void {
  const panel = <usize>dim << 5;
  for (let c = 0; c < count; c += 8) {
    tilePacked(q, 24, panels, 32, dim, scores + (<usize>c << 2), ROW, scale, false);
    panels += panel;
  }
}

/** Adds the mask to one row of scores; what can't be seen, and the rest of the last vector, becomes -∞. */
export function maskRow(s: Attention, row: usize, b: i32, h: i32, i: i32, j: i32, count: i32): void {
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

/** out = factor · x, or 0. */
export function writeRow(out: usize, x: usize, n: i32, factor: f32, zero: bool): void {
  const f = f32x4.splat(factor);
  let i = 0;
  for (; i < n; i += 4) {
    const o = <usize>i << 2;
    const v = zero ? f32x4.splat(0) : f32x4.mul(v128.load(x + o), f);
    if (n - i >= 4) v128.store(out + o, v);
    else storePart(out + o, v, n - i);
  }
}
