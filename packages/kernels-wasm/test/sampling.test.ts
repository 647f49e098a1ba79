import {
  type Backend,
  bernoulli,
  categorical,
  cpu,
  normal,
  permutation,
  Rng,
  rand,
  randn,
  scope,
  type Tensor,
  tensor,
  truncatedNormal,
  uniform,
} from '@multihead/tensor';
import { expect, it } from 'vitest';
import { onBothBuilds } from './harness.js';

const shape = [7, 33];

/** The distributions of the toolkit on a backend, always from the same seed. */
const distributions: Record<string, (rng: Rng, backend: Backend) => Tensor> = {
  rand: (rng, backend) => rand(shape, { rng, backend }),
  randn: (rng, backend) => randn(shape, { rng, backend }),
  uniform: (rng, backend) => uniform(shape, { low: -1.7, high: 3.3, rng, backend }),
  normal: (rng, backend) => normal(shape, { mean: 0.3, std: 0.02, rng, backend }),
  truncatedNormal: (rng, backend) => truncatedNormal(shape, { std: 0.02, rng, backend }),
  bernoulli: (rng, backend) => bernoulli(shape, 0.3, { rng, backend }),
  'bernoulli of a tensor': (rng, backend) => bernoulli(shape, rand([33], { rng: new Rng(3), backend }), { rng }),
  categorical: (rng, backend) => categorical(rand([5, 1001], { rng: new Rng(4), backend }), { rng, samples: 200 }),
  permutation: (rng, backend) => permutation(100, { rng, backend }),
};

onBothBuilds('sampling', (bench) => {
  it.each(Object.entries(distributions))('%s draws what the CPU draws, bit for bit', async (_name, draw) => {
    using _ = scope();
    const [ours, reference] = [draw(new Rng(42), bench.backend), draw(new Rng(42), cpu())];
    expect(await ours.data()).toEqual(await reference.data());
  });

  it('categorical never draws a class of probability 0', async () => {
    using _ = scope();
    const weights = tensor([0, 3, 0, 1], { backend: bench.backend });
    const drawn = await categorical(weights, { rng: new Rng(1), samples: 5000 }).data();
    expect(new Set(drawn)).toEqual(new Set([1, 3]));
  });
});
