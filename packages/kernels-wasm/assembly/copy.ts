import { advance, at } from './strided';

/*
 * Strided copies. TypeScript orders and merges the dimensions, and names the plan for the innermost ones:
 * runs of contiguous elements, a plane to be transposed in tiles, or single elements. Operands of `walk`: out, x.
 */

/** Runs of `bytes` that are contiguous on both sides. */
export function copyRuns(walk: usize, bytes: usize): void {
  do {
    const out = at(walk, 0);
    const x = at(walk, 1);
    if (bytes > 512) {
      memory.copy(out, x, bytes);
    } else {
      let i: usize = 0;
      for (; i + 16 <= bytes; i += 16) v128.store(out + i, v128.load(x + i));
      for (; i + 4 <= bytes; i += 4) store<u32>(out + i, load<u32>(x + i));
      for (; i < bytes; i++) store<u8>(out + i, load<u8>(x + i));
    }
  } while (advance(walk));
}

/** Single elements along the innermost dimension; steps in bytes. */
export function copyElements4(walk: usize, n: i32, outStep: i32, xStep: i32): void {
  do {
    let out = at(walk, 0);
    let x = at(walk, 1);
    for (let i = 0; i < n; i++) {
      store<u32>(out, load<u32>(x));
      out += outStep;
      x += xStep;
    }
  } while (advance(walk));
}

export function copyElements1(walk: usize, n: i32, outStep: i32, xStep: i32): void {
  do {
    let out = at(walk, 0);
    let x = at(walk, 1);
    for (let i = 0; i < n; i++) {
      store<u8>(out, load<u8>(x));
      out += outStep;
      x += xStep;
    }
  } while (advance(walk));
}

const TILE: i32 = 32;

/**
 * Planes of four-byte elements: out[i, j] = x[j, i] for i < rows, j < columns, where `out` is contiguous along j and `x` along i;
 * `outRow` and `xRow` are the bytes from one row of each to the next.
 */
export function copyTransposed(walk: usize, rows: i32, columns: i32, outRow: i32, xRow: i32): void {
  do {
    const out = at(walk, 0);
    const x = at(walk, 1);
    for (let i0 = 0; i0 < rows; i0 += TILE) {
      const i1 = min(i0 + TILE, rows);
      for (let j0 = 0; j0 < columns; j0 += TILE) transposeTile(out, x, i0, i1, j0, min(j0 + TILE, columns), outRow, xRow);
    }
  } while (advance(walk));
}

function transposeTile(out: usize, x: usize, i0: i32, i1: i32, j0: i32, j1: i32, outRow: i32, xRow: i32): void {
  let i = i0;
  for (; i + 4 <= i1; i += 4) {
    let to = out + i * outRow + (<usize>j0 << 2);
    let from = x + j0 * xRow + (<usize>i << 2);
    let j = j0;
    for (; j + 4 <= j1; j += 4) {
      transpose4(to, outRow, from, xRow);
      to += 16;
      from += 4 * xRow;
    }
    for (; j < j1; j++) {
      store<u32>(to, load<u32>(from));
      store<u32>(to + outRow, load<u32>(from, 4));
      store<u32>(to + 2 * outRow, load<u32>(from, 8));
      store<u32>(to + 3 * outRow, load<u32>(from, 12));
      to += 4;
      from += xRow;
    }
  }
  for (; i < i1; i++) {
    for (let j = j0; j < j1; j++) store<u32>(out + i * outRow + (<usize>j << 2), load<u32>(x + j * xRow + (<usize>i << 2)));
  }
}

/** A 4 × 4 block, transposed; rows are `outRow` and `xRow` bytes apart. */
@inline
export function transpose4(out: usize, outRow: usize, x: usize, xRow: usize): void {
  const a = v128.load(x);
  const b = v128.load(x + xRow);
  const c = v128.load(x + 2 * xRow);
  const d = v128.load(x + 3 * xRow);
  const ab = i8x16.shuffle(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
  const cd = i8x16.shuffle(c, d, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
  const AB = i8x16.shuffle(a, b, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
  const CD = i8x16.shuffle(c, d, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
  v128.store(out, i8x16.shuffle(ab, cd, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23));
  v128.store(out + outRow, i8x16.shuffle(ab, cd, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31));
  v128.store(out + 2 * outRow, i8x16.shuffle(AB, CD, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23));
  v128.store(out + 3 * outRow, i8x16.shuffle(AB, CD, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31));
}
