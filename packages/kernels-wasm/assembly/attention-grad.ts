import { Attention, begin, end, firstHead, maskRow, ROW, scoreSix, up8, writeRow } from './attention-call';
import { expSmall4, tanh4 } from './exp';
import { packRows6, packRows8 } from './pack';
import { madd, storePart } from './simd';
import { TILE, tilePacked, tileRows } from './tile';

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
