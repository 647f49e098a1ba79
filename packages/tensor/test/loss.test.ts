import {
  bceWithLogits,
  crossEntropy,
  l1Loss,
  liveTensors,
  logSoftmax,
  mseLoss,
  reshape,
  Rng,
  randn,
  scope,
  smoothL1Loss,
  softmax,
  type Tensor,
  tensor,
  ValueError,
  zeros,
} from '@multihead/tensor';
import { describe, expect, it } from 'vitest';
import { expectClose, messageOf } from './expectations.js';

const ids = (...values: number[]) => tensor(Int32Array.from(values));
const nan = Number.NaN;

/** ln softmax of a row, in float64. */
function logProbabilities(row: number[]): number[] {
  const top = Math.max(...row);
  const total = Math.log(row.reduce((sum, x) => sum + Math.exp(x - top), 0)) + top;
  return row.map((x) => x - total);
}

describe('crossEntropy', () => {
  const rows = [[1, 2, 0.5], [0.1, -1, 3], [2, 2, -2]]; // biome-ignore format: a matrix
  const targets = [1, 2, 0];
  const logp = rows.map(logProbabilities);

  it('is -ln p of the target, by mean, by sum and by row', async () => {
    using _ = scope();
    const own = logp.map((row, i) => -row[targets[i]!]!);
    const total = own.reduce((a, b) => a + b, 0);
    const logits = tensor(rows);
    expectClose(await crossEntropy(logits, ids(...targets), { reduction: 'none' }).data(), own);
    expectClose([await crossEntropy(logits, ids(...targets), { reduction: 'sum' }).item()], [total]);
    expectClose([await crossEntropy(logits, ids(...targets)).item()], [total / 3]);
  });

  it('takes any leading axes, with the classes last', async () => {
    using _ = scope();
    const logits = reshape(tensor([...rows, ...rows]), [2, 3, 3]);
    const both = reshape(ids(...targets, ...targets), [2, 3]);
    const losses = crossEntropy(logits, both, { reduction: 'none' });
    expect(losses.shape).toEqual([2, 3]);
    const single = await crossEntropy(tensor(rows), ids(...targets)).item();
    expectClose([await crossEntropy(logits, both).item()], [single]);
  });

  it('spreads the smoothed share evenly over all classes', async () => {
    using _ = scope();
    const s = 0.1;
    const expected = logp.map((row, i) => -(1 - s) * row[targets[i]!]! - (s / 3) * row.reduce((a, b) => a + b, 0));
    expectClose(await crossEntropy(tensor(rows), ids(...targets), { labelSmoothing: s, reduction: 'none' }).data(), expected);
  });

  it('gives every logit p - y, divided by the number of rows that count', async () => {
    using _ = scope();
    const logits = tensor(rows, { requiresGrad: true });
    crossEntropy(logits, ids(1, -100, 0)).backward();
    const expected = logp.flatMap((row, i) => row.map((l, c) => (i === 1 ? 0 : (Math.exp(l) - Number([1, -1, 0][i] === c)) / 2)));
    expectClose(await logits.grad!.data(), expected);
  });

  it('leaves out ignored targets, whatever their index', async () => {
    using _ = scope();
    const logits = tensor(rows);
    const loss = crossEntropy(logits, ids(1, 0, 0), { ignoreIndex: 0, reduction: 'none' });
    expectClose(await loss.data(), [-logp[0]![1]!, 0, 0]);
    expectClose([await crossEntropy(logits, ids(1, 0, 0), { ignoreIndex: 0 }).item()], [-logp[0]![1]!]);
  });

  it('with every target ignored: mean NaN, sum 0, gradient 0', async () => {
    using _ = scope();
    for (const labelSmoothing of [0, 0.1]) {
      const logits = tensor(rows, { requiresGrad: true });
      const all = ids(-100, -100, -100);
      expect(await crossEntropy(logits, all, { reduction: 'sum', labelSmoothing }).item()).toBe(0);
      const mean = crossEntropy(logits, all, { labelSmoothing });
      expect(await mean.item()).toBe(nan);
      mean.backward();
      expectClose(await logits.grad!.data(), new Array(9).fill(0));
    }
  });

  it('weighs classes, and divides by the weights of the targets', async () => {
    using _ = scope();
    const weight = tensor([1, 2, 0.5]);
    const w = targets.map((t) => [1, 2, 0.5][t]!);
    const weighted = logp.map((row, i) => -w[i]! * row[targets[i]!]!);
    expectClose(await crossEntropy(tensor(rows), ids(...targets), { weight, reduction: 'none' }).data(), weighted);
    const mean = weighted.reduce((a, b) => a + b, 0) / w.reduce((a, b) => a + b, 0);
    expectClose([await crossEntropy(tensor(rows), ids(...targets), { weight }).item()], [mean]);
  });

  it('is finite for logits of 10³⁸ and for a class of probability 0', async () => {
    using _ = scope();
    const logits = tensor([[1e38, -1e38], [Number.NEGATIVE_INFINITY, 0]], { requiresGrad: true }); // biome-ignore format: a matrix
    const loss = crossEntropy(logits, ids(0, 1));
    expect(await loss.item()).toBe(0);
    loss.backward();
    expectClose(await logits.grad!.data(), [0, 0, 0, 0]);
  });

  it('refuses targets that are no class, and smoothing out of range', () => {
    using _ = scope();
    for (const wrong of [3, -1]) expect(() => crossEntropy(tensor(rows), ids(0, wrong, 0))).toThrow(ValueError);
    expect(messageOf(ValueError, () => crossEntropy(tensor(rows), ids(0, 0, 0), { labelSmoothing: 2 }))).toMatch(
      /labelSmoothing: expected 0 to 1/,
    );
  });

  it('leaves only the loss behind in noGrad work, and nothing after its scope', () => {
    const before = liveTensors();
    {
      using _ = scope();
      crossEntropy(randn([8, 5], { rng: new Rng(1), requiresGrad: true }), ids(0, 1, 2, 3, 4, 0, 1, 2)).backward();
    }
    expect(liveTensors()).toBe(before);
  });
});

describe('softmax', () => {
  it('is e^x over the sum, along any axis, without overflow', async () => {
    using _ = scope();
    const rows = [[1, 2, 3], [1e4, 1e4, -1e4]]; // biome-ignore format: a matrix
    expectClose(await softmax(tensor(rows)).data(), rows.flatMap(logProbabilities).map(Math.exp));
    expectClose(await logSoftmax(tensor(rows)).data(), rows.flatMap(logProbabilities));
    expectClose(await softmax(tensor([[0, 5], [0, 5]]), 0).data(), [0.5, 0.5, 0.5, 0.5]); // biome-ignore format: one call
    expectClose(await softmax(tensor([3.4e38, -3.4e38])).data(), [1, 0]);
  });

  it('of a row of -∞ is NaN, and an empty one is empty', async () => {
    using _ = scope();
    const minus = Number.NEGATIVE_INFINITY;
    expect(await softmax(tensor([[minus, minus], [minus, 0]])).toArray()).toEqual([[nan, nan], [0, 1]]); // biome-ignore format: one call
    expect(await logSoftmax(tensor([minus, minus])).toArray()).toEqual([nan, nan]);
    expect(softmax(zeros([2, 0])).shape).toEqual([2, 0]);
  });
});

describe('other losses', () => {
  const cases: [string, (x: Tensor, y: Tensor) => Tensor, number[]][] = [
    ['mseLoss', (x, y) => mseLoss(x, y, { reduction: 'none' }), [0.25, 4, 0]],
    ['l1Loss', (x, y) => l1Loss(x, y, { reduction: 'none' }), [0.5, 2, 0]],
    ['smoothL1Loss', (x, y) => smoothL1Loss(x, y, { reduction: 'none' }), [0.125, 1.5, 0]],
    ['smoothL1Loss, beta 4', (x, y) => smoothL1Loss(x, y, { beta: 4, reduction: 'none' }), [0.03125, 0.5, 0]],
    ['mseLoss, mean', (x, y) => mseLoss(x, y), [4.25 / 3]],
    ['l1Loss, sum', (x, y) => l1Loss(x, y, { reduction: 'sum' }), [2.5]],
  ];
  for (const [name, loss, expected] of cases) {
    it(name, async () => {
      using _ = scope();
      expectClose(await loss(tensor([1, -1, 3]), tensor([0.5, 1, 3])).data(), expected);
    });
  }

  it('bceWithLogits, without overflow', async () => {
    using _ = scope();
    const losses = bceWithLogits(tensor([0, 2, 1000, -1000]), tensor([1, 0, 0, 1]), { reduction: 'none' });
    expectClose(await losses.data(), [Math.LN2, 2 + Math.log1p(Math.exp(-2)), 1000, 1000]);
  });
});
