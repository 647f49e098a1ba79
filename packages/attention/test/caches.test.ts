import { type AttentionCache, attend, KVCache, PagedKVCache, QuantizedKVCache, SlidingWindowCache } from '@multihead/attention';
import { concat, indexSelect, liveTensors, scope, slice, type Tensor, tensor } from '@multihead/tensor';
import type {} from '@multihead/tensor/testing';
import { describe, expect, it } from 'vitest';
import { random } from './models.js';

interface Kind {
  readonly make: () => AttentionCache;
  /** What a query may look back; everything if left out. */
  readonly window?: number;
  readonly tolerance?: { rtol: number; atol: number };
}

const kinds: Record<string, Kind> = {
  'KVCache, growing': { make: () => new KVCache() },
  'KVCache of a capacity': { make: () => new KVCache({ capacity: 41 }) },
  'SlidingWindowCache(5)': { make: () => new SlidingWindowCache(5), window: 5 },
  'SlidingWindowCache(0)': { make: () => new SlidingWindowCache(0), window: 0 },
  'SlidingWindowCache(100)': { make: () => new SlidingWindowCache(100), window: 100 },
  PagedKVCache: { make: () => new PagedKVCache({ blockSize: 4 }) },
  'PagedKVCache of a capacity': { make: () => new PagedKVCache({ blockSize: 3, blocks: 42 }) },
  // The stated bound, with scores that differ by less than 0.02 and values below 4.
  QuantizedKVCache: { make: () => new QuantizedKVCache(), tolerance: { rtol: 0, atol: 4 / 254 + 0.04 } },
};

const pieces = [
  [0, 3],
  [3, 4],
  [4, 5],
  [5, 5],
  [5, 30],
  [30, 31],
  [31, 33],
  [33, 40],
  [40, 41],
] as const;

for (const [name, { make, window = Number.POSITIVE_INFINITY, tolerance }] of Object.entries(kinds)) {
  describe(name, () => {
    const inputs = (batch = 2) => [random([batch, 4, 41, 6], 1), random([batch, 2, 41, 6], 2), random([batch, 2, 41, 3], 3)] as const;

    it('gives what attention over all tokens gives, a prompt and then token by token', async () => {
      using _ = scope();
      const [q, k, v] = inputs();
      const full = attend(q, k, v, { causal: true, window });
      const cache = make();
      for (const [from, to] of pieces) {
        const part = (x: Tensor) => slice(x, 2, from, to);
        const held = cache.append(part(k), part(v));
        const y = attend(part(q), held.k, held.v, { causal: 'bottom-right', window });
        expect(await y.data()).toBeAllclose(await part(full).data(), tolerance ?? {});
        expect(cache.length).toBe(to);
      }
      cache.dispose();
    });

    it('keeps, drops and repeats samples, which then go their own ways', async () => {
      using _ = scope();
      const [q, k, v] = inputs(3);
      const cache = make();
      const part = (x: Tensor, from: number, to: number) => slice(x, 2, from, to);
      cache.append(part(k, 0, 6), part(v, 0, 6));
      cache.reorder([2, 2, 0]);
      cache.append(part(k, 6, 8), part(v, 6, 8));
      cache.reorder(Int32Array.of(1, 0));
      const rows = (x: Tensor, ...ids: number[]) => indexSelect(x, 0, tensor(Int32Array.from(ids)));
      const own = (x: Tensor) => concat([rows(part(x, 0, 6), 2, 2), rows(part(x, 6, 8), 1, 0), rows(part(x, 8, 9), 0, 1)], 2);
      const held = cache.append(rows(part(k, 8, 9), 0, 1), rows(part(v, 8, 9), 0, 1));
      const y = attend(rows(part(q, 8, 9), 0, 1), held.k, held.v, { causal: 'bottom-right', window });
      const want = attend(rows(part(q, 8, 9), 0, 1), own(k), own(v), { causal: 'bottom-right', window });
      expect(await y.data()).toBeAllclose(await want.data(), tolerance ?? {});
      cache.dispose();
    });

    it('outlives scopes, can be filled anew, and leaves nothing behind', async () => {
      const before = liveTensors();
      const cache = make();
      for (const seed of [1, 2]) {
        {
          using _ = scope();
          expect(() => cache.view()).toThrow(/nothing has been appended yet/);
          for (let i = 0; i < 4; i++) cache.append(random([1, 2, 3, 4], seed + i), random([1, 2, 3, 4], seed + i + 9));
        }
        {
          using _ = scope();
          const { v } = cache.view();
          expect(v.shape).toEqual([1, 2, Math.min(12, window), 4]);
          if (window > 0) {
            const last = await slice(v, 2, v.shape[2]! - 1).data();
            expect(last).toBeAllclose(await slice(random([1, 2, 3, 4], seed + 12), 2, 2).data(), tolerance ?? {});
          }
        }
        cache.dispose();
        expect(cache.length).toBe(0);
      }
      expect(liveTensors()).toBe(before);
    });

    it('refuses what does not fit, and stays as it was', () => {
      using _ = scope();
      const cache = make();
      const [k, v] = [random([2, 1, 1, 4]), random([2, 1, 1, 4])];
      cache.append(k, v);
      expect(() => cache.append(slice(k, 0, 1), slice(v, 0, 1))).toThrow(/append: expected \[2, 1, tokens, 4\], got \[1, 1, 1, 4\]/);
      expect(() => cache.append(slice(k, 3, 1), v)).toThrow(/append: expected \[2, 1, tokens, 4\], got \[2, 1, 1, 3\]/);
      expect(() => cache.append(k, slice(v, 0, 1))).toThrow(/agree but for dim/);
      expect(cache.length).toBe(1);
      cache.dispose();
    });
  });
}

it('a KVCache of a capacity takes no more, and never moves', () => {
  using _ = scope();
  const cache = new KVCache({ capacity: 3 });
  const x = (tokens: number) => random([1, 1, tokens, 2]);
  const { storage } = cache.append(x(1), x(1)).k;
  expect(cache.append(x(2), x(2)).k.storage).toBe(storage);
  expect(() => cache.append(x(1), x(1))).toThrow(/KVCache.append: expected no more than 3 tokens, got 3 and 1/);
  cache.dispose();
});

describe('PagedKVCache', () => {
  const x = (batch: number, tokens: number, seed = 1) => random([batch, 1, tokens, 2], seed);

  it('shares blocks among beams until they differ, and frees those that nobody names', () => {
    using _ = scope();
    const cache = new PagedKVCache({ blockSize: 4 });
    cache.append(x(2, 10), x(2, 10));
    expect(cache.blocksUsed).toBe(6);
    cache.reorder([0, 0, 0, 1]);
    expect(cache.blocksUsed).toBe(6);
    cache.append(x(4, 1), x(4, 1)); // of three beams two copy the block that they share
    expect(cache.blocksUsed).toBe(8);
    cache.reorder([1, 1]);
    expect(cache.blocksUsed).toBe(3);
    cache.append(x(2, 1), x(2, 1));
    expect(cache.blocksUsed).toBe(4);
    cache.dispose();
    expect(cache.blocksUsed).toBe(0);
  });

  it('refuses tokens that the pool has no room for, before it writes any', async () => {
    using _ = scope();
    const cache = new PagedKVCache({ blockSize: 2, blocks: 3 });
    cache.append(x(1, 5), x(1, 5));
    const before = await cache.view().k.data();
    expect(() => cache.append(x(1, 2), x(1, 2))).toThrow(/PagedKVCache.append: expected no more than 3 blocks of 2 tokens, got use for 4/);
    expect(await cache.view().k.data()).toEqual(before);
    expect(cache.append(x(1, 1), x(1, 1)).k.shape).toEqual([1, 1, 6, 2]);
    expect(() => cache.reorder([1])).toThrow(/PagedKVCache.reorder: rows: expected integers from 0 to 0, got 1/);
    expect(() => cache.reorder(tensor(Int32Array.of(0)))).toThrow(/rows: expected numbers, got a tensor/);
    cache.dispose();
  });
});

it('QuantizedKVCache keeps every element within the stated bound, zeros and signs included', async () => {
  using _ = scope();
  const k = concat([random([1, 2, 4, 7], 1), slice(random([1, 2, 1, 7], 1), 2, 0, 1)], 2);
  const v = tensor(new Float32Array(1 * 2 * 5 * 3), { shape: [1, 2, 5, 3] });
  const cache = new QuantizedKVCache();
  const held = cache.append(k, v);
  const [got, want] = [await held.k.data(), await k.data()];
  for (let row = 0; row < 10; row++) {
    const largest = Math.max(...want.slice(row * 7, row * 7 + 7).map(Math.abs));
    for (let i = row * 7; i < row * 7 + 7; i++) expect(Math.abs(got[i]! - want[i]!)).toBeLessThanOrEqual(largest / 254 + 1e-6);
  }
  expect(await held.v.data()).toEqual(new Float32Array(30));
  cache.dispose();
});

describe('KVCache.truncate', () => {
  it('forgets the last tokens, and goes on from there', async () => {
    using _ = scope();
    const [old, fresh] = [random([1, 2, 5, 4], 1), random([1, 2, 2, 4], 2)];
    const cache = new KVCache();
    cache.append(old, old);
    cache.truncate(3);
    expect(cache.length).toBe(3);
    const { k } = cache.append(fresh, fresh);
    expect(await k.toArray()).toEqual(await concat([slice(old, 2, 0, 3), fresh], 2).toArray());
    cache.truncate(0);
    expect(cache.length).toBe(0);
    expect(() => cache.truncate(1)).toThrow('KVCache.truncate: length: expected an integer from 0 to 0, got 1');
    cache.dispose();
    expect(() => cache.truncate(0)).not.toThrow();
  });
});
