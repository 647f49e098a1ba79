import { readdirSync } from 'node:fs';
import * as exported from '@multihead/tensor';
import { cast, concat, cpu, flatten, grad, Rng, square, sum, type Tensor, tensor, tidy } from '@multihead/tensor';
import { failOnLeak, gradcheck, gradgradcheck } from '@multihead/tensor/testing';
import { describe, expect, it } from 'vitest';
import type { OpSample } from '../src/testing/op-case.js';
import { opCases } from '../src/testing/op-cases/index.js';
import { type Layout, layOut } from '../src/testing/op-runner.js';

failOnLeak();

type Fn = (...xs: Tensor[]) => Tensor;

/** All float outputs of a sample as one vector, and the tensors to differentiate by; null if no gradient reaches an output. */
function asFunction(sample: OpSample, layout: Layout): { fn: Fn; inputs: Tensor[] } | null {
  const backend = cpu();
  const laid = sample.inputs.map((input) => layOut(input, layout, backend, 'float64'));
  const outputs = (...xs: Tensor[]): Tensor[] => {
    const result = sample.run(...xs.map((x, i) => laid[i]!.view(x)));
    return ((Array.isArray(result) ? result : [result]) as Tensor[]).filter((y) => y.dtype === 'float64');
  };
  const inputs = laid.map(({ leaf }) => leaf);
  const reached = tidy(() => outputs(...inputs).some((y) => y.requiresGrad));
  return reached ? { fn: (...xs) => concat(outputs(...xs).map((y) => flatten(y))), inputs } : null;
}

describe('every op', () => {
  for (const op of opCases.filter(({ asynchronous }) => !asynchronous)) {
    const smooth = op.samples(new Rng(2)).filter((sample) => sample.differentiable !== false && sample.differences !== false);
    const check = (layout: Layout, samples: readonly OpSample[], verify: (fn: Fn, inputs: Tensor[]) => void) => {
      for (const sample of samples) {
        tidy(() => {
          const f = asFunction(sample, layout);
          try {
            if (f) verify(f.fn, f.inputs);
          } catch (error) {
            throw new Error(`${op.name} ${sample.what}: ${error instanceof Error ? error.message : error}`, { cause: error });
          }
        });
      }
    };
    it(`${op.name}: the gradient is the derivative`, () => check('dense', smooth, gradcheck));
    it(`${op.name}: so it is by way of strided views`, () => {
      check('strided', smooth, (fn, inputs) => gradcheck(fn, inputs, { fullJacobian: 0 }));
    });
    it(`${op.name}: the gradient's gradient is the second derivative`, () => {
      const twice = smooth.filter((sample) => sample.twice !== false);
      check('dense', twice, (fn, inputs) => gradgradcheck(fn, inputs, { fullJacobian: 16 }));
    });
  }
});

describe('the op table', () => {
  it('has one row for each exported op', async () => {
    const folder = new URL('../src/ops/', import.meta.url);
    const modules = await Promise.all(
      readdirSync(folder)
        .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
        .map((file) => import(/* @vite-ignore */ new URL(file, folder).href) as Promise<object>),
    );
    const fromOps = new Set<unknown>(modules.flatMap((module) => Object.values(module)).filter((value) => typeof value === 'function'));
    const fromAutograd = ['broadcastTo', 'contiguous', 'detach'];
    const ops = Object.entries<unknown>(exported).filter(([name, value]) => fromOps.has(value) || fromAutograd.includes(name));
    expect(opCases.map(({ name }) => name).sort()).toEqual(ops.map(([name]) => name).sort());
  });

  it('reaches the gradient of every op but these', () => {
    const without = opCases.filter((op) => {
      if (op.asynchronous) return false;
      const smooth = op.samples(new Rng(2)).filter((sample) => sample.differentiable !== false);
      return tidy(() => smooth.every((sample) => asFunction(sample, 'dense') === null));
    });
    // biome-ignore format: a list
    expect(without.map(({ name }) => name)).toEqual([
      'tensor', 'full', 'fullLike', 'zeros', 'ones', 'zerosLike', 'onesLike', 'arange', 'linspace', 'logspace', 'eye', 'rand', 'randn',
      'uniform', 'normal', 'truncatedNormal', 'bernoulli', 'categorical', 'permutation', 'detach', 'cast', 'isnan', 'isinf', 'isfinite',
      'logicalNot', 'eq', 'ne', 'lt', 'le', 'gt', 'ge', 'logicalAnd', 'logicalOr', 'logicalXor', 'any', 'all', 'argmax', 'argmin', 'oneHot', 'argsort', 'assign',
      'adamStep',
    ]);
  });

  // Differences in float32 say nothing, and only the CPU has two float types.
  it('leaves out that casts between float types pass gradients on', () => {
    tidy(() => {
      const x = tensor(Float64Array.from([1, 2, 3]), { requiresGrad: true });
      const [g] = grad(sum(square(cast(x, 'float32'))), [x]);
      expect(g!.dtype).toBe('float64');
      expect(Array.from(g!.dataSync())).toEqual([2, 4, 6]);
    });
  });

  it('has samples in every row', () => {
    expect(opCases.filter((op) => op.samples(new Rng(0)).length === 0).map(({ name }) => name)).toEqual([]);
  });
});
