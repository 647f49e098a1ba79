import {
  dynamicNtkRope,
  linearRope,
  llama3Rope,
  longRope,
  type RopeParameters,
  ropeFrequencies,
  ropeOfConfig,
  ropeTables,
  ropeTables2d,
  yarnRope,
} from '@multihead/attention';
import { matmul, rope, ShapeError, scope, slice, type Tensor, tensor, transpose, ValueError, zeros } from '@multihead/tensor';
import type {} from '@multihead/tensor/testing';
import { describe, expect, it } from 'vitest';
import { random } from '../models.js';

const close = { rtol: 3e-7, atol: 0 };

describe('frequencies', () => {
  // The right-hand sides were computed from the papers' formulas, in float64, by another program.
  it('are powers of the base', () => {
    expect(ropeFrequencies(8).inverse).toBeAllclose([1, 0.1, 0.01, 0.001], close);
    expect(ropeFrequencies(4, { base: 500_000 }).inverse).toBeAllclose([1, 1 / Math.sqrt(500_000)], close);
    expect(ropeFrequencies(0).inverse).toHaveLength(0);
  });

  it('interpolate: linear', () => {
    expect(linearRope(4, { factor: 8 }).inverse).toBeAllclose([0.125, 0.00125], close);
  });

  it('grow the base beyond the trained length: dynamic NTK', () => {
    const at = (tokens?: number) => dynamicNtkRope(8, { factor: 2, trained: 2048, tokens }).inverse;
    expect(at(4096)).toBeAllclose([1, 0.069336127, 0.0048074986, 0.00033333333], close);
    for (const tokens of [undefined, 5, 2048]) expect(at(tokens)).toEqual(ropeFrequencies(8).inverse);
  });

  it('blend: YaRN', () => {
    const { inverse, attentionFactor } = yarnRope(16, { factor: 4, trained: 32 });
    expect(inverse).toBeAllclose([1, 0.19764235, 0.025, 0.0079056942, 0.0025, 0.00079056942, 0.00025, 7.9056942e-5], close);
    expect(attentionFactor).toBeCloseTo(1.138629436111989, 12);
    const open = yarnRope(16, { base: 150_000, factor: 32, trained: 4096, truncate: false });
    expect(open.inverse).toBeAllclose(
      [1, 0.225418, 0.050813275, 0.0067949595, 0.00045648392, 1.8188337e-5, 4.0999785e-6, 9.2420895e-7],
      { rtol: 2e-6, atol: 0 }, // given with eight digits, and blended in float32
    );
    const deepSeek = yarnRope(16, { factor: 40, trained: 4096, mscale: 0.5, mscaleAllDim: 1 });
    expect(deepSeek.attentionFactor).toBeCloseTo((0.05 * Math.log(40) + 1) / (0.1 * Math.log(40) + 1), 12);
    expect(yarnRope(16, { factor: 4, trained: 32, attentionFactor: 1 }).attentionFactor).toBe(1);
    expect(yarnRope(16, { factor: 0.5, trained: 32 }).attentionFactor).toBe(1);
  });

  it('have a factor for each pair: LongRoPE', () => {
    const at = (tokens?: number) => longRope(4, { shortFactors: [1, 2], longFactors: [4, 8], trained: 16, tokens, factor: 4 });
    expect(at().inverse).toBeAllclose([1, 0.005], close);
    expect(at(16).inverse).toBeAllclose([1, 0.005], close);
    expect(at(17).inverse).toBeAllclose([0.25, 0.00125], close);
    expect(at().attentionFactor).toBeCloseTo(1.224744871391589, 12);
  });

  it('split by wavelength: Llama 3', () => {
    const small = llama3Rope(8, { factor: 8, lowFrequency: 1, highFrequency: 4, trained: 16 });
    expect(small.inverse).toBeAllclose([0.5760564, 0.0125, 0.00125, 0.000125], close);
    const real = llama3Rope(128, { base: 500_000, factor: 8, lowFrequency: 1, highFrequency: 4, trained: 8192 });
    expect([...real.inverse].filter((_, i) => i >= 24 && i < 44 && (i - 24) % 3 === 0)).toBeAllclose(
      [0.0072926647, 0.003942276, 0.0013718936, 0.00031269375, 7.7846553e-5, 4.2082368e-5, 2.2748929e-5],
      { rtol: 1e-6, atol: 0 }, // blended in float32
    );
  });

  it('come from a configuration, in its old form and its new', () => {
    const of = (parameters: RopeParameters | null, tokens?: number) =>
      ropeOfConfig(parameters, { dim: 8, maxPositions: 64, base: 100, tokens });
    const long = { short_factor: [1, 1, 1, 1], long_factor: [2, 2, 2, 2], original_max_position_embeddings: 16 };
    const llama = { factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 16 };
    expect(of(null)).toEqual(ropeFrequencies(8, { base: 100 }));
    expect(of({ rope_type: 'default', rope_theta: 7 })).toEqual(ropeFrequencies(8, { base: 7 }));
    expect(of({ type: 'linear', factor: 2 })).toEqual(linearRope(8, { base: 100, factor: 2 }));
    expect(of({ rope_type: 'dynamic', factor: 2 }, 90)).toEqual(dynamicNtkRope(8, { base: 100, factor: 2, trained: 64, tokens: 90 }));
    expect(of({ rope_type: 'yarn', factor: 2, original_max_position_embeddings: 32 })).toEqual(
      yarnRope(8, { base: 100, factor: 2, trained: 32 }),
    );
    expect(of({ rope_type: 'longrope', ...long }, 17).inverse).toEqual(
      longRope(8, { base: 100, shortFactors: long.short_factor, longFactors: long.long_factor, trained: 16, tokens: 17, factor: 4 })
        .inverse,
    );
    expect(of({ rope_type: 'longrope', ...long }).attentionFactor).toBeCloseTo(1.224744871391589, 12);
    expect(of({ rope_type: 'llama3', ...llama })).toEqual(
      llama3Rope(8, { base: 100, factor: 8, lowFrequency: 1, highFrequency: 4, trained: 16 }),
    );
    expect(() => of({ rope_type: 'linear' })).toThrow(/ropeOfConfig: factor: expected one for rope_type linear, got none/);
    expect(() => of({ rope_type: 'spiral' })).toThrow(/ropeOfConfig: rope_type: expected default, .*, got spiral/);
  });

  it('refuse what cannot be', () => {
    expect(() => ropeFrequencies(5)).toThrow(ValueError);
    expect(() => ropeFrequencies(5)).toThrow(/ropeFrequencies: dim: expected an even number, got 5/);
    expect(() => linearRope(4, { factor: 0 })).toThrow(/linearRope: factor: expected a positive number, got 0/);
    expect(() => longRope(4, { shortFactors: [1], longFactors: [1, 1], trained: 4, factor: 1 })).toThrow(
      /longRope: shortFactors: expected 2 factors/,
    );
  });
});

describe('tables', () => {
  it('are the same from a count, a list and a tensor, on rows of their own, too', async () => {
    using _ = scope();
    const frequencies = { inverse: ropeFrequencies(6).inverse, attentionFactor: 1.25 };
    const counted = ropeTables(4, frequencies);
    expect(counted.cos.shape).toEqual([4, 3]);
    expect(await slice(counted.sin, 0, 2).data()).toEqual(await ropeTables([2, 3], frequencies).sin.data());
    const rows = tensor(Int32Array.of(0, 1, 2, 3, 3, 2, 1, 0), { shape: [2, 4] });
    const own = ropeTables(rows, frequencies);
    expect(own.cos.shape).toEqual([2, 4, 3]);
    expect(await slice(own.cos, 0, 0, 1).data()).toBeAllclose(await counted.cos.data());
    expect(await slice(own.sin, 0, 1).data()).toBeAllclose(await ropeTables([3, 2, 1, 0], frequencies).sin.data());
    expect((await counted.cos.data())[0]).toBe(1.25);
    expect(() => ropeTables(zeros([1, 1, 1]), frequencies)).toThrow(ShapeError);
  });

  it('make scores depend on distance alone', async () => {
    using _ = scope();
    const [q, k] = [random([1, 1, 1, 8], 1), random([1, 1, 1, 8], 2)];
    const at = (x: Tensor, place: number, interleaved: boolean) => {
      const { cos, sin } = ropeTables([place], ropeFrequencies(6)); // partial: six of eight
      return rope(x, cos, sin, { interleaved });
    };
    for (const interleaved of [false, true]) {
      const score = async (i: number, j: number) => matmul(at(q, i, interleaved), transpose(at(k, j, interleaved))).item();
      expect(await score(105, 103)).toBeCloseTo(await score(2, 0), 4);
      expect(await score(5, 3)).not.toBeCloseTo(await score(5, 2), 4);
    }
  });

  it('of a grid turn half of the pairs by rows, half by columns', async () => {
    using _ = scope();
    const frequencies = ropeFrequencies(4);
    const { sin } = ropeTables2d(2, 3, frequencies);
    const line = (await ropeTables(3, frequencies).sin.toArray()) as number[][];
    expect(await sin.toArray()).toEqual([0, 1].flatMap((row) => [0, 1, 2].map((column) => [...line[row]!, ...line[column]!])));
  });
});
