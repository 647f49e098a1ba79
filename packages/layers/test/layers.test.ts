import { Dropout, Embedding, FeedForward, LayerNorm, Linear, RMSNorm } from '@multihead/layers';
import {
  add,
  gelu,
  liveTensors,
  matmul,
  ones,
  relu,
  Rng,
  ShapeError,
  scope,
  stateDict,
  sum,
  tensor,
  transpose,
  zeros,
} from '@multihead/tensor';
import type {} from '@multihead/tensor/testing';
import { describe, expect, it } from 'vitest';
import { dispose, random, statistics } from './models.js';

const rng = () => new Rng(2);

describe('Linear', () => {
  it('is x · weightᵀ + bias for any leading axes, then the activation', async () => {
    using _ = scope();
    const layer = new Linear(4, 3, { rng: rng() });
    const x = random([2, 5, 4]);
    const expected = add(matmul(x, transpose(layer.weight)), layer.bias!);
    expect(layer.forward(x).shape).toEqual([2, 5, 3]);
    expect(await layer.forward(x).data()).toBeAllclose(await expected.data());
    expect(await layer.forward(x, 'relu').data()).toBeAllclose(await relu(expected).data());
    expect(await layer.forward(x, 'gelu').data()).toBeAllclose(await gelu(expected).data());
    dispose(layer);
  });

  it('goes without a bias, and says which shapes do not fit', () => {
    using _ = scope();
    const layer = new Linear(4, 3, { rng: rng(), bias: false });
    expect([...stateDict(layer).keys()]).toEqual(['weight']);
    expect(() => layer.forward(zeros([2, 5]))).toThrow(/linear: .* got x \[2, 5\], weight \[3, 4\]/);
    dispose(layer);
  });
});

describe('Embedding', () => {
  it('gives the row of each id, and names an id that has none', async () => {
    using _ = scope();
    const table = new Embedding(4, 2, { rng: rng() });
    const rows = (await table.weight.toArray()) as number[][];
    const ids = tensor(Int32Array.of(3, 0, 3, 1), { shape: [2, 2] });
    expect(await table.forward(ids).toArray()).toEqual([[rows[3], rows[0]], [rows[3], rows[1]]]); // biome-ignore format: a matrix
    expect(() => table.forward(tensor(Int32Array.of(1, 4)))).toThrow(/4/);
    dispose(table);
  });
});

describe('norms', () => {
  it('LayerNorm gives each row mean 0 and variance 1, over one axis or more', async () => {
    using _ = scope();
    const x = add(random([3, 8, 4]), 5);
    const layer = new LayerNorm(4);
    for (const row of (await layer.forward(x).toArray()) as number[][][]) {
      const { mean, std } = await statistics(tensor(row[0]!));
      expect([mean, std]).toBeAllclose([0, 1], { atol: 1e-3 });
    }
    const wide = new LayerNorm([8, 4]);
    const { mean, std } = await statistics(tensor(((await wide.forward(x).toArray()) as number[][][])[1]!));
    expect([mean, std]).toBeAllclose([0, 1], { atol: 1e-3 });
    expect([...stateDict(layer).keys()]).toEqual(['weight', 'bias']);
    const plain = new LayerNorm(4, { bias: false });
    expect([...stateDict(plain).keys()]).toEqual(['weight']);
    expect(() => layer.forward(zeros([2, 3]))).toThrow(ShapeError);
    dispose(layer, wide, plain);
  });

  it('eps is what keeps a constant row finite', async () => {
    using _ = scope();
    const [layer, rms] = [new LayerNorm(2, { eps: 1 }), new RMSNorm(2, { eps: 1 })];
    expect(await layer.forward(tensor([1, 3])).data()).toBeAllclose([-1 / Math.SQRT2, 1 / Math.SQRT2]);
    expect(await rms.forward(tensor([1, 1])).data()).toBeAllclose([1 / Math.SQRT2, 1 / Math.SQRT2]);
    dispose(layer, rms);
  });

  it('RMSNorm gives each row mean square 1, and keeps its direction', async () => {
    using _ = scope();
    const layer = new RMSNorm(3);
    expect(await layer.forward(tensor([2, -2, 2])).data()).toBeAllclose([1, -1, 1]);
    expect([...stateDict(layer).keys()]).toEqual(['weight']);
    const wide = new RMSNorm([2, 2]);
    expect(await wide.forward(tensor([[2, 0], [0, 2]])).data()).toBeAllclose([Math.SQRT2, 0, 0, Math.SQRT2]); // biome-ignore format: a matrix
    dispose(layer, wide);
  });
});

describe('FeedForward', () => {
  it('is linear2(activation(linear1(x)))', async () => {
    using _ = scope();
    const layer = new FeedForward(4, 16, { rng: rng(), activation: 'gelu' });
    const x = random([2, 3, 4]);
    const expected = layer.linear2.forward(gelu(layer.linear1.forward(x)));
    expect(await layer.forward(x).data()).toBeAllclose(await expected.data());
    expect([...stateDict(layer).keys()]).toEqual(['linear1.weight', 'linear1.bias', 'linear2.weight', 'linear2.bias']);
    dispose(layer);
  });

  it('is ReLU by default, and trains every parameter without leaving anything behind', () => {
    const layer = new FeedForward(4, 8, { rng: rng() });
    for (const t of stateDict(layer).values()) t.buffer; // first use
    const before = liveTensors();
    {
      using _ = scope();
      sum(layer.forward(ones([2, 4]))).backward();
    }
    expect(liveTensors()).toBe(before + 4);
    for (const t of stateDict(layer).values()) expect(t.grad!.shape).toEqual(t.shape);
    dispose(layer);
  });

  it('drops hidden units only with an rng', async () => {
    using _ = scope();
    const layer = new FeedForward(4, 16, { rng: rng(), dropout: 0.5 });
    const x = random([2, 4]);
    const plain = await layer.forward(x).data();
    expect(await layer.forward(x, {}).data()).toEqual(plain);
    expect(await layer.forward(x, { rng: rng() }).data()).not.toEqual(plain);
    dispose(layer);
  });
});

describe('Dropout', () => {
  it('acts if and only if there is an rng, reproducibly, and keeps the expectation', async () => {
    using _ = scope();
    const [layer, x] = [new Dropout(0.25), ones([20_000])];
    expect(layer.forward(x)).toBe(x);
    const y = await layer.forward(x, { rng: rng() }).data();
    expect(y).toEqual(await layer.forward(x, { rng: rng() }).data());
    expect(new Set(y)).toEqual(new Set([0, Math.fround(4 / 3)]));
    const { mean } = await statistics(tensor(y));
    expect(Math.abs(mean - 1)).toBeLessThan(0.017); // four standard errors
    expect([...stateDict(layer)]).toEqual([]);
  });
});
