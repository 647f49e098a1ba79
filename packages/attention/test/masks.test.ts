import {
  attend,
  causalMask,
  combineMasks,
  mergeHeads,
  paddingMask,
  sinusoidalPositions,
  sinusoidalTable,
  splitHeads,
} from '@multihead/attention';
import { cpu, ShapeError, scope, slice, sum, mul, tensor, zeros } from '@multihead/tensor';
import type {} from '@multihead/tensor/testing';
import { describe, expect, it } from 'vitest';
import { random } from './models.js';

const never = Number.NEGATIVE_INFINITY;

describe('masks', () => {
  it('paddingMask is true where a token is real', async () => {
    using _ = scope();
    const mask = paddingMask([3, 0, 1], 3);
    expect([mask.shape, mask.dtype]).toEqual([[3, 1, 1, 3], 'bool']);
    expect(await mask.toArray()).toEqual([[[[true, true, true]]], [[[false, false, false]]], [[[true, false, false]]]]);
    expect(() => paddingMask([1, 4], 3)).toThrow(/paddingMask: lengths: element 1 is 4, expected 0 to 3/);
    expect(() => paddingMask([-1], 3)).toThrow(ShapeError);
    expect(() => paddingMask([0.5], 3)).toThrow(ShapeError);
  });

  it('what is padding does not count', async () => {
    using _ = scope();
    const [q, k, v] = [random([2, 1, 2, 4]), random([2, 1, 5, 4], 2), random([2, 1, 5, 4], 3)];
    const padded = attend(q, k, v, { mask: paddingMask([5, 3], 5) });
    const cut = attend(slice(q, 0, 1), slice(slice(k, 0, 1), 2, 0, 3), slice(slice(v, 0, 1), 2, 0, 3));
    expect(await slice(padded, 0, 1).data()).toBeAllclose(await cut.data());
  });

  it('causalMask is a triangle, shifted by its offset', async () => {
    using _ = scope();
    expect(await causalMask(2).toArray()).toEqual([[true, false], [true, true]]); // biome-ignore format: a matrix
    expect(await causalMask(2, 3, 1).toArray()).toEqual([[true, true, false], [true, true, true]]); // biome-ignore format: a matrix
  });

  it('combineMasks: both bool, both float, one of each, one alone', async () => {
    using _ = scope();
    const [a, b] = [tensor([true, true, false]), tensor([true, false, false])];
    expect(await combineMasks(a, b)!.toArray()).toEqual([true, false, false]);
    const bias = tensor([1, 2, 3]);
    expect(await combineMasks(bias, bias)!.toArray()).toEqual([2, 4, 6]);
    expect(await combineMasks(b, bias)!.toArray()).toEqual([1, never, never]);
    expect(await combineMasks(bias, b)!.toArray()).toEqual([1, never, never]);
    expect(combineMasks(a, null)).toBe(a);
    expect(combineMasks(undefined, a)).toBe(a);
    expect(combineMasks(null, undefined)).toBeNull();
    expect(combineMasks(paddingMask([1, 2], 2), causalMask(2))!.shape).toEqual([2, 1, 2, 2]);
  });

  it('are made on the backend that is asked for', () => {
    using _ = scope();
    const backend = cpu();
    for (const mask of [paddingMask([1], 2, backend), causalMask(2, 2, 0, backend), sinusoidalPositions(1, 2, { backend })]) {
      expect(mask.backend).toBe(backend);
    }
  });
});

describe('heads', () => {
  it('are split off and merged again; splitting moves nothing', async () => {
    using _ = scope();
    const x = random([2, 3, 8]);
    const heads = splitHeads(x, 4);
    expect(heads.shape).toEqual([2, 4, 3, 2]);
    expect(heads.storage).toBe(x.storage);
    expect(await slice(heads, 1, 1, 2).data()).toEqual(await slice(x, 2, 2, 4).data());
    expect(await mergeHeads(heads).data()).toEqual(await x.data());
    expect(mergeHeads(heads).shape).toEqual([2, 3, 8]);
  });

  it('that do not divide the width are refused', () => {
    using _ = scope();
    expect(() => splitHeads(zeros([1, 2, 6]), 4)).toThrow(/splitHeads: expected .* 4 heads divide, got \[1, 2, 6\]/);
    expect(() => splitHeads(zeros([2, 6]), 2)).toThrow(ShapeError);
    expect(() => mergeHeads(zeros([1, 2, 6]))).toThrow(/mergeHeads: expected \[batch, heads, tokens, dim\], got \[1, 2, 6\]/);
  });
});

describe('sinusoidal positions', () => {
  it('are sin(pos / 10000^(2i/dim)) and the cosine, by turns', async () => {
    using _ = scope();
    const [tokens, dim] = [50, 6];
    const rows = (await sinusoidalPositions(tokens, dim).toArray()) as number[][];
    for (const [pos, row] of rows.entries()) {
      for (let i = 0; i < dim / 2; i++) {
        const angle = pos / 10_000 ** ((2 * i) / dim);
        expect([row[2 * i], row[2 * i + 1]]).toBeAllclose([Math.sin(angle), Math.cos(angle)]);
      }
    }
  });

  it('have rows whose products depend on the distance alone', async () => {
    using _ = scope();
    const p = sinusoidalPositions(20, 8);
    const product = (i: number, j: number) => sum(mul(slice(p, 0, i, i + 1), slice(p, 0, j, j + 1))).item();
    expect(await product(2, 5)).toBeCloseTo(await product(11, 14), 5);
    expect(await product(7, 7)).toBeCloseTo(4, 5); // sin² + cos² for each pair
  });

  it('refuse an odd width; the table is the same numbers', async () => {
    using _ = scope();
    expect(() => sinusoidalPositions(2, 5)).toThrow(/sinusoidalPositions: dim: expected an even number, got 5/);
    expect(await sinusoidalPositions(3, 4).data()).toEqual(sinusoidalTable(3, 4));
  });
});
