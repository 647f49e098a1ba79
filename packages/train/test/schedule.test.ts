import { clipGradNorm, clipGradValue, constantRate, noam, warmupCosine } from '@multihead/train';
import { keep, liveTensors, scope, type Tensor, tensor, ValueError } from '@multihead/tensor';
import type {} from '@multihead/tensor/testing';
import { describe, expect, it } from 'vitest';

describe('schedules', () => {
  it("noam is the paper's formula, counted from step 1", () => {
    const schedule = noam({ dim: 512, warmup: 4000 });
    const formula = (step: number) => 512 ** -0.5 * Math.min(step ** -0.5, step * 4000 ** -1.5);
    for (const step of [1, 2, 3999, 4000, 4001, 100_000]) expect(schedule(step - 1)).toBeCloseTo(formula(step), 12);
    const rates = Array.from({ length: 10_000 }, (_, i) => schedule(i));
    expect(rates.indexOf(Math.max(...rates))).toBe(3999);
    expect(noam({ dim: 512, warmup: 4000, factor: 2 })(7)).toBeCloseTo(2 * schedule(7), 12);
  });

  it('warmupCosine rises in a line, falls along half a cosine, and stays at its floor', () => {
    const schedule = warmupCosine({ peak: 1, warmup: 10, total: 110, floor: 0.1 });
    expect([0, 4, 9].map(schedule)).toEqual([0.1, 0.5, 1]);
    expect([10, 60, 110, 500].map(schedule)).toBeAllclose([1, 0.55, 0.1, 0.1], { atol: 1e-12 });
    expect(schedule(35)).toBeCloseTo(0.1 + 0.9 * (0.5 + Math.SQRT1_2 / 2), 12);
    expect(warmupCosine({ peak: 2, warmup: 0, total: 4 })(0)).toBe(2);
  });

  it('constantRate is, and nonsense is refused by name', () => {
    expect([0, 99].map(constantRate(0.3))).toEqual([0.3, 0.3]);
    expect(() => noam({ dim: 0, warmup: 10 })).toThrow(/noam: dim: expected a number above 0, got 0/);
    expect(() => warmupCosine({ peak: 1, warmup: 10, total: 10 })).toThrow(/warmupCosine: total/);
  });
});

describe('clipping', () => {
  const withGrad = (...values: number[]): Tensor => {
    const p = keep(tensor(new Float32Array(values.length), { requiresGrad: true }));
    p.grad = keep(tensor(values));
    return p;
  };
  const grads = async (tensors: Tensor[]) => Promise.all(tensors.map(async (p) => Array.from(await p.grad!.data())));
  const free = (tensors: Tensor[]) => {
    for (const p of tensors) p.dispose();
  };

  it('by norm scales all gradients as one vector, and returns the norm that they had', async () => {
    using _ = scope();
    const ps = [withGrad(3, 0), withGrad(4)];
    expect(await clipGradNorm(ps, 1).item()).toBe(5);
    expect((await grads(ps)).flat()).toBeAllclose([0.6, 0, 0.8]);
    free(ps);
  });

  it('by norm leaves what is short enough, and clips by other norms', async () => {
    using _ = scope();
    const ps = [withGrad(3, 0), withGrad(-4)];
    await clipGradNorm(ps, 10).item();
    expect((await grads(ps)).flat()).toEqual([3, 0, -4]);
    expect(await clipGradNorm(ps, 10, { normType: 1 }).item()).toBeCloseTo(7, 5);
    expect(await clipGradNorm(ps, 2, { normType: Number.POSITIVE_INFINITY }).item()).toBe(4);
    expect((await grads(ps)).flat()).toBeAllclose([1.5, 0, -2]);
    free(ps);
  });

  it('a NaN makes all of them NaN, as in PyTorch', async () => {
    using _ = scope();
    const ps = [withGrad(Number.NaN), withGrad(1)];
    expect(await clipGradNorm(ps, 1).item()).toBe(Number.NaN);
    expect(await grads(ps)).toEqual([[Number.NaN], [Number.NaN]]);
    free(ps);
  });

  it('by value holds every element', async () => {
    using _ = scope();
    const ps = [withGrad(-3, 0.5, 3)];
    clipGradValue(ps, 1);
    expect(await grads(ps)).toEqual([[-1, 0.5, 1]]);
    free(ps);
  });

  it('skips parameters without a gradient, leaks nothing, and refuses nonsense', () => {
    using _ = scope();
    const [p, bare] = [withGrad(3), keep(tensor([1]))];
    const before = liveTensors();
    clipGradNorm([bare, p], 1).dispose();
    clipGradValue([bare, p], 1);
    expect([bare.grad, liveTensors()]).toEqual([null, before]);
    expect(() => clipGradNorm([bare], 1)).toThrow(/none of them has a gradient; call backward\(\) first/);
    expect(() => clipGradNorm([p], -1)).toThrow(ValueError);
    expect(() => clipGradValue([p], Number.NaN)).toThrow(/clipGradValue: limit: expected a number from 0, got NaN/);
    free([p, bare]);
  });
});
