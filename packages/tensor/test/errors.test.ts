import {
  add,
  attention,
  BackendError,
  concat,
  cpu,
  crossEntropy,
  DTypeError,
  embedding,
  eye,
  layerNorm,
  linear,
  matmul,
  MultiheadError,
  mul,
  noGradient,
  record,
  scope,
  ShapeError,
  setBackend,
  getBackend,
  sum,
  type Tensor,
  tensor,
  ValueError,
  where,
  withBackend,
  zeros,
} from '@multihead/tensor';
import { describe, expect, it } from 'vitest';
import { messageOf } from './expectations.js';

describe('two backends in one operation', () => {
  const operations: Record<string, (here: Tensor, there: Tensor) => unknown> = {
    add: (a, b) => add(a, b),
    matmul: (a, b) => matmul(a, b),
    linear: (a, b) => linear(a, b),
    concat: (a, b) => concat([a, b]),
    layerNorm: (a, b) => layerNorm(a, b),
    crossEntropy: (a, b) => crossEntropy(a, b),
    embedding: (a, b) => embedding(a, b),
  };
  for (const [name, operation] of Object.entries(operations)) {
    it(`${name} throws, naming itself and both arguments`, () => {
      using _ = scope();
      const dtype = name === 'crossEntropy' || name === 'embedding' ? 'int32' : 'float32';
      const [here, there] = [eye(2), tensor([[1, 2], [3, 4]], { backend: cpu(), dtype })]; // biome-ignore format: a pair
      const message = messageOf(BackendError, () => operation(here, there));
      expect(message).toMatch(new RegExp(`^${name}: \\S+ is on cpu and \\S+ on cpu \\(another instance\\); move one with await to\\(`));
    });
  }

  it('names both backends where their names differ', () => {
    using _ = scope();
    const other = Object.assign(cpu(), { name: 'other' });
    const [a, b] = [zeros([1]), zeros([1], { backend: other })];
    expect(messageOf(BackendError, () => mul(a, b))).toBe('mul: a is on cpu and b on other; move one with await to(tensor, backend)');
  });

  it('the default backend is for new tensors only; operations follow their inputs', () => {
    using _ = scope();
    const [first, second] = [getBackend(), cpu()];
    const x = zeros([1]);
    const [made, sum] = withBackend(second, () => [zeros([1]), add(x, 1)]);
    expect(made!.backend).toBe(second);
    expect(sum!.backend).toBe(first);
    expect(getBackend()).toBe(first);
    setBackend(second);
    expect(zeros([1]).backend).toBe(second);
    setBackend(first);
  });
});

describe('a tensor of another copy of this package', () => {
  it('is recognised by its brand, and both versions are named', () => {
    using _ = scope();
    const foreign = { [Symbol.for('@multihead/tensor')]: '9.7', shape: [1], rank: 1, dtype: 'float32' } as unknown as Tensor;
    const message = messageOf(BackendError, () => add(foreign, 1));
    expect(message).toMatch(
      /^add: a: a tensor of another copy of @multihead\/tensor \(version 9\.7; this one is 1\.0\); install one copy only/,
    );
    const own = zeros([1]);
    for (const operation of [() => mul(own, foreign), () => sum(foreign), () => linear(own, foreign), () => concat([own, foreign])]) {
      expect(messageOf(BackendError, operation)).toMatch(/another copy/);
    }
  });

  it('and what is no tensor at all is said to be none', () => {
    expect(messageOf(BackendError, () => sum([1, 2] as unknown as Tensor))).toBe('sum: x: expected a Tensor, got object');
    expect(messageOf(BackendError, () => add(undefined as unknown as Tensor, 1))).toBe('add: a: expected a Tensor, got undefined');
    expect(messageOf(BackendError, () => sum(null as unknown as Tensor))).toBe('sum: x: expected a Tensor, got null');
  });
});

describe('shapes and dtypes that do not fit', () => {
  const q = () => zeros([1, 2, 3, 4]);
  const cases: [string, new (...args: never[]) => Error, () => unknown, RegExp][] = [
    [
      'matmul',
      ShapeError,
      () => matmul(zeros([2, 3]), zeros([2, 3])),
      /^matmul: a \[2, 3\] and b \[2, 3\]: the last axis of a \(3\) must equal/,
    ],
    ['matmul, batches', ShapeError, () => matmul(zeros([2, 1, 3]), zeros([3, 3, 1])), /^matmul: shapes \[2\] and \[3\]/],
    ['matmul, dtypes', DTypeError, () => matmul(zeros([1, 1]), zeros([1, 1], { dtype: 'int32' })), /float32 and int32/],
    ['matmul, scalars', ShapeError, () => matmul(zeros([]), zeros([2])), /at least one dimension each, got \[\] and \[2\]/],
    [
      'linear',
      ShapeError,
      () => linear(zeros([5, 3]), zeros([4, 2])),
      /x \[\.\.\., in\], weight \[out, in\].*got x \[5, 3\], weight \[4, 2\]/,
    ],
    ['linear, bias', ShapeError, () => linear(zeros([3]), zeros([4, 3]), zeros([3])), /bias \[3\]/],
    [
      'layerNorm',
      ShapeError,
      () => layerNorm(zeros([2, 3]), zeros([2])),
      /^layerNorm: x: expected a shape that ends in \[2\], got \[2, 3\]/,
    ],
    ['embedding', DTypeError, () => embedding(zeros([2, 3]), zeros([2])), /^embedding: ids: expected int32, got float32/],
    ['embedding, ids', ValueError, () => embedding(zeros([2, 3]), tensor([0, 2], { dtype: 'int32' })), /2/],
    ['crossEntropy', ShapeError, () => crossEntropy(zeros([2, 3]), zeros([3], { dtype: 'int32' })), /got \[2, 3\] and \[3\]/],
    [
      'attention, rank',
      ShapeError,
      () => attention(zeros([2, 3]), q(), q()),
      /^attention: expected q, k, v of \[batch, heads, tokens, dim\]/,
    ],
    [
      'attention, heads',
      ShapeError,
      () => attention(q(), zeros([1, 3, 3, 4]), zeros([1, 3, 3, 4])),
      /heads of q \(2\) must be a multiple.*\(3\)/,
    ],
    [
      'attention, mask',
      ShapeError,
      () => attention(q(), q(), q(), { mask: zeros([2, 3]) }),
      /mask: expected.*\[1, 2, 3, 3\], got \[2, 3\]/,
    ],
    [
      'attention, mask type',
      DTypeError,
      () => attention(q(), q(), q(), { mask: zeros([3, 3], { dtype: 'int32' }) }),
      /bool or float32, got int32/,
    ],
    ['where', ShapeError, () => where(zeros([2], { dtype: 'bool' }), zeros([3]), 0), /^where: shapes \[2\] and \[3\]/],
  ];
  for (const [name, kind, call, message] of cases) {
    it(name, () => {
      using _ = scope();
      expect(messageOf(kind, call)).toMatch(message);
      expect(messageOf(MultiheadError, call)).toMatch(message);
    });
  }
});

it('an operation of your own needs record(): storage, shape, inputs and a gradient', async () => {
  using _ = scope();
  const x = tensor([1, 2, 3], { requiresGrad: true });
  const twice = (t: Tensor) => record('twice', add(t, t).storage.retain(), t.shape, [t], (dy) => [mul(dy, 2)]);
  sum(twice(x)).backward();
  expect(await x.grad!.toArray()).toEqual([2, 2, 2]);
  expect(record('constant', x.storage.retain(), x.shape, [x], noGradient).requiresGrad).toBe(false);
  // @ts-expect-error without a gradient it does not compile
  expect(() => record('forgotten', x.storage.retain(), x.shape, [x])).not.toThrow();
});
