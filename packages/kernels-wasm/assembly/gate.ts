import { binaryRow, unary } from './elementwise';

/*
 * Gated linear units: out = activation(gate) · up, block by block in the first-level cache. Shazeer: "GLU variants improve Transformer", 2020.
 * `act` is a code of `unary` or -1 for none, `slope` the code of `binary` for its gradient.
 */
const BLOCK: i32 = 1024;
const MULTIPLY: i32 = 2;
const FLOAT: i32 = 0;
const SIGMOID: i32 = 18;

export function glu(act: i32, out: usize, gate: usize, up: usize, n: i32, scratch: usize): void {
  for (; n > 0; n -= BLOCK) {
    const count = min(n, BLOCK);
    if (act >= 0) unary(act, out, gate, count, scratch);
    binaryRow(MULTIPLY, FLOAT, out, act >= 0 ? out : gate, 4, up, 4, count, scratch);
    out += BLOCK << 2;
    gate += BLOCK << 2;
    up += BLOCK << 2;
  }
}

export function gluGrad(act: i32, slope: i32, dGate: usize, dUp: usize, dy: usize, gate: usize, up: usize, n: i32, scratch: usize): void {
  for (; n > 0; n -= BLOCK) {
    const count = min(n, BLOCK);
    binaryRow(MULTIPLY, FLOAT, dGate, dy, 4, up, 4, count, scratch);
    if (act < 0) binaryRow(MULTIPLY, FLOAT, dUp, dy, 4, gate, 4, count, scratch);
    else {
      unary(act, dUp, gate, count, scratch);
      // The slope of the sigmoid goes by its value.
      binaryRow(slope, FLOAT, dGate, act == SIGMOID ? dUp : gate, 4, dGate, 4, count, scratch);
      binaryRow(MULTIPLY, FLOAT, dUp, dUp, 4, dy, 4, count, scratch);
    }
    dGate += BLOCK << 2;
    dUp += BLOCK << 2;
    dy += BLOCK << 2;
    gate += BLOCK << 2;
    up += BLOCK << 2;
  }
}
