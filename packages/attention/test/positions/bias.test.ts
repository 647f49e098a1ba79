import { alibi, alibiMod, alibiSlopes, attend, flexAttend, t5Bias, t5Bucket, t5Buckets, t5Mod } from '@multihead/attention';
import { grad, reshape, scope, slice, sum, type Tensor, tensor } from '@multihead/tensor';
import type {} from '@multihead/tensor/testing';
import { describe, expect, it } from 'vitest';
import { random } from '../models.js';

describe("T5's buckets", () => {
  // From NumPy, with the original's float32 arithmetic.
  // biome-ignore format: rows
  const rows = {
    distance: [-300, -128, -127, -100, -64, -63, -40, -20, -17, -16, -15, -9, -8, -7, -1, 0, 1, 7, 8, 9, 16, 31, 32, 63, 64, 127, 128, 500],
    both: [15, 15, 15, 15, 14, 13, 12, 10, 10, 10, 9, 8, 8, 7, 1, 0, 17, 23, 24, 24, 26, 27, 28, 29, 30, 31, 31, 31],
    behind: [31, 31, 31, 30, 26, 26, 23, 17, 16, 16, 15, 9, 8, 7, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  };

  it('widen by the logarithm, on both sides or behind', () => {
    expect(rows.distance.map((d) => t5Bucket(d, 32))).toEqual(rows.both);
    expect(rows.distance.map((d) => t5Bucket(d, 32, { bidirectional: false }))).toEqual(rows.behind);
    expect([-1, -8, -9, -15].map((d) => t5Bucket(d, 8, { bidirectional: false, maxDistance: 20 }))).toEqual([1, 5, 6, 7]);
  });

  it('are the same over a long range', () => {
    const check = (bidirectional: boolean) =>
      Array.from({ length: 801 }, (_, i) => i * t5Bucket(i - 400, 32, { bidirectional })).reduce((a, b) => a + b);
    expect([check(true), check(false)]).toEqual([8_399_200, 2_140_657]);
  });

  it('by query and key; the queries are the last tokens', async () => {
    using _ = scope();
    const square = (await t5Buckets(32, 5).toArray()) as number[][];
    expect(square).toEqual([0, 1, 2, 3, 4].map((i) => [0, 1, 2, 3, 4].map((j) => t5Bucket(j - i, 32))));
    expect(await t5Buckets(32, 2, 5).toArray()).toEqual(square.slice(3));
  });

  it('give a bias by head that learns', async () => {
    using _ = scope();
    const weight = random([32, 2]);
    weight.requiresGrad = true;
    const mask = t5Bias(weight, 3, 4, { bidirectional: false });
    expect(mask.shape).toEqual([2, 3, 4]);
    const table = (await weight.toArray()) as number[][];
    expect(((await mask.toArray()) as number[][][])[1]![0]![0]).toBe(table[1]![1]);
    const x = random([1, 2, 4, 8]);
    sum(slice(attend(slice(x, 2, 1), x, x, { mask, scale: 1 }), 3, 0, 1)).backward();
    const gradient = (await weight.grad!.toArray()) as number[][];
    expect(gradient[0]![0]).not.toBe(0);
    expect(gradient[4]).toEqual([0, 0]); // a distance that does not occur
    weight.grad!.dispose();
  });

  it('are at least two on a side', () => expect(() => t5Bucket(0, 2)).toThrow(/t5Bucket: buckets: expected at least 4, got 2/));
});

describe('ALiBi', () => {
  it('has slopes by head, other ones in between where heads are no power of two', () => {
    expect([...alibiSlopes(8)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((h) => 2 ** -h));
    expect([...alibiSlopes(3)]).toEqual([1 / 16, 1 / 256, 1 / 4]);
    expect(alibiSlopes(12)).toBeAllclose([...Array.from(alibiSlopes(8)), ...[1, 3, 5, 7].map((h) => 2 ** (-h / 2))]);
    expect(() => alibiSlopes(0)).toThrow(/alibiSlopes: heads: expected a positive integer, got 0/);
  });

  it('falls with distance', async () => {
    using _ = scope();
    expect(await slice(alibi(8, 3), 0, 0, 1).toArray()).toEqual([
      [
        [-0, -0.5, -1],
        [-0.5, -0, -0.5],
        [-1, -0.5, -0],
      ],
    ]);
    expect(await slice(alibi(8, 1, 3), 0, 0, 1).toArray()).toEqual([[[-1, -0.5, -0]]]);
  });

  it('is the same, up to what a softmax takes away, as the slope times the place of the key', async () => {
    using _ = scope();
    const x = random([2, 4, 6, 8]);
    const byKey = reshape(tensor([...alibiSlopes(4)].flatMap((m) => [0, 1, 2, 3, 4, 5].map((j) => m * j))), [4, 1, 6]);
    const want = await attend(x, x, x, { causal: true, mask: byKey }).data();
    expect(await attend(x, x, x, { causal: true, mask: alibi(4, 6) }).data()).toBeAllclose(want);
  });
});

describe('as functions of places, for flexAttend', () => {
  it('are the same, also behind a cache, and learn the same', async () => {
    using _ = scope();
    const [q, k, v] = [random([2, 4, 7, 8], 1), random([2, 4, 300, 8], 2), random([2, 4, 300, 3], 3)];
    const weight = random([32, 4], 4);
    weight.requiresGrad = true;
    const first = 293;
    expect(await flexAttend(q, k, v, { scoreMod: alibiMod(4, first), causal: 'bottom-right', blockSize: 3 }).data()).toBeAllclose(
      await attend(q, k, v, { mask: alibi(4, 7, 300), causal: 'bottom-right' }).data(),
    );
    for (const bidirectional of [true, false]) {
      const want = attend(q, k, v, { mask: t5Bias(weight, 7, 300, { bidirectional }), scale: 1 });
      const got = flexAttend(q, k, v, { scoreMod: t5Mod(weight, { bidirectional, first }), scale: 1, blockSize: 3 });
      expect(await got.data()).toBeAllclose(await want.data());
      const [[wanted], [g]] = [want, got].map((y) => grad(sum(slice(y, 3, 0, 1)), [weight])) as [[Tensor], [Tensor]];
      expect(await g.data()).toBeAllclose(await wanted.data(), { rtol: 1e-4, atol: 1e-6 });
    }
  });
});
