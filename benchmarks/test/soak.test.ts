import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFlat } from '../soak.ts';

const sample = (tensors: number, wasm: number, heap: number) => ({ tensors, wasm, heap });

test('memory is flat from the first minute on, whatever was before', () => {
  assert.equal(isFlat([sample(5, 10, 30), sample(9, 90, 20), sample(9, 90, 20.5), sample(9, 90, 19)]), true);
  assert.equal(isFlat([sample(9, 90, 20), sample(9, 90, 20), sample(10, 90, 20)]), false);
  assert.equal(isFlat([sample(9, 90, 20), sample(9, 90, 20), sample(9, 91, 20)]), false);
  assert.equal(isFlat([sample(9, 90, 20), sample(9, 90, 20), sample(9, 90, 22)]), false);
  assert.equal(isFlat([sample(9, 90, 20)]), false);
});
