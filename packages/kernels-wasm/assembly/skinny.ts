import { loadPart, madd, storePart, sumLanes } from './simd';

/*
 * Products of very few rows (decoding), bound by reading B: it is read once, in order, where it lies.
 * Sums over k go by blocks, like those of the packed product.
 */
const BLOCK: i32 = 1024;

/** out[i, j] = a[i, :] · b[j, :] with b [n, k]; `outRow` is the bytes from one row of `out` to the next. */
export function skinnyRows(out: usize, a: usize, b: usize, m: i32, n: i32, k: i32, outRow: usize, alpha: f32, accumulate: bool): void {
  const row = <usize>k << 2;
  for (let p = 0; p < k; p += BLOCK) {
    const o = <usize>p << 2;
    rowsBlock(out, a + o, b + o, m, n, min(BLOCK, k - p), row, outRow, alpha, accumulate || p > 0);
  }
}

/** Two rows of `a` against four of `b` at a time, lanes along k; `row` is the bytes from one row of each to the next. */
function rowsBlock(out: usize, a: usize, b: usize, m: i32, n: i32, k: i32, row: usize, outRow: usize, alpha: f32, accumulate: bool): void {
  for (let j = 0; j < n; j += 4) {
    const count = min(4, n - j);
    const b0 = b + <usize>j * row;
    // Rows that do not exist repeat the last one.
    const b1 = count > 1 ? b0 + row : b0;
    const b2 = count > 2 ? b1 + row : b1;
    const b3 = count > 3 ? b2 + row : b2;
    const to = out + (<usize>j << 2);
    let i = 0;
    for (; i + 2 <= m; i += 2) dots8(to + <usize>i * outRow, outRow, a + <usize>i * row, row, b0, b1, b2, b3, k, count, alpha, accumulate);
    if (i < m) dots4(to + <usize>i * outRow, a + <usize>i * row, b0, b1, b2, b3, k, count, alpha, accumulate);
  }
}

@inline
function put(out: usize, value: f32, alpha: f32, accumulate: bool): void {
  store<f32>(out, accumulate ? load<f32>(out) + alpha * value : alpha * value);
}

function putSums(out: usize, c0: v128, c1: v128, c2: v128, c3: v128, count: i32, alpha: f32, accumulate: bool): void {
  put(out, sumLanes(c0), alpha, accumulate);
  if (count > 1) put(out + 4, sumLanes(c1), alpha, accumulate);
  if (count > 2) put(out + 8, sumLanes(c2), alpha, accumulate);
  if (count > 3) put(out + 12, sumLanes(c3), alpha, accumulate);
}

export function dots4(out: usize, a: usize, b0: usize, b1: usize, b2: usize, b3: usize, k: i32, count: i32, alpha: f32, accumulate: bool): void {
  let c0 = f32x4.splat(0);
  let c1 = c0;
  let c2 = c0;
  let c3 = c0;
  let d0 = c0;
  let d1 = c0;
  let d2 = c0;
  let d3 = c0;
  let p = 0;
  for (; p + 8 <= k; p += 8) {
    const o = <usize>p << 2;
    let v = v128.load(a + o);
    c0 = madd(v, v128.load(b0 + o), c0);
    c1 = madd(v, v128.load(b1 + o), c1);
    c2 = madd(v, v128.load(b2 + o), c2);
    c3 = madd(v, v128.load(b3 + o), c3);
    v = v128.load(a + o, 16);
    d0 = madd(v, v128.load(b0 + o, 16), d0);
    d1 = madd(v, v128.load(b1 + o, 16), d1);
    d2 = madd(v, v128.load(b2 + o, 16), d2);
    d3 = madd(v, v128.load(b3 + o, 16), d3);
  }
  for (; p < k; p += 4) {
    const o = <usize>p << 2;
    const left = k - p;
    const v = left >= 4 ? v128.load(a + o) : loadPart(a + o, left);
    c0 = madd(v, left >= 4 ? v128.load(b0 + o) : loadPart(b0 + o, left), c0);
    c1 = madd(v, left >= 4 ? v128.load(b1 + o) : loadPart(b1 + o, left), c1);
    c2 = madd(v, left >= 4 ? v128.load(b2 + o) : loadPart(b2 + o, left), c2);
    c3 = madd(v, left >= 4 ? v128.load(b3 + o) : loadPart(b3 + o, left), c3);
  }
  putSums(out, f32x4.add(c0, d0), f32x4.add(c1, d1), f32x4.add(c2, d2), f32x4.add(c3, d3), count, alpha, accumulate);
}

function dots8(
  out: usize, outRow: usize, a: usize, aRow: usize, b0: usize, b1: usize, b2: usize, b3: usize,
  k: i32, count: i32, alpha: f32, accumulate: bool,
): void {
  let c0 = f32x4.splat(0);
  let c1 = c0;
  let c2 = c0;
  let c3 = c0;
  let d0 = c0;
  let d1 = c0;
  let d2 = c0;
  let d3 = c0;
  for (let p = 0; p < k; p += 4) {
    const o = <usize>p << 2;
    const left = k - p;
    const u = left >= 4 ? v128.load(a + o) : loadPart(a + o, left);
    const v = left >= 4 ? v128.load(a + aRow + o) : loadPart(a + aRow + o, left);
    let w = left >= 4 ? v128.load(b0 + o) : loadPart(b0 + o, left);
    c0 = madd(u, w, c0);
    d0 = madd(v, w, d0);
    w = left >= 4 ? v128.load(b1 + o) : loadPart(b1 + o, left);
    c1 = madd(u, w, c1);
    d1 = madd(v, w, d1);
    w = left >= 4 ? v128.load(b2 + o) : loadPart(b2 + o, left);
    c2 = madd(u, w, c2);
    d2 = madd(v, w, d2);
    w = left >= 4 ? v128.load(b3 + o) : loadPart(b3 + o, left);
    c3 = madd(u, w, c3);
    d3 = madd(v, w, d3);
  }
  putSums(out, c0, c1, c2, c3, count, alpha, accumulate);
  putSums(out + outRow, d0, d1, d2, d3, count, alpha, accumulate);
}

// Floats of scratch that `skinnyColumns` needs, too.
const STRIP: i32 = 1024;

/** out[i, :] = Σ a[i, p] b[p, :] with b [k, n]: four rows of `b` at a time are added to each row of `out`, which stays in the cache. */
export function skinnyColumns(
  out: usize, a: usize, b: usize, m: i32, n: i32, k: i32, row: usize, outRow: usize, alpha: f32, accumulate: bool, scratch: usize,
): void {
  if (!accumulate) for (let i = 0; i < m; i++) memory.fill(out + <usize>i * outRow, 0, <usize>n << 2);
  for (let j = 0; j < n; j += STRIP) {
    const columns = min(STRIP, n - j);
    const o = <usize>j << 2;
    const first = min(BLOCK, k);
    for (let p = 0; p < first; p += 4) {
      for (let i = 0; i < m; i++) {
        addRows(out + <usize>i * outRow + o, a + (<usize>(i * k + p) << 2), b + <usize>p * row + o, row, columns, first - p, alpha);
      }
    }
    for (let p = first; p < k; p += BLOCK) {
      for (let i = 0; i < m; i++) laterBlock(out + <usize>i * outRow + o, a + (<usize>(i * k) << 2), b + o, row, columns, p, min(p + BLOCK, k), alpha, scratch);
    }
  }
}

/** out += Σ over p0 ≤ p < p1, summed in the scratch first. */
function laterBlock(out: usize, a: usize, b: usize, row: usize, columns: i32, p0: i32, p1: i32, alpha: f32, scratch: usize): void {
  memory.fill(scratch, 0, <usize>columns << 2);
  for (let p = p0; p < p1; p += 4) addRows(scratch, a + (<usize>p << 2), b + <usize>p * row, row, columns, p1 - p, alpha);
  for (let j = 0; j < columns; j += 4) {
    const o = <usize>j << 2;
    const left = columns - j;
    if (left >= 4) v128.store(out + o, f32x4.add(v128.load(out + o), v128.load(scratch + o)));
    else storePart(out + o, f32x4.add(loadPart(out + o, left), loadPart(scratch + o, left)), left);
  }
}

/** out += alpha (a₀ b₀ + a₁ b₁ + a₂ b₂ + a₃ b₃); only `count` of the four exist. */
export function addRows(out: usize, a: usize, b0: usize, row: usize, columns: i32, count: i32, alpha: f32): void {
  const b1 = count > 1 ? b0 + row : b0;
  const b2 = count > 2 ? b1 + row : b1;
  const b3 = count > 3 ? b2 + row : b2;
  const s0 = alpha * load<f32>(a);
  const s1 = count > 1 ? alpha * load<f32>(a, 4) : 0;
  const s2 = count > 2 ? alpha * load<f32>(a, 8) : 0;
  const s3 = count > 3 ? alpha * load<f32>(a, 12) : 0;
  const v0 = f32x4.splat(s0);
  const v1 = f32x4.splat(s1);
  const v2 = f32x4.splat(s2);
  const v3 = f32x4.splat(s3);
  let j = 0;
  for (; j + 4 <= columns; j += 4) {
    const o = <usize>j << 2;
    let v = madd(v0, v128.load(b0 + o), v128.load(out + o));
    if (count > 1) v = madd(v1, v128.load(b1 + o), v);
    if (count > 2) v = madd(v2, v128.load(b2 + o), v);
    if (count > 3) v = madd(v3, v128.load(b3 + o), v);
    v128.store(out + o, v);
  }
  for (; j < columns; j++) {
    const o = <usize>j << 2;
    let v = load<f32>(out + o) + s0 * load<f32>(b0 + o);
    if (count > 1) v += s1 * load<f32>(b1 + o);
    if (count > 2) v += s2 * load<f32>(b2 + o);
    if (count > 3) v += s3 * load<f32>(b3 + o);
    store<f32>(out + o, v);
  }
}
