import assert from 'node:assert/strict';
import { test } from 'node:test';
import { integers, normals } from '../random.ts';
import { draw, rowsOf, transposed } from '../weights.ts';

test('numbers are the same each time, and distributed as they say', () => {
  const x = normals(1, 100_001, 2, 3);
  assert.deepEqual(x, normals(1, 100_001, 2, 3));
  assert.notDeepEqual(x, normals(2, 100_001, 2, 3));
  const mean = x.reduce((sum, v) => sum + v, 0) / x.length;
  const variance = x.reduce((sum, v) => sum + (v - mean) ** 2, 0) / x.length;
  assert.ok(Math.abs(mean - 3) < 0.03 && Math.abs(Math.sqrt(variance) - 2) < 0.03);
  const ids = integers(1, 10_000, 3, 7);
  assert.deepEqual([...new Set(ids)].sort(), [3, 4, 5, 6]);
});

test('weights: one more changes no other one, rows and transposes are what they say', () => {
  const few = draw({ a: { shape: [2, 3], std: 1 } }, 1);
  const more = draw({ a: { shape: [2, 3], std: 1 }, b: { shape: [4], std: 0, mean: 1 } }, 1);
  assert.deepEqual(few.get('a'), more.get('a'));
  assert.deepEqual([...more.get('b')!.data], [1, 1, 1, 1]);
  const { data } = few.get('a')!;
  assert.deepEqual(rowsOf(few, 'a', 1, 2), { shape: [1, 3], data: data.slice(3) });
  assert.deepEqual(transposed(few.get('a')!), { shape: [3, 2], data: Float32Array.from([0, 3, 1, 4, 2, 5], (i) => data[i]!) });
});
