import {
  batchNorm,
  batchNormTrain,
  composed,
  grad,
  groupNorm,
  instanceNorm,
  layerNorm,
  mul,
  ones,
  Rng,
  randn,
  reshape,
  rmsNorm,
  scope,
  square,
  sum,
  type Tensor,
  tensor,
  zeros,
} from '@multihead/tensor';
import { describe, expect, it } from 'vitest';
import { expectClose } from './expectations.js';

const random = (shape: number[], seed: number) => randn(shape, { rng: new Rng(seed), dtype: 'float64' });

/** (x - mean) / √(variance + eps) of the elements of `x` that `group` gives one number. */
function normalized(x: Tensor, eps: number, group: (sample: number, channel: number) => number): number[] {
  const [batch, channels] = x.shape as [number, number];
  const data = x.dataSync();
  const size = data.length / (batch * channels);
  const groupAt = Array.from(data, (_, i) => group(Math.floor(i / (channels * size)), Math.floor(i / size) % channels));
  return Array.from(data, (value, i) => {
    const own = Array.from(data).filter((_, j) => groupAt[j] === groupAt[i]);
    const mean = own.reduce((a, b) => a + b, 0) / own.length;
    const variance = own.reduce((a, b) => a + (b - mean) ** 2, 0) / own.length;
    return (value - mean) / Math.sqrt(variance + eps);
  });
}

describe('norms over channels', () => {
  it('groupNorm: over the groups of each sample', async () => {
    using _ = scope();
    const x = random([3, 6, 2, 2], 1);
    const expected = normalized(x, 0.1, (n, c) => n * 3 + Math.floor(c / 2));
    expectClose(await groupNorm(x, null, null, { groups: 3, eps: 0.1 }).data(), expected, 1e-12);
  });

  it('instanceNorm: over each channel of each sample', async () => {
    using _ = scope();
    const x = random([3, 4, 5], 2);
    expectClose(await instanceNorm(x, null, null, { eps: 0.1 }).data(), normalized(x, 0.1, (n, c) => n * 4 + c), 1e-12); // biome-ignore format: one call
  });

  it('batchNormTrain: over each channel of all samples', async () => {
    using _ = scope();
    for (const shape of [
      [5, 3],
      [2, 3, 4],
      [2, 3, 2, 2],
    ]) {
      // biome-ignore format: a table
      const x = random(shape, 3);
      expectClose(await batchNormTrain(x, null, null, { eps: 0.1 }).output.data(), normalized(x, 0.1, (_, c) => c), 1e-12); // biome-ignore format: one call
    }
  });

  it('scale and shift by channel', async () => {
    using _ = scope();
    const x = tensor([[[1, 3], [10, 30]]]); // biome-ignore format: a matrix
    const y = groupNorm(x, tensor([1, 10]), tensor([0, 100]), { groups: 2 });
    expectClose(await y.data(), [-1, 1, 90, 110], 1e-4);
  });
});

describe('statistics of a batch', () => {
  const x = () => tensor([[1, 10], [3, 50]]); // biome-ignore format: a matrix

  it("running ones move by PyTorch's rule, with the unbiased variance, and the old ones stay", async () => {
    using _ = scope();
    const running = { mean: zeros([2]), variance: ones([2]) };
    const trained = batchNormTrain(x(), null, null, { running });
    expectClose(await trained.batch.mean.data(), [2, 30]);
    expectClose(await trained.batch.variance.data(), [1, 400]);
    expectClose(await trained.running!.mean.data(), [0.2, 3]);
    expectClose(await trained.running!.variance.data(), [0.9 + 0.2, 0.9 + 80]);
    expect(await running.mean.toArray()).toEqual([0, 0]);
    expect(batchNormTrain(x()).running).toBe(null);
  });

  it("give ONNX's running ones, too: its momentum is the other share, its variance the biased one", async () => {
    using _ = scope();
    const { batch } = batchNormTrain(x());
    const momentum = 0.9;
    const mean = Array.from(await batch.mean.data(), (m) => momentum * 5 + (1 - momentum) * m);
    expectClose(mean, [4.7, 7.5]);
  });

  it('are what batchNorm gives back the same output for', async () => {
    using _ = scope();
    const { output, batch } = batchNormTrain(x());
    expectClose(await batchNorm(x(), null, null, batch).data(), await output.data());
  });

  it('let gradients through: what a batch adds to all elements of a channel changes nothing', async () => {
    using _ = scope();
    const input = tensor([[1, 10], [3, 50], [4, 20]], { requiresGrad: true }); // biome-ignore format: a matrix
    const weights = tensor([[1, 2], [3, 4], [-5, 6]]); // biome-ignore format: a matrix
    const [dx] = grad(sum(mul(batchNormTrain(input).output, weights)), [input]);
    const [a, b, c, d, e, f] = Array.from(await dx!.data()) as [number, number, number, number, number, number];
    expectClose([a + c + e, b + d + f], [0, 0], 1e-5);
    expect(Math.abs(a)).toBeGreaterThan(0.1);
  });
});

describe('layerNorm and rmsNorm', () => {
  it('over several axes are those over one, of rows that hold all of them', async () => {
    using _ = scope();
    const [x, w, b] = [random([2, 3, 4], 1), random([3, 4], 2), random([3, 4], 3)];
    const flat = (t: Tensor) => reshape(t, [12]);
    const rows = layerNorm(reshape(x, [2, 12]), flat(w), flat(b));
    expectClose(await layerNorm(x, w, b).data(), await rows.data());
    expectClose(await layerNorm(x, null, null, { shape: [3, 4] }).data(), await layerNorm(reshape(x, [2, 12])).data());
    expectClose(await rmsNorm(x, w).data(), await rmsNorm(reshape(x, [2, 12]), flat(w)).data());
  });

  it('of no rows give none, with gradients of 0 for the parameters', async () => {
    using _ = scope();
    const [w, b] = [ones([3], { requiresGrad: true }), zeros([3], { requiresGrad: true })];
    const y = layerNorm(zeros([0, 3]), w, b);
    expect(y.shape).toEqual([0, 3]);
    const grads = grad(sum(y), [w, b]);
    for (const g of grads) expect(await g!.toArray()).toEqual([0, 0, 0]);
    expect(groupNorm(zeros([0, 4, 2]), null, null, { groups: 2 }).shape).toEqual([0, 4, 2]);
    expect(rmsNorm(zeros([2, 0])).shape).toEqual([2, 0]);
  });

  it('with eps 0 divide by nothing else, and give NaN where all elements are equal', async () => {
    using _ = scope();
    expectClose(await layerNorm(tensor([[1e-4, 3e-4], [2, 2]]), null, null, { eps: 0 }).data(), [-1, 1, Number.NaN, Number.NaN], 1e-5); // biome-ignore format: a matrix
    expectClose(await rmsNorm(tensor([3e-6, -3e-6]), null, { eps: 0 }).data(), [1, -1]);
  });

  it("rmsNorm has PyTorch's eps: the machine epsilon of the type", async () => {
    using _ = scope();
    const tiny = 1e-4;
    const expected = (eps: number) => tiny / Math.sqrt(tiny * tiny + eps);
    expectClose([await rmsNorm(tensor([tiny])).item()], [expected(2 ** -23)]);
    expectClose([await rmsNorm(tensor(Float64Array.of(tiny))).item()], [expected(2 ** -52)], 1e-12);
  });

  it('groupNorm can be differentiated twice inside composed()', async () => {
    using _ = scope();
    const x = tensor([[1, 2, 4, 3]], { requiresGrad: true });
    const [first] = composed(() => grad(sum(square(groupNorm(x, null, null, { groups: 1, eps: 1 }))), [x], { createGraph: true }));
    const [second] = grad(sum(square(first!)), [x]);
    expect((await second!.data()).some((v) => v !== 0)).toBe(true);
  });
});
