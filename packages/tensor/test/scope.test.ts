import {
  dispose,
  add,
  keep,
  LifetimeError,
  liveTensors,
  mul,
  noGrad,
  ones,
  param,
  parameters,
  scope,
  sum,
  type Tensor,
  tensor,
  tidy,
  zeros,
} from '@multihead/tensor';
import { describe, expect, it } from 'vitest';
import { messageOf } from './expectations.js';

describe('using scope()', () => {
  it('frees at the brace what was made inside', () => {
    const before = liveTensors();
    let inside: Tensor;
    {
      using _ = scope();
      inside = mul(add(ones([2]), 1), 3);
      expect(liveTensors()).toBeGreaterThan(before);
      expect(inside.disposed).toBe(false);
    }
    expect(inside.disposed).toBe(true);
    expect(liveTensors()).toBe(before);
  });

  it('frees the buffers, too, views and all', () => {
    using outer = scope();
    const { backend } = zeros([1]);
    const before = backend.memory();
    {
      using _ = scope();
      add(ones([100, 100]), 1);
    }
    expect(backend.memory()).toEqual(before);
    outer.close();
  });

  it('spares what is kept until it is disposed', async () => {
    const before = liveTensors();
    let kept: { a: Tensor; list: Tensor[] };
    {
      using _ = scope();
      kept = keep({ a: ones([1]), list: [zeros([1])] });
    }
    expect(await kept.a.item()).toBe(1);
    expect(kept.list[0]!.disposed).toBe(false);
    kept.a.dispose();
    kept.list[0]!.dispose();
    expect(kept.a.disposed).toBe(true);
    expect(liveTensors()).toBe(before);
  });

  it('spares parameters and the gradients that backward leaves in them', async () => {
    const before = liveTensors();
    const model = { w: param([2], (shape) => () => ones(shape)) };
    {
      using _ = scope();
      sum(mul(model.w, 3)).backward();
    }
    expect(await model.w.toArray()).toEqual([1, 1]);
    expect(await model.w.grad!.toArray()).toEqual([3, 3]);
    expect(liveTensors()).toBe(before + 2);
    dispose(model);
    expect(liveTensors()).toBe(before);
  });

  it('closes when the code inside throws', () => {
    const before = liveTensors();
    const fails = () => {
      using _ = scope();
      ones([2]);
      throw new Error('inside');
    };
    expect(fails).toThrow('inside');
    expect(liveTensors()).toBe(before);
  });

  it('nests: the inner one ends first, and takes only its own', () => {
    using _ = scope();
    const outer = ones([1]);
    let inner: Tensor;
    {
      using _ = scope();
      inner = add(outer, 1);
    }
    expect([outer.disposed, inner.disposed]).toEqual([false, true]);
  });

  it('cannot be crossed', () => {
    const first = scope();
    const second = scope();
    expect(messageOf(LifetimeError, () => first.close())).toMatch(/closed out of order/);
    second.close();
    first.close();
    first.close(); // once more is nothing
  });
});

describe('tidy', () => {
  it('frees what is not returned and hands the rest to the scope around it', async () => {
    const before = liveTensors();
    {
      using _ = scope();
      const { y, more } = tidy(() => {
        const x = ones([2]);
        return { y: add(x, 1), more: [new Map([['k', mul(x, 2)]])] };
      });
      expect(await y.toArray()).toEqual([2, 2]);
      expect(await more[0]!.get('k')!.toArray()).toEqual([2, 2]);
      expect(liveTensors()).toBe(before + 2);
    }
    expect(liveTensors()).toBe(before);
  });

  it('leaves alone what it was given', () => {
    using _ = scope();
    const x = ones([2]);
    tidy(() => tidy(() => x));
    expect(x.disposed).toBe(false);
  });

  it('refuses an async function, whose tensors would die under it', () => {
    const before = liveTensors();
    expect(messageOf(LifetimeError, () => tidy(async () => ones([1])))).toMatch(/tidy: fn: expected a synchronous function/);
    expect(liveTensors()).toBe(before);
  });

  it('frees everything when the function throws', () => {
    const before = liveTensors();
    const fails = () =>
      tidy(() => {
        ones([1]);
        throw new Error('inside');
      });
    expect(fails).toThrow('inside');
    expect(liveTensors()).toBe(before);
  });
});

describe('a disposed tensor', () => {
  it('throws when it is used, naming the op, the argument and the shape', async () => {
    using _ = scope();
    const x = ones([2, 3]);
    x.dispose();
    x.dispose(); // once more is nothing
    expect(messageOf(LifetimeError, () => add(1, x))).toMatch(/^add: b: tensor \[2, 3\] was disposed/);
    expect(messageOf(LifetimeError, () => sum(x))).toMatch(/^sum: x: tensor \[2, 3\] was disposed/);
    await expect(x.data()).rejects.toThrow(/tensor \[2, 3\]: used after it was disposed/);
  });

  it('a returned loss read after its scope says so', async () => {
    let loss: Tensor;
    {
      using _ = scope();
      loss = sum(ones([2]));
    }
    await expect(loss.item()).rejects.toThrow(LifetimeError);
  });
});

it('a step of training leaves nothing behind but parameters and gradients', () => {
  const model = { w: param([4, 4], (shape) => () => ones(shape)), b: param([4], (shape) => () => zeros(shape)) };
  const step = () => {
    using _ = scope();
    const x = tensor([[1, 2, 3, 4]]);
    sum(add(mul(x, model.w), model.b)).backward();
    for (const p of parameters(model)) {
      noGrad(() => add(p, p.grad!));
      p.grad!.dispose();
      p.grad = null;
    }
  };
  step();
  const after = { tensors: liveTensors(), ...model.w.backend.memory() };
  for (let i = 0; i < 20; i++) step();
  expect({ tensors: liveTensors(), ...model.w.backend.memory() }).toEqual(after);
  dispose(model);
});
