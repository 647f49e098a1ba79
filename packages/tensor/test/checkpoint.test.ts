import {
  add,
  attention,
  bernoulli,
  cast,
  checkpoint,
  composed,
  cpu,
  customGradient,
  detach,
  dispose,
  dropout,
  exp,
  GradientError,
  grad,
  isRecording,
  keep,
  layerNorm,
  LifetimeError,
  linear,
  liveTensors,
  matmul,
  memory,
  mul,
  noGrad,
  param,
  parameters,
  Rng,
  randn,
  relu,
  reshape,
  resetPeakMemory,
  scope,
  sin,
  slice,
  softmax,
  square,
  sum,
  type Tensor,
  tanh,
  tensor,
  transpose,
  valueAndGrad,
  withBackend,
  zeros,
} from '@multihead/tensor';
import { describe, expect, it, vi } from 'vitest';
import { gradcheck, gradgradcheck } from '../src/testing/index.js';
import { messageOf, numbers } from './expectations.js';

const leaf = (data: Parameters<typeof tensor>[0]) => tensor(data, { requiresGrad: true });
const random = (shape: number[], seed: number) => keep(randn(shape, { rng: new Rng(seed), requiresGrad: true }));

interface Block {
  readonly qkv: Tensor;
  readonly out: Tensor;
  readonly gain: Tensor;
}

const blockOf = (seed: number): Block => ({ qkv: random([24, 8], seed), out: random([8, 8], seed + 1), gain: random([8], seed + 2) });

/** Attention with two heads behind a norm, with dropout, beside its input. */
function forward({ qkv, out, gain }: Block, x: Tensor, rng?: Rng): Tensor {
  const [tokens, width] = x.shape as [number, number];
  const packed = linear(layerNorm(x, gain), qkv); // [T, 3·D]
  const heads = [0, 1, 2].map((i) => transpose(reshape(slice(packed, 1, 8 * i, 8 * i + 8), [1, tokens, 2, 4]), 1, 2)); // [1, H, T, D / H]
  const mixed = attention(heads[0]!, heads[1]!, heads[2]!, { causalOffset: 0, dropout: rng ? 0.2 : 0, ...(rng ? { rng } : {}) });
  return add(x, dropout(linear(reshape(transpose(mixed, 1, 2), [tokens, width]), out), 0.3, rng));
}

/** The loss, every gradient and the end of the stream, of a network of blocks each of which `wrap` runs. */
async function train(wrap: (fn: (x: Tensor) => Tensor, x: Tensor) => Tensor): Promise<unknown> {
  const model = { blocks: [blockOf(1), blockOf(11), blockOf(21)], x: random([5, 8], 31) };
  const rng = new Rng(7);
  using _ = scope();
  let x = model.x;
  for (const block of model.blocks) x = wrap((h) => forward(block, h, rng), x);
  const loss = sum(square(x));
  loss.backward();
  const result = { loss: await loss.item(), grads: await numbers(...parameters(model).map((p) => p.grad)), rng: rng.state };
  dispose(model);
  return result;
}

describe('checkpoint', () => {
  it('gives the gradients of the network without it, bit for bit, random numbers and all', async () => {
    const plain = await train((fn, x) => fn(x));
    expect(await train((fn, x) => checkpoint(fn, [x]))).toEqual(plain);
    expect(await train((fn, x) => checkpoint((h) => checkpoint(fn, [h]), [x]))).toEqual(plain); // in one another
    expect(await composed(() => train((fn, x) => checkpoint(fn, [x])))).toEqual(plain);
    expect(plain).toMatchObject({ grads: new Array(10).fill(expect.any(Array)) });
  });

  it('runs the function once without a backward pass, and once more with it', async () => {
    using _ = scope();
    const f = vi.fn((x: Tensor) => mul(exp(x), x));
    const x = leaf([1, 2]);
    const y = checkpoint(f, [x]);
    expect(f).toHaveBeenCalledTimes(1);
    sum(y).backward();
    expect(f).toHaveBeenCalledTimes(2);
    expect(String(y)).toMatch(/by checkpoint/);
  });

  it('keeps the output alone until the backward pass, and nothing after it', () => {
    using _ = scope();
    const { backend } = zeros([1]);
    const w = leaf([[1, 2], [3, 4]]); // biome-ignore format: a matrix
    const x = tensor([[1, -1]]);
    const [tensors, { buffers }] = [liveTensors(), backend.memory()];
    const y = checkpoint((t) => softmax(square(relu(matmul(t, w)))), [x]);
    expect([liveTensors() - tensors, backend.memory().buffers - buffers]).toEqual([1, 1]);
    y.backward(tensor([[1, 2]]));
    expect([liveTensors() - tensors, backend.memory().buffers - buffers]).toEqual([3, 3]); // the seed and w.grad
  });

  it('lowers the peak of memory, and checkpoints in checkpoints lower it further', () => {
    const peakOf = (run: (blocks: ((x: Tensor) => Tensor)[], x: Tensor) => Tensor): number => {
      const backend = cpu();
      using _ = scope();
      const x = zeros([100], { backend, requiresGrad: true });
      const block = (h: Tensor) => sin(tanh(sin(tanh(sin(tanh(h))))));
      resetPeakMemory(backend);
      sum(run(new Array(64).fill(block), x)).backward();
      return (memory(backend).peakBytes - 400) / 400; // in tensors beside x
    };
    type Run = Parameters<typeof peakOf>[0];
    const plain: Run = (blocks, x) => blocks.reduce((h, block) => block(h), x);
    const flat: Run = (blocks, x) => blocks.reduce((h, block) => checkpoint(block, [h]), x);
    const halves: Run = (blocks, x) => {
      if (blocks.length === 1) return checkpoint(blocks[0]!, [x]);
      const [first, second] = [blocks.slice(0, blocks.length / 2), blocks.slice(blocks.length / 2)];
      return checkpoint((h) => halves(second, h), [checkpoint((h) => halves(first, h), [x])]);
    };
    const [all, outputs, few] = [peakOf(plain), peakOf(flat), peakOf(halves)];
    expect(all).toBeGreaterThan(64 * 6);
    expect(outputs).toBeLessThan(64 + 12); // the outputs, the inside of one block, and the gradients at work
    expect(few).toBeLessThan(outputs / 2);
  });

  it('draws the same numbers again from every stream, and leaves the streams where they were', async () => {
    using _ = scope();
    const [first, second, host] = [new Rng(1), new Rng(2), new Rng(3)];
    const scales: number[] = [];
    const noisy = (x: Tensor): Tensor => {
      const scale = host.uniform() + host.fork().integer(10);
      scales.push(scale);
      const masked = mul(x, cast(bernoulli(x.shape, 0.5, { rng: first }), 'float32'));
      return mul(add(masked, dropout(x, 0.5, second)), scale);
    };
    const x = leaf(new Array<number>(50).fill(1));
    const y = checkpoint(noisy, [x]);
    const states = [first, second, host].map((rng) => rng.state);
    first.take(100); // others read on in the meantime
    const between = first.state;
    sum(y).backward();
    expect(await numbers(x.grad)).toEqual(await numbers(y));
    expect(scales[1]).toBe(scales[0]);
    expect([first, second, host].map((rng) => rng.state)).toEqual([between, ...states.slice(1)]);
  });

  it('reaches whatever the function closes over: leaves, tensors on the way, its own inputs', async () => {
    using _ = scope();
    const [x, w] = [leaf([2]), leaf([3])];
    const middle = square(w); // 9, and 6 by w
    const y = checkpoint((t) => add(mul(mul(t, middle), x), w), [x]); // x² w² + w
    expect(await y.item()).toBe(39);
    y.backward();
    expect(await numbers(x.grad, w.grad)).toEqual([[36], [25]]);
    const [byMiddle] = grad(
      checkpoint((t) => mul(t, middle), [x]),
      [middle],
    );
    expect(await byMiddle!.item()).toBe(2);
    const backward = vi.fn((dy: Tensor) => [dy]);
    const outside = customGradient((t: Tensor) => ({ output: t }), backward)(mul(w, 1));
    checkpoint((t) => mul(t, outside), [x]).backward();
    expect(backward).toHaveBeenCalledTimes(1); // the inner tape ends where the outer one goes on
    for (const t of [x, w]) t.grad!.dispose();
    [x.grad, w.grad] = [null, null];
    const z = checkpoint(() => w, [x]); // as it is
    z.backward();
    expect(await numbers(x.grad, w.grad, z)).toEqual([null, [1], [3]]);
  });

  it('draws a parameter that is first needed inside', async () => {
    using _ = scope();
    const w = param([2], (shape) => () => zeros(shape));
    sum(checkpoint((x) => mul(add(w, 3), x), [tensor([1, 2])])).backward();
    expect(await numbers(w, w.grad)).toEqual([[0, 0], [1, 2]]); // biome-ignore format: two rows
    w.dispose();
  });

  it('takes several outputs, integers among them', async () => {
    using _ = scope();
    const [x, w] = [leaf([1.5, -2]), leaf([2, 3])];
    const run = (t: Tensor) => [mul(t, w), cast(t, 'int32'), sum(square(t))] as const;
    const [product, whole, total] = checkpoint(run, [x]);
    expect([product.shape, whole.dtype, whole.requiresGrad, total.shape]).toEqual([[2], 'int32', false, []]);
    expect(await numbers(product, whole, total)).toEqual([[3, -6], [1, -2], [6.25]]); // biome-ignore format: three rows
    add(sum(product), mul(total, 10)).backward();
    expect(await numbers(x.grad, w.grad)).toEqual([[32, -37], [1.5, -2]]); // biome-ignore format: two rows
  });

  it('can be differentiated twice inside composed()', () => {
    using _ = scope();
    const double = (shape: number[], seed: number) => randn(shape, { rng: new Rng(seed), dtype: 'float64' });
    const block = (x: Tensor, w: Tensor) => checkpoint((t) => softmax(tanh(matmul(t, w))), [mul(x, x)]);
    gradcheck(block, [double([2, 3], 1), double([3, 2], 2)]);
    gradgradcheck(block, [double([2, 3], 1), double([3, 2], 2)]);
    gradgradcheck((x, w) => checkpoint((t) => checkpoint((u) => exp(mul(u, w)), [tanh(t)]), [x]), [double([4], 3), double([4], 4)]);
    gradgradcheck((x) => checkpoint((a, b) => mul(exp(a), square(b)), [x, x]), [double([3], 5)]);
  });

  it('is not on the tape where nothing is recorded or nothing needs a gradient', () => {
    using _ = scope();
    const x = leaf([1]);
    const seen: boolean[] = [];
    const f = (t: Tensor) => {
      seen.push(isRecording());
      return mul(exp(t), 2);
    };
    const before = liveTensors();
    expect(noGrad(() => checkpoint(f, [x])).node).toBeNull();
    expect(checkpoint(f, [tensor([1])]).node).toBeNull();
    expect(checkpoint((t) => cast(t, 'int32'), [x]).node).toBeNull();
    expect(checkpoint((t) => detach(t), [x]).node).toBeNull();
    expect(seen).toEqual([false, true]);
    expect(liveTensors() - before).toBe(5); // four outputs and an input
  });

  it('computes again as it did: on the same default backend, with the same definitions', () => {
    using _ = scope();
    const other = cpu();
    const x = tensor([1, 2], { backend: other, requiresGrad: true });
    const f = (t: Tensor) => add(mul(t, tensor([3, 4])), 1); // a tensor of the default backend
    const y = withBackend(other, () => checkpoint(f, [x]));
    expect(() => sum(y).backward()).not.toThrow();

    const softmaxKernel = vi.fn(() => true);
    const fused = Object.assign(cpu(), { fused: { softmax: softmaxKernel, softmaxGrad: softmaxKernel } });
    const z = composed(() => checkpoint((t) => softmax(t), [zeros([2], { backend: fused, requiresGrad: true })]));
    sum(z).backward();
    expect(softmaxKernel).not.toHaveBeenCalled();
  });

  it('goes with grad and valueAndGrad', async () => {
    using _ = scope();
    const x = tensor([1, 2]);
    const { value, grads } = valueAndGrad((t) => sum(checkpoint((u) => mul(square(u), u), [t])), [x]);
    expect(await numbers(value, ...grads)).toEqual([[9], [3, 12]]);
  });

  it('refuses what it cannot do', () => {
    using _ = scope();
    const x = leaf([1, 2, 3]);
    const before = liveTensors();
    expect(messageOf(LifetimeError, () => checkpoint((async () => x) as never, [x]))).toMatch(
      /^checkpoint: fn: expected a synchronous function/,
    );
    let length = 3;
    const y = checkpoint((t) => slice(t, 0, 0, length--), [x]);
    expect(messageOf(GradientError, () => sum(y).backward())).toBe(
      'checkpoint: fn: its output was [3] in the forward pass, and is [2] in the backward pass',
    );
    expect(x.grad).toBeNull();
    expect(liveTensors() - before).toBe(2); // y and its sum
  });
});
