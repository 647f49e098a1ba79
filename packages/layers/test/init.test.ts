import { constant, Embedding, FeedForward, kaimingUniform, Linear, normal, uniform, xavierUniform } from '@multihead/layers';
import { type Initializer, param, Rng, scope, stateDict } from '@multihead/tensor';
import { describe, expect, it } from 'vitest';
import { dispose, statistics } from './models.js';

const rng = () => new Rng(11);
const shape = [100, 60];

/** Of a uniform distribution on ±bound: √(bound² / 3). The mean of n draws is off by less than four standard errors. */
const uniformCases: [string, Initializer, number][] = [
  ['xavierUniform: ±√(6 / (fan in + fan out))', xavierUniform(rng()), Math.sqrt(6 / 160)],
  ['kaimingUniform: ±1/√fan in', kaimingUniform(rng()), 1 / Math.sqrt(60)],
];

describe('initialisers', () => {
  for (const [name, init, bound] of uniformCases) {
    it(name, async () => {
      using _ = scope();
      const w = param(shape, init);
      const { mean, std, min, max } = await statistics(w);
      expect(Math.abs(mean)).toBeLessThan((4 * std) / Math.sqrt(6000));
      expect(std / (bound / Math.sqrt(3))).toBeCloseTo(1, 1);
      expect(min).toBeGreaterThanOrEqual(-bound);
      expect(max).toBeLessThanOrEqual(bound);
      expect(max).toBeGreaterThan(0.98 * bound);
      expect(min).toBeLessThan(-0.98 * bound);
      w.dispose();
    });
  }

  it('fan in and fan out of a convolution count its window', async () => {
    using _ = scope();
    const [kaiming, xavier] = [param([8, 4, 3, 3], kaimingUniform(rng())), param([8, 4, 3, 3], xavierUniform(rng()))];
    const [a, b] = [await statistics(kaiming), await statistics(xavier)];
    for (const [{ max }, bound] of [
      [a, 1 / Math.sqrt(36)],
      [b, Math.sqrt(6 / (36 + 72))],
    ] as const) {
      // biome-ignore format: pairs
      expect(max).toBeLessThanOrEqual(bound);
      expect(max).toBeGreaterThan(0.9 * bound);
    }
    dispose([kaiming, xavier]);
  });

  it('normal and uniform have the moments and limits that they are given', async () => {
    using _ = scope();
    const [n, u] = [param(shape, normal(rng(), 0.02, 1)), param(shape, uniform(rng(), -1, 3))];
    const [a, b] = [await statistics(n), await statistics(u)];
    expect(a.mean).toBeCloseTo(1, 2);
    expect(a.std).toBeCloseTo(0.02, 2);
    expect(a.std).toBeGreaterThan(0.019);
    expect(b.mean).toBeCloseTo(1, 0);
    expect([Math.round(b.min), Math.round(b.max)]).toEqual([-1, 3]);
    const c = param([3], constant(7));
    expect(await c.toArray()).toEqual([7, 7, 7]);
    dispose([n, u, c]);
  });
});

describe('layers begin as in PyTorch', () => {
  it('Linear: weight and bias within ±1/√in', async () => {
    using _ = scope();
    const layer = new Linear(100, 50, { rng: rng() });
    for (const t of [layer.weight, layer.bias!]) {
      const { min, max } = await statistics(t);
      expect([min >= -0.1, max <= 0.1, max > 0.08, min < -0.08]).toEqual([true, true, true, true]);
    }
    dispose(layer);
  });

  it('Linear with an initialiser of its own has bias 0; Embedding is standard normal', async () => {
    using _ = scope();
    const layer = new Linear(10, 5, { rng: rng(), init: constant(2) });
    expect(await statistics(layer.weight)).toEqual({ mean: 2, std: 0, min: 2, max: 2 });
    expect(await statistics(layer.bias!)).toEqual({ mean: 0, std: 0, min: 0, max: 0 });
    const table = new Embedding(200, 50, { rng: rng() });
    const { mean, std } = await statistics(table.weight);
    expect(Math.abs(mean)).toBeLessThan(0.04);
    expect(std).toBeCloseTo(1, 1);
    dispose(layer, table);
  });

  it('the same seed gives the same model, and its layers differ from one another', async () => {
    using _ = scope();
    const make = () => new FeedForward(6, 6, { rng: rng() });
    const [a, b] = [make(), make()];
    for (const [name, t] of stateDict(a)) expect(await t.data()).toEqual(await stateDict(b).get(name)!.data());
    expect(await a.linear1.weight.data()).not.toEqual(await a.linear2.weight.data());
    dispose(a, b);
  });

  it('without an rng, what would be drawn has to be loaded; what is constant is there', async () => {
    using _ = scope();
    const layer = new Linear(2, 2);
    expect(() => layer.weight.buffer).toThrow(/make the model with \{ rng \}, or load a checkpoint/);
    dispose(layer);
  });
});
