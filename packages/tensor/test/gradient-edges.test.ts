import {
  abs,
  adamStep,
  attention,
  bceWithLogits,
  clamp,
  elu,
  hardSwish,
  logSigmoid,
  logsumexp,
  maximum,
  minimum,
  ones,
  rsqrt,
  scope,
  smoothL1Loss,
  softplus,
  std,
  sum,
  type Tensor,
  tensor,
  zeros,
} from '@multihead/tensor';
import { it } from 'vitest';
import { expectClose } from './expectations.js';

/*
 * Where a definition and its derivative are delicate: kinks, infinities, NaN, overflow. The values are those of PyTorch 2.13.
 */

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

/** d(Σ f(x))/dx at each of the numbers. */
async function slope(f: (x: Tensor) => Tensor, at: number[]): Promise<number[]> {
  using _ = scope();
  const x = tensor(at, { requiresGrad: true });
  sum(f(x)).backward();
  const found = Array.from(await x.grad!.data());
  x.dispose();
  return found;
}

it('softplus and its kin have their one slope at 0', async () => {
  expectClose(await slope(softplus, [0, -0, inf, -inf, nan]), [0.5, 0.5, 1, 0, nan]);
  expectClose(await slope(logSigmoid, [0, -0]), [0.5, 0.5]);
  expectClose(await slope((x) => bceWithLogits(x, zeros([2]), { reduction: 'sum' }), [0, -0]), [0.5, 0.5]);
});

it('elu has the slope of its left side at 0, and passes on gradients at NaN', async () => {
  expectClose(await slope((x) => elu(x, 2), [0, -0, 1, -1, nan]), [2, 2, 1, 2 * Math.exp(-1), 1]);
});

it('hardSwish is flat on the left and steep on the right of its bend, out to the infinities', async () => {
  expectClose(await slope(hardSwish, [-inf, -4, -3, 0, 1, 3, 4, inf, nan]), [0, 0, 0, 0.5, 1 / 3 + 0.5, 1, 1, 1, 1]);
  using _ = scope();
  expectClose(await hardSwish(tensor([-4, -3, -1.5, 0, 3, inf, nan])).data(), [0, 0, -0.375, 0, 3, inf, nan]);
});

it('bceWithLogits differentiates to sigmoid(x) - y, and to -x by the probabilities', async () => {
  using _ = scope();
  const [x, y] = [tensor([-50, 0, 2, nan], { requiresGrad: true }), tensor([0, 0.25, 1, 1], { requiresGrad: true })];
  const losses = bceWithLogits(x, y, { reduction: 'none' });
  expectClose(await losses.data(), [Math.exp(-50), Math.log(2), Math.log1p(Math.exp(-2)), nan]);
  losses.backward(ones([4]));
  expectClose(await x.grad!.data(), [0, 0.25, -1 / (1 + Math.exp(2)), nan]);
  expectClose(await y.grad!.data(), [50, -0, -2, nan]);
});

it('no gradient comes out of a NaN that abs or clamp pass on', async () => {
  expectClose(await slope(abs, [nan, -2, 0, 3]), [0, -1, 0, 1]);
  expectClose(await slope((x) => clamp(x, -1, 1), [nan, -2, 0, 3]), [0, 0, 1, 0]);
  using _ = scope();
  expectClose(await clamp(tensor([nan, -2]), -1, 1).data(), [nan, -1]);
});

it('maximum and minimum halve ties, and give the whole gradient to both sides of a NaN', async () => {
  using _ = scope();
  for (const f of [maximum, minimum]) {
    const [a, b] = [tensor([1, 0.5, nan, nan, inf], { requiresGrad: true }), tensor([1, nan, 2, nan, inf], { requiresGrad: true })];
    sum(f(a, b)).backward();
    expectClose(await a.grad!.data(), [0.5, 1, 1, 1, 0.5]);
    expectClose(await b.grad!.data(), [0.5, 1, 1, 1, 0.5]);
  }
});

it('rsqrt falls at -0, too', async () => {
  expectClose(await slope(rsqrt, [0, -0, 4]), [-inf, inf, -1 / 16]);
});

it('std of equal numbers has slope 0', async () => {
  expectClose(await slope((x) => std(x), [3, 3, 3]), [0, 0, 0]);
  expectClose(await slope((x) => std(x), [3, nan]), [nan, nan]);
});

it('smoothL1Loss has slope 1 out to the infinities, and with beta 0 is l1Loss', async () => {
  expectClose(await slope((x) => smoothL1Loss(x, zeros([4]), { reduction: 'sum' }), [-inf, 0.5, 2, inf]), [-1, 0.5, 1, 1]);
  expectClose(await slope((x) => smoothL1Loss(x, zeros([3]), { beta: 0, reduction: 'sum' }), [-2, 0, 0.5]), [-1, 0, 1]);
});

it('logsumexp differentiates to exp(x - logsumexp(x)), where that is NaN, too', async () => {
  expectClose(await slope((x) => logsumexp(x), [0, Math.log(3)]), [0.25, 0.75]);
  expectClose(await slope((x) => logsumexp(x), [3e38, -3e38, 3e38]), [1, 0, 1]);
  expectClose(await slope((x) => logsumexp(x), [inf, 0]), [nan, 0]);
  expectClose(await slope((x) => logsumexp(x), [-inf, -inf]), [nan, nan]);
});

it('NaN in a value that a mask hides makes the gradients of all keys NaN, as it does the output', async () => {
  using _ = scope();
  const [q, k] = [1, 2].map((n) => tensor([[[[n], [n + 1]]]], { requiresGrad: true })) as [Tensor, Tensor];
  const mask = tensor([[true, false], [true, false]]); // biome-ignore format: a matrix
  const y = attention(q, k, tensor([[[[1], [nan]]]]), { mask });
  expectClose(await y.data(), [nan, nan]);
  y.backward(ones([1, 1, 2, 1]));
  expectClose(await k.grad!.data(), [nan, nan]);
});

it('adamStep takes gradients whose squares overflow', async () => {
  using _ = scope();
  const [p, m, v] = [tensor([1]), zeros([1]), zeros([1])];
  const args = { lr: 0.1, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, decoupled: false, step: 1 };
  adamStep(p, tensor([5e19]), { m, v }, args);
  expectClose(await p.data(), [0.9]);
  expectClose(await v.data(), [2.5e36], 1e-5);
});
