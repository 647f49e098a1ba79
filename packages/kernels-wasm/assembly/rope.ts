/*
 * Rotary positions: pairs of elements turned by an angle, (x, y) to (x cos - y sin, y cos + x sin). Strides are in bytes.
 * Su et al.: "RoFormer", 2021.
 */

@inline
function turnFirst(x: v128, y: v128, c: v128, s: v128): v128 {
  return f32x4.sub(f32x4.mul(x, c), f32x4.mul(y, s));
}

@inline
function turnSecond(x: v128, y: v128, c: v128, s: v128): v128 {
  return f32x4.add(f32x4.mul(y, c), f32x4.mul(x, s));
}

/** Elements i and i + half are a pair. */
function halves(out: usize, x: usize, cos: usize, sin: usize, half: i32, sign: f32): void {
  const across = <usize>half << 2;
  const sign4 = f32x4.splat(sign);
  let i = 0;
  for (; i + 4 <= half; i += 4) {
    const o = <usize>i << 2;
    const a = v128.load(x + o);
    const b = v128.load(x + across + o);
    const c = v128.load(cos + o);
    const s = f32x4.mul(v128.load(sin + o), sign4);
    v128.store(out + o, turnFirst(a, b, c, s));
    v128.store(out + across + o, turnSecond(a, b, c, s));
  }
  for (; i < half; i++) {
    const o = <usize>i << 2;
    const a = load<f32>(x + o);
    const b = load<f32>(x + across + o);
    const c = load<f32>(cos + o);
    const s = load<f32>(sin + o) * sign;
    store<f32>(out + o, a * c - b * s);
    store<f32>(out + across + o, b * c + a * s);
  }
}

/** Elements 2i and 2i + 1 are a pair. */
function neighbours(out: usize, x: usize, cos: usize, sin: usize, half: i32, sign: f32): void {
  for (let i = 0; i < half; i++) {
    const o = <usize>i << 2;
    const a = load<f32>(x + 2 * o);
    const b = load<f32>(x + 2 * o, 4);
    const c = load<f32>(cos + o);
    const s = load<f32>(sin + o) * sign;
    store<f32>(out + 2 * o, a * c - b * s);
    store<f32>(out + 2 * o, b * c + a * s, 4);
  }
}

/** Heads `from` to `to`, counted through (sample · heads + head). */
export function rope(
  out: usize, x: usize, cos: usize, sin: usize, from: i32, to: i32, heads: i32, tokens: i32, dim: i32, rotary: i32,
  interleaved: bool, sign: f32, xBatch: usize, xHead: usize, xToken: usize, outBatch: usize, outHead: usize, outToken: usize, tableBatch: usize,
): void {
  const half = rotary / 2;
  const row = <usize>half << 2;
  const rest = <usize>(dim - rotary) << 2;
  for (let index = from; index < to; index++) {
    const b = index / heads;
    const h = index % heads;
    let p = x + b * xBatch + h * xHead;
    let q = out + b * outBatch + h * outHead;
    let table = b * tableBatch;
    for (let t = 0; t < tokens; t++) {
      if (interleaved) neighbours(q, p, cos + table, sin + table, half, sign);
      else halves(q, p, cos + table, sin + table, half, sign);
      if (rest > 0) memory.copy(q + 2 * row, p + 2 * row, rest);
      p += xToken;
      q += outToken;
      table += row;
    }
  }
}
