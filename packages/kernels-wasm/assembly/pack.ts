import { transpose4 } from './copy';

/*
 * Packing into panels, the order in which the tile kernel reads. Strides in bytes. Panels at the edge are filled up with whatever is near:
 * rows and columns of a product do not mix, and those are never stored.
 */

/** Rows of a [rows, k] matrix, stored by rows, to panels [k, 6]. */
export function packRows6(to: usize, a: usize, lda: usize, rows: i32, k: i32): void {
  for (let i = 0; i < rows; i += 6) {
    packSix(to, a + <usize>i * lda, lda, min(6, rows - i), k);
    to += <usize>k * 24;
  }
}

function packSix(to: usize, r0: usize, lda: usize, rows: i32, k: i32): void {
  // Rows that do not exist repeat the last one.
  const r1 = rows > 1 ? r0 + lda : r0;
  const r2 = rows > 2 ? r1 + lda : r1;
  const r3 = rows > 3 ? r2 + lda : r2;
  const r4 = rows > 4 ? r3 + lda : r3;
  const r5 = rows > 5 ? r4 + lda : r4;
  let p = 0;
  for (; p + 4 <= k; p += 4) {
    const o = <usize>p << 2;
    const a = v128.load(r0 + o);
    const b = v128.load(r1 + o);
    const c = v128.load(r2 + o);
    const d = v128.load(r3 + o);
    const e = v128.load(r4 + o);
    const f = v128.load(r5 + o);
    const ab = i8x16.shuffle(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
    const cd = i8x16.shuffle(c, d, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
    const ef = i8x16.shuffle(e, f, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
    const AB = i8x16.shuffle(a, b, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
    const CD = i8x16.shuffle(c, d, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
    const EF = i8x16.shuffle(e, f, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
    v128.store(to, i8x16.shuffle(ab, cd, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23));
    v128.store(to, i8x16.shuffle(ef, ab, 0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30, 31), 16);
    v128.store(to, i8x16.shuffle(cd, ef, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31), 32);
    v128.store(to, i8x16.shuffle(AB, CD, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23), 48);
    v128.store(to, i8x16.shuffle(EF, AB, 0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30, 31), 64);
    v128.store(to, i8x16.shuffle(CD, EF, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31), 80);
    to += 96;
  }
  for (; p < k; p++) {
    const o = <usize>p << 2;
    store<f32>(to, load<f32>(r0 + o));
    store<f32>(to, load<f32>(r1 + o), 4);
    store<f32>(to, load<f32>(r2 + o), 8);
    store<f32>(to, load<f32>(r3 + o), 12);
    store<f32>(to, load<f32>(r4 + o), 16);
    store<f32>(to, load<f32>(r5 + o), 20);
    to += 24;
  }
}

/** `rows` rows of a [rows, k] matrix to a panel [k, height] in which every element lies four times. Rows that do not exist repeat the last one. */
export function splatRows(to: usize, a: usize, lda: usize, rows: i32, height: i32, k: i32): void {
  const step = <usize>height << 4;
  for (let i = 0; i < height; i++) {
    let from = a + <usize>min(i, rows - 1) * lda;
    let at = to + (<usize>i << 4);
    let p = 0;
    for (; p + 4 <= k; p += 4) {
      const v = v128.load(from);
      v128.store(at, i8x16.shuffle(v, v, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3));
      v128.store(at + step, i8x16.shuffle(v, v, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7));
      v128.store(at + 2 * step, i8x16.shuffle(v, v, 8, 9, 10, 11, 8, 9, 10, 11, 8, 9, 10, 11, 8, 9, 10, 11));
      v128.store(at + 3 * step, i8x16.shuffle(v, v, 12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15));
      from += 16;
      at += 4 * step;
    }
    for (; p < k; p++) {
      v128.store(at, v128.load32_splat(from));
      from += 4;
      at += step;
    }
  }
}

/** The same of a matrix whose columns are stored, [k, rows]. */
export function splatColumns(to: usize, a: usize, lda: usize, rows: i32, height: i32, k: i32): void {
  for (; k > 0; k--) {
    for (let i = 0; i < height; i++) {
      v128.store(to, v128.load32_splat(a + (<usize>min(i, rows - 1) << 2)));
      to += 16;
    }
    a += lda;
  }
}

/** Columns of a [k, columns] matrix, stored by rows, to panels [k, 8]. */
export function packColumns8(to: usize, b: usize, ldb: usize, columns: i32, k: i32): void {
  for (let j = 0; j < columns; j += 8) {
    let from = b + (<usize>j << 2);
    for (let p = 0; p < k; p++) {
      v128.store(to, v128.load(from));
      v128.store(to, v128.load(from, 16), 16);
      to += 32;
      from += ldb;
    }
  }
}

/** Columns of a [k, columns] matrix that is stored [columns, k], to panels [k, 8]. */
export function packRows8(to: usize, b: usize, ldb: usize, columns: i32, k: i32): void {
  for (let j = 0; j < columns; j += 8) {
    packEight(to, b + <usize>j * ldb, ldb, min(8, columns - j), k);
    to += <usize>k * 32;
  }
}

function packEight(to: usize, b: usize, ldb: usize, columns: i32, k: i32): void {
  let p = 0;
  if (columns == 8) {
    for (; p + 4 <= k; p += 4) {
      const from = b + (<usize>p << 2);
      const d = to + (<usize>p << 5);
      transpose4(d, 32, from, ldb);
      transpose4(d + 16, 32, from + 4 * ldb, ldb);
    }
  }
  for (; p < k; p++) {
    const d = to + (<usize>p << 5);
    let from = b + (<usize>p << 2);
    for (let j = 0; j < 8; j++) {
      store<f32>(d + (<usize>j << 2), j < columns ? load<f32>(from) : 0);
      from += ldb;
    }
  }
}
