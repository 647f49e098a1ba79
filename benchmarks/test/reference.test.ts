import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AttentionData, dim, heads, keysOf, queriesOf } from '../benches/attention/data.ts';
import { normals } from '../random.ts';
import { gradientRows, outputRows } from '../reference/attention.ts';
import { attend, erf, matrix } from '../reference/loops.ts';

test('erf, against its table', () => {
  for (const [x, y] of [
    [0, 0],
    [0.5, 0.5204998778],
    [1, 0.8427007929],
    [-2, -0.995322265],
    [3.5, 0.9999992569],
    [9, 1],
  ] as const) {
    // biome-ignore format: a table
    assert.ok(Math.abs(erf(x) - y) < 2e-8, `erf(${x})`);
  }
});

const tokens = 20;
const width = heads * dim;

function data(change?: { of: 'q' | 'k' | 'v'; at: number; by: number }): AttentionData {
  const draw = (seed: number) => normals(seed, tokens * width);
  const found = { tokens, q: draw(1), k: draw(2), v: draw(3), dOut: draw(4) };
  if (change) found[change.of][change.at]! += change.by;
  return found;
}

test('attention by rows is attention as a whole', () => {
  const { q, k, v } = data();
  const rows = Array.from({ length: tokens }, (_, t) => [q, k, v].flatMap((x) => [...x.subarray(t * width, (t + 1) * width)]));
  const whole = attend(matrix(tokens, 3 * width, Float64Array.from(rows.flat())), heads, true).data;
  const found = outputRows(data());
  queriesOf(tokens).forEach((token, row) => {
    for (let i = 0; i < width; i++) assert.ok(Math.abs(found[row * width + i]! - whole[token * width + i]!) < 1e-12);
  });
});

test('its gradients are what a small change does', () => {
  const { dq, dk, dv } = gradientRows(data());
  // queriesOf may leave tokens out, but the last is among them, and among keysOf: everything that depends on it is seen.
  const last = tokens - 1;
  const objective = (changed: AttentionData) => {
    const out = outputRows(changed);
    const row = queriesOf(tokens).indexOf(last);
    return Array.from({ length: width }, (_, i) => out[row * width + i]! * changed.dOut[last * width + i]!).reduce((a, b) => a + b, 0);
  };
  for (const i of [0, 65, 511]) {
    for (const [of, gradient, rows] of [
      ['q', dq, queriesOf(tokens)],
      ['k', dk, keysOf(tokens)],
      ['v', dv, keysOf(tokens)],
    ] as const) {
      // biome-ignore format: three
      const at = last * width + i;
      const [up, down] = [2 ** -6, -(2 ** -6)].map((by) => objective(data({ of, at, by }))) as [number, number];
      const slope = (up - down) / 2 ** -5;
      const found = gradient[rows.indexOf(last) * width + i]!;
      assert.ok(Math.abs(slope - found) < 1e-3 * Math.max(1, Math.abs(found)), `d${of}[${i}]: ${found}, by differences ${slope}`);
    }
  }
});
