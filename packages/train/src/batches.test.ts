import { expect, test } from 'vitest';
import { bucketedBatches, padded } from './batches.js';

const lengths = Array.from({ length: 1003 }, (_, i) => 1 + ((i * 7919) % 23));

test('an epoch holds every sequence once, in batches of the size asked for', () => {
  const batches = bucketedBatches(lengths, { size: 16, seed: 1 });
  expect(batches.flatMap((batch) => [...batch]).sort((a, b) => a - b)).toEqual(lengths.map((_, i) => i));
  expect(batches.filter((batch) => batch.length !== 16).map((batch) => batch.length)).toEqual([1003 % 16]);
});

test('the order is a function of the seed', () => {
  const at = (seed: number) => bucketedBatches(lengths, { size: 16, seed }).map((batch) => [...batch]);
  expect(at(1)).toEqual(at(1));
  expect(at(1)).not.toEqual(at(2));
});

test('sequences of a batch are of like length: padding stays below a tenth where shuffling alone would waste nearly half', () => {
  const waste = (batches: Int32Array[]) => {
    const cells = batches.reduce((sum, batch) => sum + batch.length * Math.max(...Array.from(batch, (i) => lengths[i]!)), 0);
    return 1 - lengths.reduce((sum, n) => sum + n, 0) / cells;
  };
  expect(waste(bucketedBatches(lengths, { size: 16, seed: 1 }))).toBeLessThan(0.1);
  expect(waste(bucketedBatches(lengths, { size: 16, seed: 1, pool: 1 }))).toBeGreaterThan(0.4);
});

test('wrong sizes are refused by name', () => {
  expect(() => bucketedBatches(lengths, { size: 0, seed: 1 })).toThrow('bucketedBatches: size: expected a positive integer, got 0');
  expect(() => bucketedBatches(lengths, { size: 4, seed: 1, pool: 1.5 })).toThrow(/pool/);
});

test('padded fills behind the sequences', async () => {
  const ids = padded([[4, 5, 6], [], [7]], 9);
  expect(ids.dtype).toBe('int32');
  expect(await ids.toArray()).toEqual([
    [4, 5, 6],
    [9, 9, 9],
    [7, 9, 9],
  ]);
  ids.dispose();
});
