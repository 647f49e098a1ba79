import {
  add,
  assign,
  cpu,
  detach,
  div,
  exp,
  expand,
  GradientError,
  grad,
  isRecording,
  keep,
  LifetimeError,
  liveTensors,
  matmul,
  mean,
  mul,
  noGrad,
  ones,
  relu,
  reshape,
  scope,
  ShapeError,
  select,
  slice,
  square,
  sum,
  type Tensor,
  tensor,
  tidy,
  transpose,
  valueAndGrad,
} from '@multihead/tensor';
import { describe, expect, it, vi } from 'vitest';
import { expectClose, messageOf, numbers } from './expectations.js';

const leaf = (data: Parameters<typeof tensor>[0]) => tensor(data, { requiresGrad: true });

describe('backward', () => {
  it('reaches every leaf by the chain rule', async () => {
    using _ = scope();
    const [x, w, b] = [leaf([[1, 2]]), leaf([[3], [4]]), leaf([5])];
    mean(square(add(matmul(x, w), b))).backward(); // (x·w + b)², at 16
    expect(await numbers(x.grad, w.grad, b.grad)).toEqual([[96, 128], [32, 64], [32]]);
    expect([x.grad!.shape, w.grad!.shape, b.grad!.shape]).toEqual([[1, 2], [2, 1], [1]]); // biome-ignore format: three shapes
  });

  it('adds up what comes by two ways, and over two calls', async () => {
    using _ = scope();
    const x = leaf([3]);
    const y = add(mul(x, x), x); // dy/dx = 2x + 1
    sum(y).backward();
    expect(await x.grad!.toArray()).toEqual([7]);
    sum(y).backward();
    expect(await x.grad!.toArray()).toEqual([14]);
  });

  it('adds up the parts of a batch to the gradient of the whole', async () => {
    using _ = scope();
    const x = tensor([[1, 2], [3, 4], [5, 6], [7, 8]]); // biome-ignore format: a matrix
    const [whole, parts] = [leaf([[0.5], [-1]]), leaf([[0.5], [-1]])];
    mean(square(matmul(x, whole))).backward();
    for (const rows of [slice(x, 0, 0, 1), slice(x, 0, 1)]) {
      using _ = scope();
      mul(mean(square(matmul(rows, parts))), rows.shape[0]! / 4).backward();
    }
    expect(await numbers(parts.grad)).toEqual(await numbers(whole.grad));
  });

  it('visits a diamond once: every path counts, none twice', async () => {
    using _ = scope();
    const x = leaf([1]);
    let y: Tensor = x;
    for (let i = 0; i < 30; i++) y = add(y, y); // 2³⁰ paths
    sum(y).backward();
    expect(await x.grad!.item()).toBe(2 ** 30);
  });

  it('walks graphs that are too deep for recursion', async () => {
    using _ = scope();
    const x = leaf([1]);
    let y: Tensor = x;
    for (let i = 0; i < 20_000; i++) y = add(y, 1);
    sum(y).backward();
    expect(await x.grad!.item()).toBe(1);
  });

  it('undoes broadcasting: a gradient has the shape of its tensor', async () => {
    using _ = scope();
    const [row, column, scalar] = [leaf([[1, 2, 3]]), leaf([[1], [2]]), leaf(2)];
    sum(mul(mul(row, column), scalar)).backward();
    expect([row, column, scalar].map((t) => t.grad!.shape)).toEqual([[1, 3], [2, 1], []]); // biome-ignore format: three shapes
    expect(await numbers(row.grad, column.grad, scalar.grad)).toEqual([[6, 6, 6], [12, 12], [18]]);
  });

  it('goes through views to the elements that they show', async () => {
    using _ = scope();
    const x = leaf([[1, 2, 3], [4, 5, 6]]); // biome-ignore format: a matrix
    sum(mul(slice(transpose(x), 0, 1), tensor([[1, 10], [100, 1000]]))).backward(); // biome-ignore format: a matrix
    expect(await x.grad!.toArray()).toEqual([[0, 1, 100], [0, 10, 1000]]); // biome-ignore format: a matrix
    const y = leaf([1, 2]);
    sum(mul(expand(reshape(y, [2, 1]), [2, 3]), 2)).backward();
    expect(await y.grad!.toArray()).toEqual([6, 6]);
  });

  it('starts with the seed that it is given', async () => {
    using _ = scope();
    const x = leaf([1, 2]);
    mul(x, x).backward(tensor([1, 10]));
    expect(await x.grad!.toArray()).toEqual([2, 40]);
  });

  it('fills leaves only, and only those that ask for it', async () => {
    using _ = scope();
    const [x, fixed] = [leaf([2]), tensor([3])];
    const middle = mul(x, fixed);
    sum(square(middle)).backward();
    expect(await x.grad!.item()).toBe(36);
    expect([middle.grad, fixed.grad]).toEqual([null, null]);
  });

  it('says what is wrong with a tensor that it cannot start from', () => {
    using _ = scope();
    const x = leaf([1, 2]);
    expect(messageOf(ShapeError, () => mul(x, 2).backward())).toMatch(/expected a scalar or a seed gradient, got a tensor of shape \[2\]/);
    expect(messageOf(ShapeError, () => mul(x, 2).backward(ones([3])))).toMatch(/seed: expected the shape \[2\] of the output, got \[3\]/);
    expect(messageOf(GradientError, () => sum(tensor([1])).backward())).toMatch(/does not depend on anything that requires a gradient/);
  });

  it('gives each leaf a gradient of its own, which may be changed in place', async () => {
    using _ = scope();
    const [a, b] = [leaf([1, 2]), leaf([3, 4])];
    const seed = tensor([5, 6]);
    add(a, b).backward(seed);
    assign(a.grad!, tensor([0, 0]));
    expect(await numbers(a.grad, b.grad, seed)).toEqual([[0, 0], [5, 6], [5, 6]]); // biome-ignore format: three rows
    const c = leaf([1, 2]);
    sum(c).backward();
    assign(c.grad!, tensor([7, 8]));
    expect(await c.grad!.toArray()).toEqual([7, 8]);
  });

  it('says so when a tensor on the way has been freed, and gives no gradient at all', () => {
    using _ = scope();
    const [x, w] = [leaf([1]), leaf([2])];
    const loss = tidy(() => sum(mul(square(mul(x, 3)), w)));
    const before = liveTensors();
    expect(messageOf(LifetimeError, () => loss.backward())).toMatch(
      /^backward: the input \[1\] of sum was disposed: close its scope, or tidy, after the backward pass/,
    );
    expect(messageOf(LifetimeError, () => grad(loss, [x]))).toMatch(/disposed/);
    expect([x.grad, w.grad, liveTensors()]).toEqual([null, null, before]);
    loss.dispose();
    expect(messageOf(LifetimeError, () => loss.backward())).toMatch(/^backward: this: tensor \[\] was disposed/);
  });

  it('leaves nothing alive but the gradients', () => {
    using _ = scope();
    const x = leaf([[1, 2], [3, 4]]); // biome-ignore format: a matrix
    const loss = sum(exp(matmul(x, div(x, 10))));
    const [tensors, { buffers }] = [liveTensors(), x.backend.memory()];
    loss.backward();
    expect(liveTensors()).toBe(tensors + 1);
    expect(x.backend.memory().buffers).toBe(buffers + 1);
    loss.backward();
    expect(liveTensors()).toBe(tensors + 1);
    x.grad!.dispose();
    expect(liveTensors()).toBe(tensors);
    x.grad = null;
  });

  it('frees the gradients of intermediate tensors on the way: a deep graph needs no more than a shallow one', () => {
    const peakOf = (depth: number) => {
      using _ = scope();
      const backend = cpu();
      const { alloc } = backend;
      let y: Tensor = tensor([1], { backend, requiresGrad: true });
      for (let i = 0; i < depth; i++) y = mul(y, 2);
      const before = backend.memory().buffers;
      let peak = 0;
      backend.alloc = (...args) => {
        peak = Math.max(peak, backend.memory().buffers + 1 - before);
        return alloc.apply(backend, args);
      };
      y.backward();
      return peak;
    };
    expect(peakOf(100)).toBe(peakOf(3));
  });

  it('a gradient outlives the scope of the backward pass', async () => {
    using _ = scope();
    const x = leaf([2]);
    {
      using _ = scope();
      sum(square(x)).backward();
    }
    expect(await x.grad!.item()).toBe(4);
  });
});

describe('grad', () => {
  it('gives gradients by leaves, by intermediate tensors and by the output itself, and touches no grad field', async () => {
    using _ = scope();
    const x = leaf([3]);
    const middle = square(x);
    const y = sum(mul(middle, 2));
    const found = grad(y, [x, middle, y]);
    expect(await numbers(...found)).toEqual([[12], [2], [1]]);
    expect(x.grad).toBeNull();
  });

  it('gives null for what the output does not depend on', async () => {
    using _ = scope();
    const [x, other] = [leaf([3]), leaf([1])];
    expect(await numbers(...grad(sum(square(x)), [other, x]))).toEqual([null, [6]]);
    expect(messageOf(GradientError, () => grad(sum(tensor([1])), [x]))).toMatch(/grad: output \[\] does not depend on anything/);
  });

  it('belongs to the open scope', () => {
    using _ = scope();
    const x = leaf([3]);
    const y = sum(square(x));
    const before = liveTensors();
    {
      using _ = scope();
      grad(y, [x]);
      expect(liveTensors()).toBe(before + 1);
    }
    expect(liveTensors()).toBe(before);
  });
});

describe('valueAndGrad', () => {
  it('gives both, for every argument, whatever requires a gradient outside', async () => {
    using _ = scope();
    const [x, y] = [tensor([2]), tensor([3])];
    const before = liveTensors();
    const { value, grads } = valueAndGrad((a, b) => sum(mul(square(a), b)), [x, y]);
    expect(await numbers(value, ...grads)).toEqual([[12], [12], [4]]);
    expect(value.requiresGrad).toBe(false);
    expect(liveTensors()).toBe(before + 3);
    expect(x.requiresGrad).toBe(false);
  });
});

describe('what is not recorded', () => {
  it('noGrad records nothing, and ends when it throws', () => {
    using _ = scope();
    const x = leaf([1]);
    expect(noGrad(() => [mul(x, 2).requiresGrad, isRecording()])).toEqual([false, false]);
    const fails = () =>
      noGrad(() => {
        throw new Error('inside');
      });
    expect(fails).toThrow('inside');
    expect(isRecording()).toBe(true);
    expect(mul(x, 2).requiresGrad).toBe(true);
  });

  it('detach cuts the tape and shares the storage', async () => {
    using _ = scope();
    const x = leaf([3]);
    const cut = detach(square(x));
    expect(cut.requiresGrad).toBe(false);
    sum(mul(cut, x)).backward();
    expect(await x.grad!.toArray()).toEqual([9]);
  });

  it('work on tensors that require no gradient, and gradients that are not wanted', async () => {
    using _ = scope();
    const [x, frozen] = [tensor([[1, 2]]), tensor([[1], [1]])];
    expect(matmul(x, frozen).node).toBeNull();
    const w = leaf([[1], [1]]);
    const { kernels } = x.backend;
    const y = sum(matmul(x, w));
    const products = vi.spyOn(kernels, 'matmul');
    y.backward();
    expect(products).toHaveBeenCalledTimes(1); // by w, not by x
  });
});

it('relu has gradient 0 at 0, and a frozen leaf stops being filled', async () => {
  using _ = scope();
  const x = leaf([-1, 0, 1]);
  sum(relu(x)).backward();
  expectClose(await x.grad!.data(), [0, 0, 1]);
  const held = keep(leaf([1]));
  held.requiresGrad = false;
  expect(mul(held, 2).requiresGrad).toBe(false);
  held.dispose();
});

it('selecting one row gives the other rows gradient 0', async () => {
  using _ = scope();
  const x = leaf([[1, 2], [3, 4]]); // biome-ignore format: a matrix
  sum(square(select(x, 0, 1))).backward();
  expect(await x.grad!.toArray()).toEqual([[0, 0], [6, 8]]); // biome-ignore format: a matrix
});
