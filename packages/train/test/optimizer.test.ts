import { adam, adamw, type Optimizer, sgd } from '@multihead/train';
import { add, keep, liveTensors, mul, Rng, randn, scope, square, sum, type Tensor, tensor, ValueError, zeros } from '@multihead/tensor';
import type {} from '@multihead/tensor/testing';
import { describe, expect, it } from 'vitest';

/** A parameter that no scope frees. */
function parameter(...values: number[]): Tensor {
  return keep(tensor(values, { requiresGrad: true }));
}

function setGrad(p: Tensor, ...values: number[]): void {
  p.grad = keep(tensor(values));
}

function free(optimizer: Optimizer, ...tensors: Tensor[]): void {
  optimizer.dispose();
  for (const t of tensors) t.dispose();
}

describe('one step, and the next, by hand', () => {
  it('sgd', async () => {
    const p = parameter(1, 2);
    const optimizer = sgd([p], { lr: 0.1 });
    setGrad(p, 0.5, -1);
    optimizer.step();
    expect(await p.data()).toBeAllclose([0.95, 2.1]);
    free(optimizer, p);
  });

  it('sgd with momentum, dampening and weight decay', async () => {
    const p = parameter(1);
    const optimizer = sgd([p], { lr: 0.1, momentum: 0.9, dampening: 0.5, weightDecay: 0.1 });
    let [value, buffer] = [1, 0];
    for (const [i, g] of [0.5, -0.2, 0.3].entries()) {
      setGrad(p, g);
      optimizer.step();
      const decayed = g + 0.1 * value;
      buffer = i === 0 ? decayed : 0.9 * buffer + 0.5 * decayed;
      value -= 0.1 * buffer;
      expect(await p.data()).toBeAllclose([value]);
    }
    free(optimizer, p);
  });

  it('sgd with Nesterov momentum looks one step ahead', async () => {
    const p = parameter(1);
    const optimizer = sgd([p], { lr: 0.1, momentum: 0.9, nesterov: true });
    setGrad(p, 1);
    optimizer.step(); // buffer 1, direction 1 + 0.9
    expect(await p.data()).toBeAllclose([0.81]);
    setGrad(p, 1);
    optimizer.step(); // buffer 1.9, direction 1 + 0.9 · 1.9
    expect(await p.data()).toBeAllclose([0.81 - 0.271]);
    free(optimizer, p);
  });

  for (const [name, decoupled] of [
    ['adam', false],
    ['adamw', true],
  ] as const) {
    // biome-ignore format: pairs
    it(`${name}, with weight decay ${decoupled ? 'apart from' : 'in'} the gradient`, async () => {
      const p = parameter(1, -2);
      const options = { lr: 0.01, betas: [0.8, 0.9], eps: 1e-3, weightDecay: 0.1 } as const;
      const optimizer = (decoupled ? adamw : adam)([p], options);
      const [values, m, v] = [[1, -2], [0, 0], [0, 0]]; // biome-ignore format: three pairs
      for (const [i, gradient] of [[0.5, -1], [0.1, 2], [0, 0]].entries()) { // biome-ignore format: steps
        setGrad(p, ...gradient);
        optimizer.step();
        for (const j of [0, 1] as const) {
          const g = decoupled ? gradient[j]! : gradient[j]! + 0.1 * values[j]!;
          m[j] = 0.8 * m[j]! + 0.2 * g;
          v[j] = 0.9 * v[j]! + 0.1 * g * g;
          if (decoupled) values[j]! *= 1 - 0.01 * 0.1;
          const [mHat, vHat] = [m[j]! / (1 - 0.8 ** (i + 1)), v[j]! / (1 - 0.9 ** (i + 1))];
          values[j]! -= (0.01 * mHat) / (Math.sqrt(vHat) + 1e-3);
        }
        expect(await p.data()).toBeAllclose(values);
      }
      free(optimizer, p);
    });
  }

  it('the first step of Adam moves every element by lr, whatever the size of its gradient', async () => {
    const p = parameter(0, 0, 0);
    const optimizer = adam([p], { lr: 0.1 });
    setGrad(p, 1000, -1, 1e-3);
    optimizer.step();
    expect(await p.data()).toBeAllclose([-0.1, 0.1, -0.1], { atol: 2e-6 });
    free(optimizer, p);
  });
});

describe('a step', () => {
  it('consumes the gradients and leaves alone what has none', async () => {
    const [p, other] = [parameter(1), parameter(5)];
    const optimizer = adamw([p, other], { lr: 0.1, weightDecay: 0.5 });
    setGrad(p, 1);
    optimizer.step();
    expect([p.grad, await other.toArray(), optimizer.steps]).toEqual([null, [5], 1]);
    free(optimizer, p, other);
  });

  it('counts the steps of each parameter by itself: a late one starts with its own bias correction', async () => {
    const [p, late] = [parameter(0), parameter(0)];
    const optimizer = adam([p, late], { lr: 0.1 });
    for (let i = 0; i < 3; i++) {
      setGrad(p, 1);
      if (i === 2) setGrad(late, 1);
      optimizer.step();
    }
    expect(await late.data()).toBeAllclose([-0.1]);
    free(optimizer, p, late);
  });

  it('uses the learning rate of the moment', async () => {
    const p = parameter(0);
    const optimizer = sgd([p], { lr: 1 });
    optimizer.lr = 0.25;
    setGrad(p, 1);
    optimizer.step();
    expect(await p.toArray()).toEqual([-0.25]);
    free(optimizer, p);
  });

  it('leaves nothing behind but its averages', () => {
    const p = parameter(1, 2, 3);
    const optimizer = adamw([p]);
    const step = () => {
      using _ = scope();
      sum(square(p)).backward();
      optimizer.step();
    };
    step();
    const before = [liveTensors(), p.backend.memory().buffers];
    for (let i = 0; i < 10; i++) step();
    expect([liveTensors(), p.backend.memory().buffers]).toEqual(before);
    free(optimizer, p);
  });

  it('finds the minimum of a bowl', async () => {
    for (const make of [(p: Tensor) => sgd([p], { lr: 0.05, momentum: 0.8 }), (p: Tensor) => adam([p], { lr: 0.1 })]) {
      const p = parameter(4, -3);
      const optimizer = make(p);
      for (let i = 0; i < 300; i++) {
        using _ = scope();
        sum(square(add(p, tensor([-1, 2])))).backward();
        optimizer.step();
      }
      expect(await p.data()).toBeAllclose([1, -2], { atol: 1e-2 });
      free(optimizer, p);
    }
  });
});

describe('state and load', () => {
  const optimizers: Record<string, (p: readonly Tensor[]) => Optimizer> = {
    sgd: (p) => sgd(p, { lr: 0.1 }),
    'sgd with momentum': (p) => sgd(p, { lr: 0.1, momentum: 0.9 }),
    adam: (p) => adam(p, { weightDecay: 0.01 }),
    adamw: (p) => adamw(p),
  };
  const train = (optimizer: Optimizer, p: readonly Tensor[], from: number, to: number) => {
    for (let i = from; i < to; i++) {
      using _ = scope();
      const noise = randn([5], { rng: new Rng(i) });
      sum(mul(square(add(p[0]!, noise)), add(p[1]!, i))).backward();
      if (i % 3 === 0) {
        // biome-ignore format: the second parameter is trained now and then
        p[1]!.grad!.dispose();
        p[1]!.grad = null;
      }
      optimizer.step();
    }
  };
  const fresh = () => [parameter(1, 2, 3, 4, 5), parameter(0.5, 1, 1, 1, 2)];

  for (const [name, make] of Object.entries(optimizers)) {
    it(`${name}: a resumed run ends with the same bits`, async () => {
      const whole = fresh();
      const first = make(whole);
      train(first, whole, 0, 12);

      const parts = fresh();
      const before = make(parts);
      train(before, parts, 0, 7);
      const saved = structuredClone(await before.state());
      const resumed = await Promise.all(parts.map(async (p) => parameter(...(await p.data()))));
      const after = make(resumed);
      after.load(saved);
      expect(after.steps).toBe(7);
      train(after, resumed, 7, 12);
      for (const [i, p] of whole.entries()) expect(await resumed[i]!.data()).toEqual(await p.data());

      free(first, ...whole);
      free(before, ...parts);
      free(after, ...resumed);
    });
  }

  it('a state of the beginning, loaded later, forgets what was learned since', async () => {
    const p = parameter(0);
    const optimizer = adam([p], { lr: 0.1 });
    const beginning = await optimizer.state();
    setGrad(p, 100);
    optimizer.step();
    optimizer.load(beginning);
    setGrad(p, 1);
    const before = (await p.data())[0]!;
    optimizer.step();
    expect((await p.data())[0]! - before).toBeCloseTo(-0.1, 5);
    free(optimizer, p);
  });

  it('lists all that is wrong with a state of other parameters, and takes nothing of it', async () => {
    const [a, b] = [parameter(1, 2), parameter(1, 2, 3)];
    const [small, large] = [adam([a]), adam([b, a])];
    setGrad(a, 1, 1);
    setGrad(b, 1, 1, 1);
    large.step();
    const state = await large.state();
    let message = '';
    try {
      small.load(state);
    } catch (error) {
      expect(error).toBeInstanceOf(ValueError);
      message = (error as Error).message;
    }
    for (const line of ['wrong shape: m.0: expected [2], got [3]', 'unexpected: step.1', 'unexpected: v.1'])
      expect(message).toContain(line);
    expect(small.steps).toBe(0);
    free(small, a);
    free(large, b);
  });
});

it('options out of range are refused by name', () => {
  using _ = scope();
  const p = [zeros([1])];
  expect(() => sgd(p, { lr: -1 })).toThrow(/sgd: lr: expected 0 to Infinity, got -1/);
  expect(() => sgd(p, { lr: 1, nesterov: true })).toThrow(/sgd: nesterov: needs a momentum and no dampening/);
  expect(() => adam(p, { betas: [0.9, 1.5] })).toThrow(/adam: betas\[1\]: .*got 1\.5/);
  expect(() => adam(p, { betas: [1, 0.9] })).toThrow(/adam: betas\[0\]: .*got 1/);
  expect(() => adamw(p, { eps: Number.NaN })).toThrow(/adamw: eps/);
  expect(() => adamw(p, { weightDecay: -0.1 })).toThrow(ValueError);
});
