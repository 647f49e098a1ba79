import { unary } from './elementwise';
import { packColumns8, packRows8, splatColumns, splatRows } from './pack';
import { skinnyColumns, skinnyPanels, skinnyRows } from './skinny';
import { get, loadPart, put, storePart } from './simd';
import { tileSplat, tileSplat4 } from './tile-splat';

/*
 * out = alpha · op(a) · op(b) (+ out), after Goto: a block of B [KC, NC] and one of A [MC, KC], each element four times, are packed for the
 * second-level cache; each panel [KC, 8] of B stays in the first while six rows of A after the other pass by it. The order of every sum depends
 * on k alone.
 */
const MC: i32 = 48;
const KC: i32 = 192;
const NC: i32 = 1024;

/** Bytes of scratch that `matmul` and `skinny` need. */
export function matmulScratch(): i32 {
  return (4 * MC * KC + NC * KC + 64) * 4;
}

@inline
function ceilDiv(a: i32, b: i32): i32 {
  return (a + b - 1) / b;
}

/**
 * out = act(alpha · op(a) · op(b) + bias) (+ out) for `batch` matrices of m rows and n columns, which may be a part of larger ones: `lda`,
 * `ldb` and `ldc` are the bytes from one stored row to the next, the others from one matrix to the next. `bias` and `pre`, which receives
 * what is before the activation, may be 0. `act`: 0 none, else a code of `unary`. `transB`: 0 rows of B are stored, 1 its columns,
 * 2 what `packB` made of it.
 */
export function matmul(
  out: usize, a: usize, b: usize, batch: i32, m: i32, n: i32, k: i32, lda: usize, ldb: usize, ldc: usize, aBatch: usize, bBatch: usize,
  outBatch: usize, transA: bool, transB: i32, alpha: f32, accumulate: bool, bias: usize, pre: usize, act: i32, scratch: usize,
): void {
  for (; batch > 0; batch--) {
    product(out, a, b, m, n, k, lda, ldb, ldc, transA, transB, alpha, accumulate, bias, pre, act, scratch);
    out += outBatch;
    a += aBatch;
    b += bBatch;
  }
}

const PACKED: i32 = 2;

/** All of B in panels of eight columns, for products to come: what `matmul` otherwise does block by block. */
export function packB(to: usize, b: usize, n: i32, k: i32, ldb: usize, transB: bool): void {
  if (transB) packRows8(to, b, ldb, n, k);
  else packColumns8(to, b, ldb, n, k);
}

/** As `matmul`, for one matrix `a` of at most four rows, which lie `k` floats apart: B is read where it lies, or in panels. */
export function skinny(
  out: usize, a: usize, b: usize, m: i32, n: i32, k: i32, ldb: usize, ldc: usize, transB: i32, alpha: f32, accumulate: bool,
  bias: usize, pre: usize, act: i32, scratch: usize,
): void {
  if (transB == PACKED) skinnyPanels(out, a, b, m, n, k, ldc, alpha, accumulate);
  else if (transB) skinnyRows(out, a, b, m, n, k, ldc, alpha, accumulate);
  else skinnyColumns(out, a, b, m, n, k, ldb, ldc, alpha, accumulate, scratch);
  if (bias != 0 || pre != 0 || act != 0) epilogue(out, pre, bias, act, m, n, ldc, scratch);
}

function product(
  out: usize, a: usize, b: usize, m: i32, n: i32, k: i32, lda: usize, ldb: usize, ldc: usize,
  transA: bool, transB: i32, alpha: f32, accumulate: bool, bias: usize, pre: usize, act: i32, scratch: usize,
): void {
  const finish = bias != 0 || pre != 0 || act != 0;
  const aPack = scratch + 256;
  const bPack = aPack + MC * KC * 16;
  // Equal blocks, a multiple of four of k and of eight of n.
  const kc = (ceilDiv(k, ceilDiv(k, KC)) + 3) & ~3;
  const nc = (ceilDiv(n, ceilDiv(n, NC)) + 7) & ~7;
  for (let j = 0; j < n; j += nc) {
    const columns = min(nc, n - j);
    for (let p = 0; p < k; p += kc) {
      const depth = min(kc, k - p);
      const last = p + depth == k;
      let panels = bPack;
      let panel = <usize>depth << 5;
      if (transB == PACKED) {
        panel = <usize>k << 5;
        panels = b + <usize>(j >> 3) * panel + (<usize>p << 5);
      } else if (transB) packRows8(bPack, b + <usize>j * ldb + (<usize>p << 2), ldb, columns, depth);
      else packColumns8(bPack, b + <usize>p * ldb + (<usize>j << 2), ldb, columns, depth);
      for (let i = 0; i < m; i += MC) {
        const rows = min(MC, m - i);
        const sixes = rowsBySix(rows);
        for (let r = 0; r < rows; ) {
          const height = r < sixes ? 6 : 4;
          const to = aPack + <usize>(r * depth) * 16;
          if (transA) splatColumns(to, a + <usize>p * lda + (<usize>(i + r) << 2), lda, min(height, rows - r), height, depth);
          else splatRows(to, a + <usize>(i + r) * lda + (<usize>p << 2), lda, min(height, rows - r), height, depth);
          r += height;
        }
        const c = <usize>i * ldc + (<usize>j << 2);
        tiles(out + c, ldc, aPack, panels, panel, rows, columns, depth, alpha, accumulate || p > 0, scratch);
        // While they are still in the cache.
        if (finish && last) epilogue(out + c, pre == 0 ? 0 : pre + c, bias == 0 ? 0 : bias + (<usize>j << 2), act, rows, columns, ldc, scratch);
      }
    }
  }
}

/** How many of `rows` go six at a time; the others go four at a time, so that at most one row too many is computed where there are four. */
@inline
function rowsBySix(rows: i32): i32 {
  const rest = rows % 6;
  if (rest == 0 || rest == 5) return rows;
  if (rest >= 3 || rows < 6) return rows - rest;
  return rows - rest - 6;
}

/** Up to MC rows of the output. Of the next panel, each strip of rows reads a part ahead. */
function tiles(
  c: usize, ldc: usize, a: usize, b: usize, panel: usize, rows: i32, columns: i32, depth: i32, alpha: f32, accumulate: bool, scratch: usize,
): void {
  const sixes = rowsBySix(rows);
  const strips = <usize>((sixes + 5) / 6 + (rows - sixes + 3) / 4);
  let seen: i32 = 0;
  for (let j = 0; j < columns; j += 8) {
    const more = j + 8 < columns;
    const step: usize = more ? 64 / strips : 0;
    const part: usize = more ? (<usize>depth << 5) / strips : 0;
    let ahead = more ? b + panel : b;
    let own = a;
    let to = c;
    for (let i = 0; i < rows; ) {
      const height = i < sixes ? 6 : 4;
      const whole = rows - i >= height && columns - j >= 8;
      const c = whole ? to : scratch;
      const ld = whole ? ldc : 32;
      if (height == 6) seen |= tileSplat(own, b, ahead, step, depth, c, ld, alpha, whole && accumulate);
      else seen |= tileSplat4(own, b, ahead, step, depth, c, ld, alpha, whole && accumulate);
      if (!whole) mergeTile(to, ldc, scratch, min(height, rows - i), min(8, columns - j), accumulate);
      ahead += part;
      own += <usize>(depth * height) * 16;
      to += <usize>height * ldc;
      i += height;
    }
    b += panel;
    c += 32;
  }
  store<i32>(scratch + 192, seen);
}

/** The part of a tile [6, 8] that lies within the matrix. */
function mergeTile(c: usize, ldc: usize, tile: usize, rows: i32, columns: i32, accumulate: bool): void {
  for (let i = 0; i < rows; i++) {
    let j = 0;
    for (; j + 4 <= columns; j += 4) {
      const o = <usize>j << 2;
      const v = v128.load(tile + o);
      v128.store(c + o, accumulate ? f32x4.add(v, v128.load(c + o)) : v);
    }
    if (j < columns) {
      const o = <usize>j << 2;
      const v = v128.load(tile + o);
      storePart(c + o, accumulate ? f32x4.add(v, loadPart(c + o, columns - j)) : v, columns - j);
    }
    c += ldc;
    tile += 32;
  }
}

/** out = act(out + bias) over [rows, columns], `pre` receiving what is before the activation. */
function epilogue(out: usize, pre: usize, bias: usize, act: i32, rows: i32, columns: i32, ld: usize, scratch: usize): void {
  for (; rows > 0; rows--) {
    for (let j = 0; j < columns; j += 4) {
      const o = <usize>j << 2;
      let v = get(out + o, columns - j);
      if (bias != 0) v = f32x4.add(v, get(bias + o, columns - j));
      if (pre != 0) put(pre + o, v, columns - j);
      put(out + o, v, columns - j);
    }
    if (act != 0) unary(act, out, out, columns, scratch);
    out += ld;
    if (pre != 0) pre += ld;
  }
}
