/*
 * Casts, fills and the logical not. Element types as in `src/elementwise.ts`: 0 float32, 1 int32, 2 bool.
 */

const F32: i32 = 0;
const I32: i32 = 1;

export function cast(from: i32, to: i32, out: usize, x: usize, n: i32): void {
  if (from == F32 && to == I32) {
    for (let i: usize = 0; i < <usize>n; i++) store<i32>(out + (i << 2), toInt(load<f32>(x + (i << 2))));
  } else if (from == F32) {
    for (let i: usize = 0; i < <usize>n; i++) store<u8>(out + i, load<f32>(x + (i << 2)) != 0 ? 1 : 0);
  } else if (from == I32 && to == F32) {
    for (let i: usize = 0; i < <usize>n; i++) store<f32>(out + (i << 2), <f32>load<i32>(x + (i << 2)));
  } else if (from == I32) {
    for (let i: usize = 0; i < <usize>n; i++) store<u8>(out + i, load<i32>(x + (i << 2)) != 0 ? 1 : 0);
  } else if (to == F32) {
    for (let i: usize = 0; i < <usize>n; i++) store<f32>(out + (i << 2), <f32>load<u8>(x + i));
  } else {
    for (let i: usize = 0; i < <usize>n; i++) store<i32>(out + (i << 2), <i32>load<u8>(x + i));
  }
}

/** Truncated, modulo 2³²; NaN and ±∞ are 0. */
@inline
function toInt(x: f32): i32 {
  // From 2⁶³ on, the lower 32 bits of a float32 are 0.
  return abs(x) < 9.2e18 ? <i32>(<i64>x) : 0;
}

export function logicalNot(out: usize, x: usize, n: i32): void {
  for (let i: usize = 0; i < <usize>n; i++) store<u8>(out + i, load<u8>(x + i) == 0 ? 1 : 0);
}

export function fill32(out: usize, word: i32, n: i32): void {
  const v = i32x4.splat(word);
  let i = 0;
  for (; i + 4 <= n; i += 4) v128.store(out + (<usize>i << 2), v);
  for (; i < n; i++) store<i32>(out + (<usize>i << 2), word);
}

export function fill8(out: usize, byte: i32, n: i32): void {
  memory.fill(out, <u8>byte, <usize>n);
}
