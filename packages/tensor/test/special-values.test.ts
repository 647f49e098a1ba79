import {
  all,
  any,
  bceLoss,
  celu,
  clamp,
  cummax,
  cummin,
  cumprod,
  cumsum,
  exp2,
  floorDivide,
  hardSigmoid,
  hardshrink,
  hardtanh,
  isfinite,
  isinf,
  klDiv,
  lerp,
  log10,
  log2,
  logaddexp,
  logcumsumexp,
  max,
  mean,
  min,
  mul,
  nanToNum,
  nllLoss,
  norm,
  normalize,
  prelu,
  relu6,
  scope,
  selu,
  softplus,
  softshrink,
  std,
  sum,
  type Tensor,
  tensor,
  threshold,
  variance,
  zeros,
} from '@multihead/tensor';
import { describe, expect, it } from 'vitest';
import { expectClose, numbers } from './expectations.js';

/* Where functions have kinks, infinities and nothing to work on. The values are those of PyTorch. */

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

/** The gradients of Σ f by each of the tensors that `data` are made to. */
async function slopes(f: (...xs: Tensor[]) => Tensor, ...data: number[][]): Promise<(number[] | null)[]> {
  using _ = scope();
  const leaves = data.map((values) => tensor(values, { requiresGrad: true }));
  sum(f(...leaves)).backward();
  const found = await numbers(...leaves.map((leaf) => leaf.grad));
  for (const leaf of leaves) leaf.dispose();
  return found;
}

async function values(x: Tensor): Promise<number[]> {
  return Array.from(await x.data());
}

describe('floorDivide', () => {
  it('floors, and has the signs of zeros and infinities that PyTorch has', async () => {
    using _ = scope();
    const cases: [a: number, b: number, quotient: number][] = [
      [7, 2, 3], [-7, 2, -4], [7, -2, -4], [-7, -2, 3], [6, 2, 3], [-6, 2, -3], [1, 3, 0], [-1, 3, -1], [-1, -3, 0], [0, -3, -0],
      [0, 3, 0], [-0, 3, -0], [1, 0, inf], [-1, 0, -inf], [1, -0, -inf], [0, 0, nan], [inf, 2, nan], [1, inf, 0], [-1, inf, -1], [nan, 1, nan],
    ]; // biome-ignore format: a table
    const [a, b] = [tensor(cases.map(([a]) => a)), tensor(cases.map(([, b]) => b))];
    expect(await values(floorDivide(a, b))).toEqual(cases.map(([, , quotient]) => quotient));
  });

  it('is right where the rounded quotient is an integer', async () => {
    using _ = scope();
    // 0.1 in float32 is a little more than a tenth, so that 1 has it nine times.
    expect(await values(floorDivide(tensor([1, 0.3]), tensor([0.1, 0.1])))).toEqual([9, 3]);
  });

  it('of int32 floors too, to the ends of its range', async () => {
    using _ = scope();
    const ids = tensor(Int32Array.of(7, -7, -1, -(2 ** 31), 2 ** 31 - 1));
    expect(await values(floorDivide(ids, 2))).toEqual([3, -4, -1, -(2 ** 30), 2 ** 30 - 1]);
    expect(await values(floorDivide(ids, -3))).toEqual([-3, 2, 0, 715827882, -715827883]);
    expect(await values(floorDivide(ids, 0))).toEqual([0, 0, 0, 0, 0]);
  });
});

describe('powers and logarithms', () => {
  it('log2, log10 and exp2 are exact where the answer is an integer', async () => {
    using _ = scope();
    const exponents = Array.from({ length: 254 }, (_, i) => i - 126);
    const powers = tensor(exponents.map((k) => 2 ** k));
    expect(await values(log2(powers))).toEqual(exponents);
    expect(await values(exp2(tensor(exponents)))).toEqual(exponents.map((k) => 2 ** k));
    const tens = Array.from({ length: 39 }, (_, i) => i);
    expect(await values(log10(tensor(tens.map((k) => 10 ** k))))).toEqual(tens);
    expect(await values(log10(tensor([0.1, 0.01, 0.001])))).toEqual([-1, -2, -3]);
  });

  it('have their limits', async () => {
    using _ = scope();
    expect(await values(log2(tensor([0, -1, inf, nan])))).toEqual([-inf, nan, inf, nan]);
    expect(await values(exp2(tensor([-inf, inf, nan, 128])))).toEqual([0, inf, nan, inf]);
  });

  it('logaddexp neither overflows nor loses an infinity, and -∞ gets no gradient', async () => {
    using _ = scope();
    const [a, b] = [tensor([1000, -inf, -inf, inf, inf, nan]), tensor([1000, -inf, 2, inf, -inf, 0])];
    expectClose(await values(logaddexp(a, b)), [1000 + Math.LN2, -inf, 2, inf, inf, nan]);
    expect(await slopes(logaddexp, [-inf, -inf, 3], [-inf, 2, 3])).toEqual([
      [0, 0, 0.5],
      [0, 1, 0.5],
    ]);
  });
});

describe('what is not finite', () => {
  it('is found and replaced', async () => {
    using _ = scope();
    const x = tensor([nan, inf, -inf, 1]);
    expect(await isinf(x).toArray()).toEqual([false, true, true, false]);
    expect(await isfinite(x).toArray()).toEqual([false, false, false, true]);
    const largest = 3.4028234663852886e38;
    expect(await values(nanToNum(x))).toEqual([0, largest, -largest, 1]);
    expect(await values(nanToNum(x, { nan: 7, posinf: 8 }))).toEqual([7, 8, -largest, 1]);
    expect(await slopes((x) => nanToNum(x), [nan, inf, -inf, 1])).toEqual([[0, 0, 0, 1]]);
  });
});

describe('bounds', () => {
  it('a tensor bound gets the gradient where it holds x, and where bounds cross the upper one does', async () => {
    const [x, low, high] = [
      [-2, 0, 2, 0.5, -1, 1],
      [-1, -1, -1, 1, -1, -1],
      [1, 1, 1, -1, 1, 1],
    ];
    expect(await slopes((x, low, high) => clamp(x, low, high), x!, low!, high!)).toEqual([
      [0, 1, 0, 0, 1, 1],
      [1, 0, 0, 0, 0, 0],
      [0, 0, 1, 1, 0, 0],
    ]);
    using _ = scope();
    expect(await values(clamp(tensor(x!), tensor(low!), tensor(high!)))).toEqual([-1, 0, 1, -1, -1, 1]);
    expect(await values(clamp(tensor([nan, 0]), tensor([0, nan])))).toEqual([nan, nan]);
  });

  it('lerp reaches both ends exactly', async () => {
    using _ = scope();
    const [a, b] = [tensor([1e8, 0.1]), tensor([1, 0.7])];
    expect(await values(lerp(a, b, 1))).toEqual(await values(b));
    expect(await values(lerp(a, b, tensor([0, 1])))).toEqual([1e8, Math.fround(0.7)]);
  });
});

describe('activations at their kinks', () => {
  it('have the gradients of PyTorch', async () => {
    expect(await slopes((x) => hardtanh(x), [-1, 0, 1, 2])).toEqual([[0, 1, 0, 0]]);
    expect(await slopes(relu6, [0, 3, 6, inf])).toEqual([[0, 1, 0, 0]]);
    expect(await slopes((x) => mul(hardSigmoid(x), 6), [-3, 3])).toEqual([[0, 0]]);
    expect(await slopes((x) => hardshrink(x), [-0.5, 0.5, 0.75])).toEqual([[0, 0, 1]]);
    expect(await slopes((x) => softshrink(x), [-0.5, 0.5, 0.75])).toEqual([[0, 0, 1]]);
    expect(await slopes((x) => threshold(x, 1, 5), [0, 1, 2])).toEqual([[0, 0, 1]]);
    expect(await slopes((x) => celu(x, 2), [0, 1])).toEqual([[1, 1]]);
    expectClose((await slopes(selu, [0]))[0]!, [1.6732632423543772 * 1.0507009873554805]);
    expect(await slopes(prelu, [0, -2, 2, inf], [0.25])).toEqual([[0.25, 0.25, 1, 1], [-2]]);
  });

  it('pass NaN on', async () => {
    using _ = scope();
    for (const f of [hardtanh, relu6, hardSigmoid, hardshrink, softshrink, celu, selu, softplus] as ((x: Tensor) => Tensor)[]) {
      expect(await values(f(tensor([nan]))), f.name).toEqual([nan]);
    }
  });

  it('softplus is x itself above its threshold', async () => {
    using _ = scope();
    expect(await values(softplus(tensor([0.25]), { beta: 2, threshold: 0.4 }))).toEqual([0.25]);
    expectClose(await values(softplus(tensor([0.25]), { beta: 2 })), [Math.log1p(Math.exp(0.5)) / 2]);
  });
});

describe('reductions', () => {
  it('of nothing, and of one', async () => {
    using _ = scope();
    const nothing = zeros([2, 0]);
    expect(await values(mean(nothing, { axis: 1 }))).toEqual([nan, nan]);
    expect(await values(variance(nothing, { axis: 1 }))).toEqual([nan, nan]);
    expect(await values(std(tensor([[1], [2]]), { axis: 1 }))).toEqual([nan, nan]);
    expect(await values(std(tensor([[1], [2]]), { axis: 1, correction: 0 }))).toEqual([0, 0]);
    expect(await values(norm(nothing, { axis: 1 }))).toEqual([0, 0]);
    expect([await any(nothing).toArray(), await all(nothing).toArray()]).toEqual([false, true]);
    expect(await any(tensor([0, -0, nan])).toArray()).toBe(true);
    expect(cumsum(nothing, 1, { exclusive: true }).shape).toEqual([2, 0]);
  });

  it('max and min give the gradient to the first of equals, and NaN wins', async () => {
    expect(await slopes((x) => max(x).values, [1, 3, 3])).toEqual([[0, 1, 0]]);
    expect(await slopes((x) => min(x).values, [1, 3, 1])).toEqual([[1, 0, 0]]);
    using _ = scope();
    const { values: best, indices } = max(tensor([1, nan, 5]));
    expect([await best.item(), await indices.item()]).toEqual([nan, 1]);
  });

  it('norms of the zero vector have gradient 0, and ∞ shares it', async () => {
    for (const p of [1, 1.5, 2, 3, 0.5, -1, inf, -inf]) expect(await slopes((x) => norm(x, { p }), [0, 0]), String(p)).toEqual([[0, 0]]);
    expect(await slopes((x) => norm(x, { p: inf }), [2, -2, 1])).toEqual([[0.5, -0.5, 0]]);
    expect(await slopes((x) => norm(x, { p: 0.5 }), [0, 4])).toEqual([[0, 1]]);
    expect(await slopes((x) => normalize(x), [0, 0])).toEqual([[1e12, 1e12].map(Math.fround)]);
  });

  it('norms of large and small numbers neither overflow nor vanish', async () => {
    using _ = scope();
    expectClose([(await norm(tensor([3e30, 4e30])).item()) / 5e30, (await norm(tensor([3e-30, 4e-30])).item()) / 5e-30], [1, 1]);
    expect(await norm(tensor([inf, 1])).item()).toBe(inf);
    expect(await norm(tensor([nan, 1])).item()).toBe(nan);
  });
});

describe('running reductions', () => {
  it('cumprod has the right gradient before, at and behind zeros', async () => {
    // y = [2, 0, 0, 0]: d/dx0 = 1 + 0, d/dx1 = 2 + 2·3 + 2·3·4, d/dx2 = d/dx3 = 0
    expect(await slopes((x) => cumprod(x, 0), [2, 0, 3, 4])).toEqual([[1, 32, 0, 0]]);
    expect(await slopes((x) => cumprod(x, 0), [0, 0, 5])).toEqual([[1, 0, 0]]);
  });

  it('cummax and cummin name the last of equals and every NaN', async () => {
    using _ = scope();
    const up = cummax(tensor([1, 1, nan, 3, nan]), 0);
    expect(await numbers(up.values, up.indices)).toEqual([
      [1, 1, nan, nan, nan],
      [0, 1, 2, 2, 4],
    ]);
    const down = cummin(tensor([2, 2, 1, 3]), 0);
    expect(await numbers(down.values, down.indices)).toEqual([
      [2, 2, 1, 1],
      [0, 1, 2, 2],
    ]);
    expect(await slopes((x) => cummax(x, 0).values, [1, 3, 2, 3])).toEqual([[1, 2, 0, 1]]);
  });

  it('logcumsumexp takes -∞ for nothing', async () => {
    using _ = scope();
    expectClose(await values(logcumsumexp(tensor([-inf, 0, 0, 1000]), 0)), [-inf, 0, Math.LN2, 1000]);
    const [slope] = await slopes((x) => logcumsumexp(x, 0), [-inf, -inf, 5]);
    expect(slope).toEqual([1, 0, 1]); // the first result is the first element itself
  });
});

describe('losses at their edges', () => {
  it('nllLoss of nothing but ignored targets', async () => {
    using _ = scope();
    const logp = tensor([[-1, -2]], { requiresGrad: true });
    const targets = tensor(Int32Array.of(-100));
    expect(await nllLoss(logp, targets).item()).toBe(nan);
    expect(await nllLoss(logp, targets, { reduction: 'sum' }).item()).toBe(0);
  });

  it('klDiv counts a target of 0 as 0, bceLoss holds its logarithms at -100', async () => {
    using _ = scope();
    expectClose([await klDiv(tensor([-1, -2]), tensor([0, 1]), { reduction: 'sum' }).item()], [2]);
    expectClose(await values(bceLoss(tensor([0, 1, 0, 1]), tensor([1, 0, 0, 1]), { reduction: 'none' })), [100, 100, 0, 0]);
    const [slope] = await slopes((p) => bceLoss(p, tensor([1, 0]), { reduction: 'sum' }), [0, 1]);
    expectClose(slope!, [-1e12, 1e12], 1e-6);
  });
});
