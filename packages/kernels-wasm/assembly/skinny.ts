import { get, loadPart, madd, put as store4, storePart, sumLanes } from './simd';

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

/** Rows of `b` at a time: as many sums as registers hold beside their factors. */
const MANY: i32 = 12;

/**
 * One row of `a` against MANY of `b` at a time, or two against four, lanes along k; `row` is the bytes from one row of each to the next. They
 * are a twelfth of `b` apart: one core gets half as much again out of memory from twelve places as from one.
 */
function rowsBlock(out: usize, a: usize, b: usize, m: i32, n: i32, k: i32, row: usize, outRow: usize, alpha: f32, accumulate: bool): void {
  const part = n / MANY;
  for (let j = 0; j < part; j++) someRows(out + (<usize>j << 2), a, b + <usize>j * row, part, MANY, m, k, row, outRow, alpha, accumulate);
  const done = part * MANY;
  if (done < n) someRows(out + (<usize>done << 2), a, b + <usize>done * row, 1, n - done, m, k, row, outRow, alpha, accumulate);
}

/** `count` ≤ MANY rows of b, each `apart` rows after the one before. */
function someRows(
  out: usize, a: usize, b: usize, apart: i32, count: i32, m: i32, k: i32, row: usize, outRow: usize, alpha: f32, accumulate: bool,
): void {
  const step = <usize>apart * row;
  const outStep = <usize>apart << 2;
  let i = 0;
  for (; i + 2 <= m; i += 2) {
    const to = out + <usize>i * outRow;
    const from = a + <usize>i * row;
    for (let r = 0; r < count; r += 4) {
      dotsTwo(to + <usize>r * outStep, outStep, outRow, from, row, b + <usize>r * step, step, min(4, count - r), k, alpha, accumulate);
    }
  }
  if (i < m) dotsOne(out + <usize>i * outRow, outStep, a + <usize>i * row, b, step, count, k, alpha, accumulate);
}

@inline
function put(out: usize, value: f32, alpha: f32, accumulate: bool): void {
  store<f32>(out, accumulate ? load<f32>(out) + alpha * value : alpha * value);
}

/** One row of `a` by `count` ≤ MANY rows of `b`, `step` bytes apart; results `outStep` apart. */
function dotsOne(out: usize, outStep: usize, a: usize, b: usize, step: usize, count: i32, k: i32, alpha: f32, accumulate: bool): void {
  const b1 = count > 1 ? b + step : b;
  const b2 = count > 2 ? b1 + step : b1;
  const b3 = count > 3 ? b2 + step : b2;
  const b4 = count > 4 ? b3 + step : b3;
  const b5 = count > 5 ? b4 + step : b4;
  const b6 = count > 6 ? b5 + step : b5;
  const b7 = count > 7 ? b6 + step : b6;
  const b8 = count > 8 ? b7 + step : b7;
  const b9 = count > 9 ? b8 + step : b8;
  const b10 = count > 10 ? b9 + step : b9;
  const b11 = count > 11 ? b10 + step : b10;
  let c0 = f32x4.splat(0);
  let c1 = c0;
  let c2 = c0;
  let c3 = c0;
  let c4 = c0;
  let c5 = c0;
  let c6 = c0;
  let c7 = c0;
  let c8 = c0;
  let c9 = c0;
  let c10 = c0;
  let c11 = c0;
  for (let p = 0; p < k; p += 4) {
    const o = <usize>p << 2;
    const left = k - p;
    if (left >= 4) {
      const v = v128.load(a + o);
      c0 = madd(v, v128.load(b + o), c0);
      c1 = madd(v, v128.load(b1 + o), c1);
      c2 = madd(v, v128.load(b2 + o), c2);
      c3 = madd(v, v128.load(b3 + o), c3);
      c4 = madd(v, v128.load(b4 + o), c4);
      c5 = madd(v, v128.load(b5 + o), c5);
      c6 = madd(v, v128.load(b6 + o), c6);
      c7 = madd(v, v128.load(b7 + o), c7);
      c8 = madd(v, v128.load(b8 + o), c8);
      c9 = madd(v, v128.load(b9 + o), c9);
      c10 = madd(v, v128.load(b10 + o), c10);
      c11 = madd(v, v128.load(b11 + o), c11);
    } else {
      const v = loadPart(a + o, left);
      c0 = madd(v, loadPart(b + o, left), c0);
      c1 = madd(v, loadPart(b1 + o, left), c1);
      c2 = madd(v, loadPart(b2 + o, left), c2);
      c3 = madd(v, loadPart(b3 + o, left), c3);
      c4 = madd(v, loadPart(b4 + o, left), c4);
      c5 = madd(v, loadPart(b5 + o, left), c5);
      c6 = madd(v, loadPart(b6 + o, left), c6);
      c7 = madd(v, loadPart(b7 + o, left), c7);
      c8 = madd(v, loadPart(b8 + o, left), c8);
      c9 = madd(v, loadPart(b9 + o, left), c9);
      c10 = madd(v, loadPart(b10 + o, left), c10);
      c11 = madd(v, loadPart(b11 + o, left), c11);
    }
  }
  putSums(out, outStep, c0, c1, c2, c3, min(4, count), alpha, accumulate);
  if (count > 4) putSums(out + 4 * outStep, outStep, c4, c5, c6, c7, min(4, count - 4), alpha, accumulate);
  if (count > 8) putSums(out + 8 * outStep, outStep, c8, c9, c10, c11, count - 8, alpha, accumulate);
}

function putSums(out: usize, step: usize, c0: v128, c1: v128, c2: v128, c3: v128, count: i32, alpha: f32, accumulate: bool): void {
  put(out, sumLanes(c0), alpha, accumulate);
  if (count > 1) put(out + step, sumLanes(c1), alpha, accumulate);
  if (count > 2) put(out + 2 * step, sumLanes(c2), alpha, accumulate);
  if (count > 3) put(out + 3 * step, sumLanes(c3), alpha, accumulate);
}

/** Two rows of `a` by `count` ≤ 4 rows of `b`. */
function dotsTwo(
  out: usize, outStep: usize, outRow: usize, a: usize, aRow: usize, b: usize, step: usize, count: i32, k: i32, alpha: f32, accumulate: bool,
): void {
  const b1 = count > 1 ? b + step : b;
  const b2 = count > 2 ? b1 + step : b1;
  const b3 = count > 3 ? b2 + step : b2;
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
    const u = get(a + o, left);
    const v = get(a + aRow + o, left);
    let w = get(b + o, left);
    c0 = madd(u, w, c0);
    d0 = madd(v, w, d0);
    w = get(b1 + o, left);
    c1 = madd(u, w, c1);
    d1 = madd(v, w, d1);
    w = get(b2 + o, left);
    c2 = madd(u, w, c2);
    d2 = madd(v, w, d2);
    w = get(b3 + o, left);
    c3 = madd(u, w, c3);
    d3 = madd(v, w, d3);
  }
  putSums(out, outStep, c0, c1, c2, c3, count, alpha, accumulate);
  putSums(out + outRow, outStep, d0, d1, d2, d3, count, alpha, accumulate);
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

/** Panels of eight columns at a time. */
const PANELS: i32 = 6;

/**
 * out[i, :] = a[i, :] · B with B in panels [k, 8], as the packed product reads it. Nothing is stored on the way, and the panels that are
 * read together are long streams: weights [in, out] come out of memory in half the time that they take where they lie.
 */
export function skinnyPanels(out: usize, a: usize, b: usize, m: i32, n: i32, k: i32, outRow: usize, alpha: f32, accumulate: bool): void {
  const panel = <usize>k << 5;
  const all = (n + 7) >> 3;
  const apart = max(1, all / PANELS);
  for (let j = 0; j < apart && j < all; j++) somePanels(out, a, b, j, apart, min(PANELS, (all - j + apart - 1) / apart), m, n, k, panel, outRow, alpha, accumulate);
  for (let j = apart * PANELS; j < all; j++) somePanels(out, a, b, j, 1, 1, m, n, k, panel, outRow, alpha, accumulate);
}

/** `count` ≤ PANELS panels from panel j on, each `apart` panels after the one before. */
function somePanels(
  out: usize, a: usize, b: usize, j: i32, apart: i32, count: i32, m: i32, n: i32, k: i32, panel: usize, outRow: usize, alpha: f32,
  accumulate: bool,
): void {
  for (let i = 0; i < m; i++) {
    for (let p = 0; p < k; p += BLOCK) {
      const from = b + <usize>j * panel + (<usize>p << 5);
      sixPanels(out + <usize>i * outRow, a + (<usize>(i * k + p) << 2), from, panel * <usize>apart, count, min(BLOCK, k - p), j, apart, n, alpha, accumulate || p > 0);
    }
  }
}

function sixPanels(
  out: usize, a: usize, b: usize, step: usize, count: i32, k: i32, j: i32, apart: i32, n: i32, alpha: f32, accumulate: bool,
): void {
  const b1 = count > 1 ? b + step : b;
  const b2 = count > 2 ? b1 + step : b1;
  const b3 = count > 3 ? b2 + step : b2;
  const b4 = count > 4 ? b3 + step : b3;
  const b5 = count > 5 ? b4 + step : b4;
  let c0 = f32x4.splat(0);
  let c1 = c0;
  let c2 = c0;
  let c3 = c0;
  let c4 = c0;
  let c5 = c0;
  let d0 = c0;
  let d1 = c0;
  let d2 = c0;
  let d3 = c0;
  let d4 = c0;
  let d5 = c0;
  const end = <usize>k << 5;
  for (let o: usize = 0; o < end; o += 32) {
    const v = v128.load32_splat(a + (o >> 3));
    c0 = madd(v, v128.load(b + o), c0);
    d0 = madd(v, v128.load(b + o, 16), d0);
    c1 = madd(v, v128.load(b1 + o), c1);
    d1 = madd(v, v128.load(b1 + o, 16), d1);
    c2 = madd(v, v128.load(b2 + o), c2);
    d2 = madd(v, v128.load(b2 + o, 16), d2);
    c3 = madd(v, v128.load(b3 + o), c3);
    d3 = madd(v, v128.load(b3 + o, 16), d3);
    c4 = madd(v, v128.load(b4 + o), c4);
    d4 = madd(v, v128.load(b4 + o, 16), d4);
    c5 = madd(v, v128.load(b5 + o), c5);
    d5 = madd(v, v128.load(b5 + o, 16), d5);
  }
  putPanel(out, j, n, c0, d0, alpha, accumulate);
  if (count > 1) putPanel(out, j + apart, n, c1, d1, alpha, accumulate);
  if (count > 2) putPanel(out, j + 2 * apart, n, c2, d2, alpha, accumulate);
  if (count > 3) putPanel(out, j + 3 * apart, n, c3, d3, alpha, accumulate);
  if (count > 4) putPanel(out, j + 4 * apart, n, c4, d4, alpha, accumulate);
  if (count > 5) putPanel(out, j + 5 * apart, n, c5, d5, alpha, accumulate);
}

function putPanel(out: usize, j: i32, n: i32, left: v128, right: v128, alpha: f32, accumulate: bool): void {
  const columns = n - (j << 3);
  putFour(out + (<usize>j << 5), left, columns, alpha, accumulate);
  if (columns > 4) putFour(out + (<usize>j << 5) + 16, right, columns - 4, alpha, accumulate);
}

function putFour(to: usize, sums: v128, left: i32, alpha: f32, accumulate: bool): void {
  let v = f32x4.mul(sums, f32x4.splat(alpha));
  if (accumulate) v = f32x4.add(v, get(to, left));
  store4(to, v, left);
}
