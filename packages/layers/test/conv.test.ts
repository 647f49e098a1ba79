import { Conv1d, Conv2d, GroupNorm } from '@multihead/layers';
import { conv1d, conv2d, groupNorm, liveTensors, ones, Rng, ShapeError, scope, stateDict, sum, zeros } from '@multihead/tensor';
import type {} from '@multihead/tensor/testing';
import { describe, expect, it } from 'vitest';
import { dispose, random, statistics } from './models.js';

const rng = () => new Rng(2);
const shapes = (layer: object) => [...stateDict(layer)].map(([name, { shape }]) => [name, shape]);

describe('convolutions', () => {
  it("have PyTorch's names and layouts", () => {
    const [one, two, bare] = [new Conv1d(6, 4, 3, { groups: 2 }), new Conv2d(3, 8, [2, 5]), new Conv2d(3, 8, 4, { bias: false })];
    expect(shapes(one)).toEqual([['weight', [4, 3, 3]], ['bias', [4]]]); // biome-ignore format: a list
    expect(shapes(two)).toEqual([['weight', [8, 3, 2, 5]], ['bias', [8]]]); // biome-ignore format: a list
    expect(shapes(bare)).toEqual([['weight', [8, 3, 4, 4]]]);
    dispose(one, two, bare);
  });

  it('are conv1d and conv2d with their own weights and options', async () => {
    using _ = scope();
    const options = { stride: 2, padding: 1, dilation: 2 };
    const one = new Conv1d(4, 6, 3, { ...options, groups: 2, rng: rng() });
    const x = random([2, 4, 9]);
    expect(await one.forward(x).data()).toEqual(await conv1d(x, one.weight, one.bias, { ...options, groups: 2 }).data());
    const two = new Conv2d(3, 5, 4, { stride: 4, rng: rng() });
    const image = random([2, 3, 8, 12]);
    expect(two.forward(image).shape).toEqual([2, 5, 2, 3]);
    expect(await two.forward(image).data()).toEqual(await conv2d(image, two.weight, two.bias, { stride: 4 }).data());
    const same = new Conv1d(4, 4, 3, { padding: 'same', bias: false, rng: rng() });
    expect(same.forward(x).shape).toEqual([2, 4, 9]);
    expect(() => two.forward(x)).toThrow(ShapeError);
    dispose(one, two, same);
  });

  it('begin uniform within ±1/√fan in, weight and bias', async () => {
    using _ = scope();
    const layer = new Conv2d(32, 128, 3, { groups: 2, rng: rng() });
    const bound = 1 / Math.sqrt(16 * 9);
    for (const parameter of [layer.weight, layer.bias!]) {
      const { min, max, mean } = await statistics(parameter);
      expect(Math.max(-min, max)).toBeLessThanOrEqual(bound);
      expect(Math.max(-min, max)).toBeGreaterThan(0.9 * bound);
      expect(Math.abs(mean)).toBeLessThan(0.25 * bound);
    }
    dispose(layer);
  });

  it('train every parameter without leaving anything behind', () => {
    const layer = new Conv1d(2, 3, 3, { rng: rng() });
    for (const t of stateDict(layer).values()) t.buffer; // first use
    const before = liveTensors();
    {
      using _ = scope();
      sum(layer.forward(ones([2, 2, 5]))).backward();
    }
    expect(liveTensors()).toBe(before + 2);
    for (const t of stateDict(layer).values()) expect(t.grad!.shape).toEqual(t.shape);
    dispose(layer);
  });
});

describe('GroupNorm', () => {
  it('gives each group mean 0 and variance 1, then scales and shifts by channel', async () => {
    using _ = scope();
    const layer = new GroupNorm(2, 4, { eps: 1e-3 });
    const x = random([2, 4, 50]);
    const rows = (await layer.forward(x).toArray()) as number[][][];
    for (const sample of rows) {
      const group = sample.slice(0, 2).flat();
      expect(group.reduce((a, b) => a + b, 0) / group.length).toBeCloseTo(0, 5);
      expect(group.reduce((a, b) => a + b * b, 0) / group.length).toBeCloseTo(1, 2);
    }
    expect(shapes(layer)).toEqual([['weight', [4]], ['bias', [4]]]); // biome-ignore format: a list
    const plain = new GroupNorm(2, 4, { eps: 1e-3, affine: false });
    expect(shapes(plain)).toEqual([]);
    expect(await plain.forward(x).data()).toEqual(await groupNorm(x, null, null, { groups: 2, eps: 1e-3 }).data());
    expect(() => layer.forward(zeros([2, 3]))).toThrow(ShapeError);
    dispose(layer);
  });
});
