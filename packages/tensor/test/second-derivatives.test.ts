import {
  attention,
  composed,
  crossEntropy,
  exp,
  gelu,
  geluTanh,
  grad,
  layerNorm,
  linear,
  log,
  matmul,
  mul,
  Rng,
  randn,
  rmsNorm,
  scope,
  sigmoid,
  silu,
  softmax,
  square,
  sum,
  type Tensor,
  tanh,
  tensor,
} from '@multihead/tensor';
import { describe, expect, it } from 'vitest';
import { expectClose } from './expectations.js';

/** A gradient penalty: d/dx |d f/dx|², once by differentiating twice, once by differences of the first derivative, in float64. */
async function checkTwice(f: (x: Tensor) => Tensor, start: Tensor): Promise<void> {
  const first = (x: Tensor) => grad(f(x), [x], { createGraph: true })[0]!;
  const penalty = (data: Float64Array) => {
    const x = tensor(data, { shape: start.shape, requiresGrad: true });
    return { x, value: composed(() => sum(square(first(x)))) };
  };
  const at = (await start.data()) as Float64Array;
  const { x, value } = penalty(at);
  const [second] = grad(value, [x]);
  const step = 1e-5;
  const differences: number[] = [];
  for (const i of at.keys()) {
    const shifted = await Promise.all([step, -step].map((by) => penalty(at.with(i, at[i]! + by)).value.item()));
    differences.push((shifted[0]! - shifted[1]!) / (2 * step));
  }
  expectClose(await second!.data(), differences, 1e-6);
}

describe('made inside composed(), gradients can be differentiated again', () => {
  const rng = () => new Rng(5);
  const random = (shape: number[], seed = 5) => randn(shape, { rng: new Rng(seed), dtype: 'float64' });
  const functions: Record<string, (x: Tensor) => Tensor> = {
    'x³': (x) => sum(mul(square(x), x)),
    'exp, log': (x) => sum(mul(exp(x), log(square(x)))),
    tanh: (x) => sum(square(tanh(x))),
    sigmoid: (x) => sum(square(sigmoid(x))),
    gelu: (x) => sum(gelu(x)),
    geluTanh: (x) => sum(geluTanh(x)),
    silu: (x) => sum(silu(x)),
    softmax: (x) => sum(square(softmax(x))),
    layerNorm: (x) => sum(mul(square(layerNorm(x)), random([3, 4], 6))),
    rmsNorm: (x) => sum(mul(rmsNorm(x), random([3, 4], 6))),
    matmul: (x) => sum(square(matmul(x, random([4, 2])))),
    'linear with gelu': (x) => sum(linear(x, random([2, 4]), null, { activation: 'gelu' })),
    crossEntropy: (x) => crossEntropy(x, tensor(Int32Array.of(0, 3, 1)), { labelSmoothing: 0.1 }),
  };
  for (const [name, f] of Object.entries(functions)) {
    it(name, async () => {
      using _ = scope();
      await checkTwice(f, randn([3, 4], { rng: rng(), dtype: 'float64' }));
    });
  }

  it('attention', async () => {
    using _ = scope();
    const [k, v] = [random([1, 1, 4, 2], 8), random([1, 1, 4, 3], 9)];
    await checkTwice((q) => sum(square(attention(q, k, v, { causalOffset: 0 }))), random([1, 2, 3, 2]));
  });

  it('by the seed, too: the gradient of a gradient by its seed is the derivative along a direction', async () => {
    using _ = scope();
    const x = tensor([1, 2, 3], { requiresGrad: true });
    const seed = tensor([0, 0, 0], { requiresGrad: true });
    const y = mul(square(x), x); // dy/dx = 3x²
    const [pulled] = grad(y, [x], { seed, createGraph: true });
    const [pushed] = grad(pulled!, [seed], { seed: tensor([1, 10, 100]) });
    expectClose(await pushed!.data(), [3, 120, 2700]);
  });

  it('three times: x⁴ has 24x', async () => {
    using _ = scope();
    const x = tensor([2], { requiresGrad: true });
    const derivative = (y: Tensor) => sum(grad(y, [x], { createGraph: true })[0]!);
    const third = derivative(derivative(derivative(sum(square(square(x))))));
    expect(await third.item()).toBe(48);
  });
});

it('composed() gives what the fused kernels give', async () => {
  using _ = scope();
  const x = randn([3, 4], { rng: new Rng(1) });
  expectClose(await composed(() => softmax(x)).data(), await softmax(x).data());
});
