import { combineFloat, combineInt } from './reduce';

/*
 * Rows by id, and sliding windows.
 */

/** The place of the first id outside [0, rows), or -1. */
export function badId(ids: usize, n: i32, rows: i32): i32 {
  for (let i = 0; i < n; i++) {
    if (load<u32>(ids + (<usize>i << 2)) >= <u32>rows) return i;
  }
  return -1;
}

/** out[i, :] = table[ids[i], :], rows of `bytes`. */
export function gather(out: usize, table: usize, ids: usize, n: i32, bytes: usize): void {
  for (let i = 0; i < n; i++) {
    memory.copy(out, table + <usize>load<u32>(ids + (<usize>i << 2)) * bytes, bytes);
    out += bytes;
  }
}

/** table[ids[i], :] += x[i, :]. */
export function scatterAddFloat(table: usize, x: usize, ids: usize, n: i32, width: i32): void {
  const bytes = <usize>width << 2;
  for (let i = 0; i < n; i++) {
    const row = table + <usize>load<u32>(ids + (<usize>i << 2)) * bytes;
    let j = 0;
    for (; j + 4 <= width; j += 4) {
      const o = <usize>j << 2;
      v128.store(row + o, f32x4.add(v128.load(row + o), v128.load(x + o)));
    }
    for (; j < width; j++) store<f32>(row + (<usize>j << 2), load<f32>(row + (<usize>j << 2)) + load<f32>(x + (<usize>j << 2)));
    x += bytes;
  }
}

/** table[ids[i], :] = x[i, :], rows of `bytes`. */
export function scatterSet(table: usize, x: usize, ids: usize, n: i32, bytes: usize): void {
  for (let i = 0; i < n; i++) {
    memory.copy(table + <usize>load<u32>(ids + (<usize>i << 2)) * bytes, x, bytes);
    x += bytes;
  }
}

/** The others, codes as in `reduce.ts`: elements of 4 bytes, float32 or int32. */
export function scatter(code: i32, float: bool, table: usize, x: usize, ids: usize, n: i32, width: i32): void {
  for (let i = 0; i < n; i++) {
    const row = table + (<usize>load<u32>(ids + (<usize>i << 2)) * <usize>width << 2);
    for (let j: usize = 0; j < <usize>width << 2; j += 4) {
      if (float) store<f32>(row + j, combineFloat(code, load<f32>(row + j), load<f32>(x + j)));
      else store<i32>(row + j, combineInt(code, load<i32>(row + j), load<i32>(x + j)));
    }
    x += <usize>width << 2;
  }
}

/**
 * One plane [h, w] to or from its columns [kh·kw, oh·ow]: `window` holds h w oh ow kh kw strideY strideX dilationY dilationX top left.
 * `fold` adds the columns to the plane, else the plane is copied to the columns, zeros outside.
 */
export function slide(fold: bool, columns: usize, plane: usize, planes: i32, window: usize): void {
  const h = load<i32>(window);
  const w = load<i32>(window, 4);
  const oh = load<i32>(window, 8);
  const ow = load<i32>(window, 12);
  const kh = load<i32>(window, 16);
  const kw = load<i32>(window, 20);
  for (; planes > 0; planes--) {
    for (let ky = 0; ky < kh; ky++) {
      for (let kx = 0; kx < kw; kx++) {
        for (let y = 0; y < oh; y++) {
          const iy = y * load<i32>(window, 24) + ky * load<i32>(window, 32) - load<i32>(window, 40);
          const row = plane + (<usize>(iy * w) << 2);
          slideRow(fold, columns, row, ow, <u32>iy < <u32>h ? w : 0, load<i32>(window, 28), kx * load<i32>(window, 36) - load<i32>(window, 44));
          columns += <usize>ow << 2;
        }
      }
    }
    plane += <usize>(h * w) << 2;
  }
}

/** Places x·step + start of a row of `w` elements: those within it are x from `first` to `end`. */
function slideRow(fold: bool, columns: usize, row: usize, n: i32, w: i32, step: i32, start: i32): void {
  const first = start >= 0 ? 0 : min(n, (step - 1 - start) / step);
  const end = w > start ? max(first, min(n, (w - 1 - start) / step + 1)) : first;
  const from = row + (<usize>(first * step + start) << 2);
  const to = columns + (<usize>first << 2);
  if (fold) {
    addRow(from, to, end - first, step);
    return;
  }
  memory.fill(columns, 0, <usize>first << 2);
  copyRow(to, from, end - first, step);
  memory.fill(columns + (<usize>end << 2), 0, <usize>(n - end) << 2);
}

/** to[i] = from[i·step] */
function copyRow(to: usize, from: usize, n: i32, step: i32): void {
  let i = 0;
  if (step == 1) for (; i + 4 <= n; i += 4) v128.store(to + (<usize>i << 2), v128.load(from + (<usize>i << 2)));
  for (; i < n; i++) store<f32>(to + (<usize>i << 2), load<f32>(from + (<usize>(i * step) << 2)));
}

/** to[i·step] += from[i] */
function addRow(to: usize, from: usize, n: i32, step: i32): void {
  let i = 0;
  if (step == 1) {
    for (; i + 4 <= n; i += 4) {
      const o = <usize>i << 2;
      v128.store(to + o, f32x4.add(v128.load(to + o), v128.load(from + o)));
    }
  }
  for (; i < n; i++) {
    const p = to + (<usize>(i * step) << 2);
    store<f32>(p, load<f32>(p) + load<f32>(from + (<usize>i << 2)));
  }
}
