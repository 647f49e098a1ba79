import {
  dispose,
  arange,
  cpu,
  drawn,
  freeze,
  liveTensors,
  loadStateDict,
  move,
  mul,
  ones,
  param,
  parameters,
  Rng,
  rand,
  readState,
  scope,
  StateDictError,
  stateDict,
  sum,
  type Tensor,
  type TensorData,
  tensor,
  to,
  transpose,
  ValueError,
  zeros,
} from '@multihead/tensor';
import { describe, expect, it } from 'vitest';
import { messageOf } from './expectations.js';

class Layer {
  weight = param([2, 2], (shape) => () => ones(shape));
  bias: Tensor | null = param([2], (shape) => () => zeros(shape));
  readonly #table = zeros([3]);
  get table(): Tensor {
    return this.#table;
  }
}

class Model {
  layers = [new Layer(), new Layer()];
  norm = { weight: param([2], (shape) => () => ones(shape)) };
  readonly config = { dim: 2, name: 'x' };
  absent: Tensor | null = null;
  method(): number {
    return 1;
  }
}

const data = (shape: number[], value = 5): TensorData => ({
  dtype: 'float32',
  shape,
  data: new Float32Array(shape.reduce((n, m) => n * m, 1)).fill(value),
});

describe('stateDict', () => {
  it('finds every tensor in own enumerable fields, in their order, and nothing private', () => {
    using _ = scope();
    const model = new Model();
    const names = ['layers.0.weight', 'layers.0.bias', 'layers.1.weight', 'layers.1.bias', 'norm.weight'];
    expect([...stateDict(model).keys()]).toEqual(names);
    expect(stateDict(model).get('layers.1.weight')).toBe(model.layers[1]!.weight);
    expect(parameters(model)).toHaveLength(5);
    dispose(model);
  });

  it('gives a tied tensor under each of its names, and to the optimizer once', async () => {
    const shared = param([2], (shape) => () => ones(shape));
    const model = { embedding: { weight: shared }, head: { weight: shared } };
    expect([...stateDict(model).keys()]).toEqual(['embedding.weight', 'head.weight']);
    expect(parameters(model)).toHaveLength(1);
    expect([...(await readState(model)).keys()]).toEqual(['embedding.weight']);
    dispose(model);
  });

  it('refuses an object that contains itself, naming the path', () => {
    const model: { inner: { back?: object } } = { inner: {} };
    model.inner.back = model;
    expect(messageOf(StateDictError, () => stateDict(model))).toMatch(/stateDict: inner\.back refers back/);
  });
});

describe('loadStateDict', () => {
  it('puts the values into the same tensors', async () => {
    using _ = scope();
    const model = new Model();
    const { weight } = model.norm;
    const state = await readState(model);
    state.set('norm.weight', data([2], 7));
    expect(loadStateDict(model, state)).toEqual({ missing: [], unexpected: [] });
    expect(model.norm.weight).toBe(weight);
    expect(await weight.toArray()).toEqual([7, 7]);
    dispose(model);
  });

  it('lists every bad name at once and changes nothing', async () => {
    using _ = scope();
    const model = new Model();
    const state = new Map<string, TensorData>([
      ['layers.0.weight', data([2, 2])],
      ['layers.0.bias', data([3])],
      ['layers.1.weight', { ...data([2, 2]), data: new Float32Array(3) }],
      ['norm.weight', { dtype: 'int32', shape: [2], data: new Int32Array(2) }],
      ['stranger', data([1])],
    ]);
    const message = messageOf(StateDictError, () => loadStateDict(model, state));
    for (const line of [
      'wrong shape: layers.0.bias: expected [2], got [3]',
      'wrong size: layers.1.weight: [2, 2] with 3 elements',
      'wrong dtype: norm.weight: expected float32, got int32',
      'missing: layers.1.bias [2]',
      'unexpected: stranger [1]',
    ]) {
      expect(message).toContain(line);
    }
    expect(message).toContain('5 of the names');
    expect(await model.layers[0]!.weight.toArray()).toEqual([[1, 1], [1, 1]]); // biome-ignore format: a matrix
    dispose(model);
  });

  it('with strict: false returns missing and unexpected names and loads the rest, but no wrong shapes', async () => {
    using _ = scope();
    const model = new Model();
    const found = loadStateDict(model, new Map([['norm.weight', data([2])], ['stranger', data([1])]]), { strict: false }); // biome-ignore format: one call
    expect(found.missing).toEqual(['layers.0.weight', 'layers.0.bias', 'layers.1.weight', 'layers.1.bias']);
    expect(found.unexpected).toEqual(['stranger']);
    expect(await model.norm.weight.toArray()).toEqual([5, 5]);
    expect(messageOf(StateDictError, () => loadStateDict(model, new Map([['norm.weight', data([3])]]), { strict: false }))).toMatch(
      /expected \[2\], got \[3\]/,
    );
    dispose(model);
  });

  it('takes either name of a tied tensor, and converts between float types', async () => {
    const shared = param([2], (shape) => () => ones(shape));
    const model = { a: shared, b: shared };
    loadStateDict(model, new Map([['b', { dtype: 'float64' as const, shape: [2], data: Float64Array.of(1.5, 2.5) }]]));
    expect(await shared.toArray()).toEqual([1.5, 2.5]);
    expect(shared.dtype).toBe('float32');
    dispose(model);
  });

  it('round trip: what readState gives, another model takes, and they share nothing', async () => {
    using _ = scope();
    const [a, b] = [new Model(), new Model()];
    loadStateDict(a, new Map([['norm.weight', data([2])]]), { strict: false });
    loadStateDict(b, await readState(a));
    expect(await b.norm.weight.toArray()).toEqual([5, 5]);
    expect(b.norm.weight.storage).not.toBe(a.norm.weight.storage);
    dispose(a, b);
  });

  it('writes through a view into what it shows', async () => {
    using _ = scope();
    const base = zeros([2, 2]);
    const model = { view: transpose(base) };
    loadStateDict(model, new Map([['view', { dtype: 'float32' as const, shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }]]));
    expect(await model.view.toArray()).toEqual([[1, 2], [3, 4]]); // biome-ignore format: a matrix
  });
});

describe('param', () => {
  it('draws its values on first use only: a model that is loaded never draws', async () => {
    using _ = scope();
    let drawings = 0;
    const counting = (rng?: Rng) =>
      drawn(rng, (shape, stream) => {
        drawings++;
        return rand(shape, { rng: stream });
      });
    const model = { w: param([2], counting(new Rng(1))) };
    const before = model.w.materialized;
    loadStateDict(model, new Map([['w', data([2])]]));
    expect([before, drawings, await model.w.toArray()]).toEqual([false, 0, [5, 5]]);
    const fresh = param([2], counting(new Rng(1)));
    expect([await fresh.data(), await fresh.data(), drawings]).toEqual([await fresh.data(), await fresh.data(), 1]);
    dispose(model, [fresh]);
  });

  it('reserves its numbers when it is made, so that the order of use changes nothing', async () => {
    const make = (rng: Rng) => [0, 1].map(() => param([5], drawn(rng, (shape, stream) => rand(shape, { rng: stream })))); // biome-ignore format: one call
    const [forward, backward] = [make(new Rng(9)), make(new Rng(9))];
    const last = await backward[1]!.data();
    expect(await forward[0]!.data()).toEqual(await backward[0]!.data());
    expect(await forward[1]!.data()).toEqual(last);
    expect(await forward[0]!.data()).not.toEqual(last);
    dispose(forward, backward);
  });

  it('without an rng can be loaded, and says what to do when it is used before', async () => {
    using _ = scope();
    const model = { w: param([2], drawn(undefined, (shape, rng) => rand(shape, { rng }))) }; // biome-ignore format: one call
    expect(messageOf(ValueError, () => mul(model.w, 1))).toMatch(
      /shape \[2\] has no value: make the model with \{ rng \}, or load a checkpoint/,
    );
    loadStateDict(model, new Map([['w', data([2])]]));
    expect(await mul(model.w, 1).toArray()).toEqual([5, 5]);
    dispose(model);
  });

  it('checks the shape that its initialiser gives, and leaves nothing behind', () => {
    const before = liveTensors();
    const wrong = param([2], () => () => ones([3]));
    expect(messageOf(StateDictError, () => wrong.buffer)).toMatch(
      /param: init: expected a float32 tensor of shape \[2\], got float32 \[3\]/,
    );
    wrong.dispose();
    expect(liveTensors()).toBe(before);
  });
});

describe('an initialiser', () => {
  it('may give a view: the parameter has what it shows', async () => {
    const w = param([3, 2], () => () => transpose(tensor([[1, 2, 3], [4, 5, 6]]))); // biome-ignore format: one call
    expect(await w.toArray()).toEqual([[1, 4], [2, 5], [3, 6]]); // biome-ignore format: a matrix
    w.dispose();
  });
});

describe('freeze', () => {
  it('stops the tensors under a name, or all, and lets them go on', () => {
    using _ = scope();
    const model = new Model();
    freeze(model, ['layers', 'norm.weight']);
    expect(parameters(model)).toEqual([]);
    freeze(model, ['layers.0.weight'], false);
    expect(parameters(model)).toHaveLength(1);
    expect(parameters(model)[0]).toBe(model.layers[0]!.weight);
    freeze(model, undefined, false);
    expect(parameters(model)).toHaveLength(5);
    expect(messageOf(StateDictError, () => freeze(model, ['layers.7.weight']))).toMatch(
      /no tensor is called or lies under 'layers\.7\.weight'/,
    );
    dispose(model);
  });

  it('letting all go on does not ask integers for gradients', () => {
    using _ = scope();
    const model = { w: param([1], (shape) => () => ones(shape)), ids: arange(3) };
    freeze(model, undefined, false);
    expect(parameters(model)).toHaveLength(1);
    expect(parameters(model)[0]).toBe(model.w);
    dispose(model);
  });
});

describe('move and to', () => {
  it('move keeps the objects and takes values and gradients along', async () => {
    using _ = scope();
    const there = cpu();
    const model = { w: param([2], (shape) => () => ones(shape)) };
    const { w } = model;
    sum(mul(w, 3)).backward();
    expect(await move(model, there)).toBe(model);
    expect(model.w).toBe(w);
    expect(w.backend).toBe(there);
    expect(w.grad!.backend).toBe(there);
    expect([await w.toArray(), await w.grad!.toArray()]).toEqual([[1, 1], [3, 3]]); // biome-ignore format: a pair
    dispose(model);
    expect(there.memory().buffers).toBe(0);
  });

  it('move refuses a view in another order, naming it, before anything moves', async () => {
    using _ = scope();
    const model = { first: ones([1]), view: transpose(zeros([2, 3])) };
    await expect(move(model, cpu())).rejects.toThrow(/move: view: \[3, 2\] is a view/);
    expect(model.first.backend).toBe(model.view.backend);
  });

  it('to copies one tensor, and gives it back where it is there already', async () => {
    using _ = scope();
    const there = cpu();
    const x = transpose(tensor([[1, 2], [3, 4]])); // biome-ignore format: a matrix
    const copy = await to(x, there);
    expect(copy.backend).toBe(there);
    expect(await copy.toArray()).toEqual([[1, 3], [2, 4]]); // biome-ignore format: a matrix
    expect(await to(copy, there)).toBe(copy);
  });
});

it('dispose frees a whole model, tied tensors once', () => {
  const before = liveTensors();
  const weight = param([2, 3], () => () => zeros([2, 3]));
  const model = { embedding: { weight }, head: { weight }, layers: [{ bias: param([3], () => () => zeros([3])) }] };
  dispose(model);
  expect(liveTensors()).toBe(before);
  expect(weight.disposed).toBe(true);
});
