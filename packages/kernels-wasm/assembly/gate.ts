import { gelu4, geluGrad4, geluTanh4, geluTanhGrad4, sigmoid4, silu4, siluGrad4 } from './exp';
import { get, put } from './simd';

/*
 * Gated linear units: out = activation(gate) · up. Codes: 0 none, 1 relu, 2 gelu, 3 geluTanh, 4 silu, 5 sigmoid.
 * Shazeer: "GLU variants improve Transformer", 2020.
 */

@inline
function value(act: i32, x: v128): v128 {
  if (act == 1) return f32x4.pmax(x, f32x4.splat(0));
  if (act == 2) return gelu4(x);
  if (act == 3) return geluTanh4(x);
  if (act == 4) return silu4(x);
  if (act == 5) return sigmoid4(x);
  return x;
}

@inline
function slope(act: i32, x: v128): v128 {
  if (act == 1) return v128.andnot(f32x4.splat(1), f32x4.le(x, f32x4.splat(0)));
  if (act == 2) return geluGrad4(x);
  if (act == 3) return geluTanhGrad4(x);
  if (act == 4) return siluGrad4(x);
  if (act == 5) {
    const s = sigmoid4(x);
    return f32x4.mul(s, f32x4.sub(f32x4.splat(1), s));
  }
  return f32x4.splat(1);
}

@inline
function forward(act: i32, out: usize, gate: usize, up: usize, n: i32): void {
  for (let i = 0; i < n; i += 4) {
    const o = <usize>i << 2;
    put(out + o, f32x4.mul(value(act, get(gate + o, n - i)), get(up + o, n - i)), n - i);
  }
}

@inline
function backward(act: i32, dGate: usize, dUp: usize, dy: usize, gate: usize, up: usize, n: i32): void {
  for (let i = 0; i < n; i += 4) {
    const o = <usize>i << 2;
    const left = n - i;
    const x = get(gate + o, left);
    const g = get(dy + o, left);
    put(dGate + o, f32x4.mul(f32x4.mul(g, get(up + o, left)), slope(act, x)), left);
    put(dUp + o, f32x4.mul(g, value(act, x)), left);
  }
}

export function glu(act: i32, out: usize, gate: usize, up: usize, n: i32): void {
  switch (act) {
    case 1: forward(1, out, gate, up, n); break;
    case 2: forward(2, out, gate, up, n); break;
    case 3: forward(3, out, gate, up, n); break;
    case 4: forward(4, out, gate, up, n); break;
    case 5: forward(5, out, gate, up, n); break;
    default: forward(0, out, gate, up, n); break;
  }
}

export function gluGrad(act: i32, dGate: usize, dUp: usize, dy: usize, gate: usize, up: usize, n: i32): void {
  switch (act) {
    case 1: backward(1, dGate, dUp, dy, gate, up, n); break;
    case 2: backward(2, dGate, dUp, dy, gate, up, n); break;
    case 3: backward(3, dGate, dUp, dy, gate, up, n); break;
    case 4: backward(4, dGate, dUp, dy, gate, up, n); break;
    case 5: backward(5, dGate, dUp, dy, gate, up, n); break;
    default: backward(0, dGate, dUp, dy, gate, up, n); break;
  }
}
