import assert from 'node:assert/strict';
import { test } from 'node:test';
import { names, readOptions } from '../options.ts';

test('without options: both Nodes, one and two threads, all rounds', () => {
  const { benches, nodes, threads, quick, only } = readOptions(['matmul']);
  assert.deepEqual(
    { benches, nodes, threads, quick, only },
    { benches: ['matmul'], nodes: [24, 20], threads: [1, 2], quick: false, only: '' },
  );
});

test('options narrow it down, and all stands for all', () => {
  assert.deepEqual(readOptions(['all', '--node', '20']).benches, [...names]);
  assert.deepEqual(readOptions(['matmul', 'decode', '--node', '20', '--threads', '2']).nodes, [20]);
  assert.deepEqual(readOptions(['matmul', '--threads', '2', '--threads', '1']).threads, [1, 2]);
});

test('what makes no sense is refused with the reason', () => {
  assert.throws(() => readOptions([]), /Which bench/);
  assert.throws(() => readOptions(['matmull']), /no bench called matmull/);
  assert.throws(() => readOptions(['matmul', '--node', '18']), /--node: expected 24 or 20, got 18/);
  assert.throws(() => readOptions(['matmul', '--fast']), /fast/);
  assert.throws(() => readOptions(['matmul', '--quick', '--write']), /--write is for figures to quote/);
});
