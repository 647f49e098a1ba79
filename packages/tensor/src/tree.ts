import { contiguous } from './autograd.js';
import type { Backend } from './backend.js';
import { getBackend } from './default-backend.js';
import { type DType, isFloat, type TypedArray, toTypedArray } from './dtype.js';
import { BackendError, StateDictError, ValueError } from './errors.js';
import { noGrad } from './mode.js';
import { Rng } from './random.js';
import { keep, tidy } from './scope.js';
import { contiguousStrides, type Shape, sameShape, show, sizeOf } from './shape.js';
import { Storage } from './storage.js';
import { Tensor } from './tensor.js';

/*
 * A module is any object; its state is every Tensor reachable through own enumerable fields, arrays and plain objects included.
 * `#private` fields are invisible here: tables, caches and the like belong there. A tensor under two names is tied: one tensor.
 */

/** The dotted names of all tensors in `T`: `` `layers.${number}.weight` ``; arrays count by number. */
export type StateKey<T> = { [K in keyof T & string]: KeyUnder<K, NonNullable<T[K]>> }[keyof T & string];

type KeyUnder<Name extends string, V> = V extends Tensor
  ? Name
  : V extends readonly (infer Item)[]
    ? KeyUnder<`${Name}.${number}`, NonNullable<Item>>
    : V extends (...args: never[]) => unknown
      ? never
      : V extends object
        ? `${Name}.${StateKey<V>}`
        : never;

/** Fills a parameter when it is first needed, so that loading a checkpoint never draws random numbers for nothing. */
export type Initializer = (shape: Shape) => () => Tensor;

/**
 * A leaf tensor that is trained: it requires a gradient and outlives scopes. `init(shape)` is called now (and may reserve random
 * numbers); what it returns runs on first use, on the default backend of that moment.
 *
 * @example
 * class Scale { weight = param([8], (shape) => () => ones(shape)); }
 */
export function param(shape: Shape, init: Initializer): Tensor {
  const make = init(shape);
  const parameter = keep(
    new Tensor(
      () => {
        const value = noGrad(() => keep(tidy(() => contiguous(make()))));
        try {
          if (!sameShape(value.shape, shape) || value.dtype !== 'float32') {
            const got = `${value.dtype} ${show(value.shape)}`;
            throw new StateDictError(`param: init: expected a float32 tensor of shape ${show(shape)}, got ${got}`);
          }
          return value.storage.retain();
        } finally {
          value.dispose();
        }
      },
      [...shape],
      'float32',
    ),
  );
  parameter.requiresGrad = true;
  return parameter;
}

/**
 * An initialiser that draws random numbers: they are reserved in `rng` when the parameter is made and drawn when it is needed.
 * Without an `rng` the parameter can only be loaded; using it before throws a ValueError.
 *
 * @example
 * const weight = param([4, 3], drawn(new Rng(1), (shape, rng) => mul(randn(shape, { rng }), 0.02)));
 * weight.requiresGrad; // true
 * weight.dispose();
 */
export function drawn(rng: Rng | undefined, draw: (shape: Shape, rng: Rng) => Tensor): Initializer {
  return (shape) => {
    const state = rng?.take(sizeOf(shape));
    return () => {
      if (!state)
        throw new ValueError(
          `param: a parameter of shape ${show(shape)} has no value: make the model with { rng }, or load a checkpoint first`,
        );
      return draw(shape, new Rng(state));
    };
  };
}

/**
 * Every tensor of `model` by its dotted name, in the order of the fields; a tied tensor appears under each of its names. `#private` fields
 * do not count. Throws a StateDictError where an object contains itself.
 *
 * @example
 * [...stateDict({ layers: [{ weight: ones([2]) }] }).keys()]; // ['layers.0.weight']
 */
export function stateDict(model: object): Map<string, Tensor> {
  const found = new Map<string, Tensor>();
  const walk = (value: unknown, path: string, above: readonly object[]): void => {
    if (value instanceof Tensor) {
      found.set(path, value);
      return;
    }
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return;
    if (above.includes(value))
      throw new StateDictError(`stateDict: ${path} refers back to an object that contains it; keep such references in #private fields`);
    for (const [key, child] of Object.entries(value)) walk(child, path === '' ? key : `${path}.${key}`, [...above, value]);
  };
  walk(model, '', []);
  return found;
}

/**
 * The distinct tensors of `model` that require a gradient: what an optimizer updates.
 *
 * @example
 * const model = { weight: ones([2], { requiresGrad: true }), steps: zeros([1]) };
 * parameters(model).length; // 1
 */
export function parameters(model: object): Tensor[] {
  return [...new Set(stateDict(model).values())].filter((t) => t.requiresGrad);
}

/**
 * Stops (or with `frozen` false resumes) the training of the tensors whose names are, or begin with, one of `keys`; of all without keys.
 * Throws a StateDictError for a key that no tensor is called by.
 *
 * @example
 * const model = { embedding: ones([4, 2], { requiresGrad: true }), head: { weight: ones([2, 2], { requiresGrad: true }) } };
 * freeze(model, ['embedding']);
 * parameters(model).length; // 1
 */
export function freeze<T extends object>(model: T, keys?: readonly (StateKey<T> | (keyof T & string))[], frozen = true): void {
  const state = stateDict(model);
  for (const key of keys ?? ['']) {
    const hits = [...state].filter(([name]) => key === '' || name === key || name.startsWith(`${key}.`));
    if (hits.length === 0)
      throw new StateDictError(`freeze: keys: no tensor is called or lies under '${key}'; there are ${[...state.keys()].join(', ')}`);
    for (const [, tensor] of hits) if (isFloat(tensor.dtype)) tensor.requiresGrad = !frozen;
  }
}

/**
 * Frees every tensor of the models, gradients included; they cannot be used afterwards.
 *
 * @example
 * const model = { weight: ones([2]) };
 * dispose(model);
 * model.weight.disposed; // true
 */
export function dispose(...models: object[]): void {
  for (const model of models) for (const tensor of stateDict(model).values()) tensor.dispose();
}

/** What a state dict holds of one tensor, outside any backend: what checkpoint readers give and writers take. */
export interface TensorData {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly data: TypedArray;
}

/**
 * The values of all tensors of `model`, read back: what to write into a checkpoint. Tied tensors are written under their first name.
 *
 * @example
 * const [model, copy] = [{ weight: ones([2]) }, { weight: zeros([2]) }];
 * loadStateDict(copy, await readState(model)); // strict, and tied tensors are fine
 * copy.weight; // [1, 1]
 */
export async function readState(model: object): Promise<Map<string, TensorData>> {
  const out = new Map<string, TensorData>();
  const seen = new Set<Tensor>();
  for (const [name, tensor] of stateDict(model)) {
    if (seen.has(tensor)) continue;
    seen.add(tensor);
    out.set(name, { dtype: tensor.dtype, shape: tensor.shape, data: await tensor.data() });
  }
  return out;
}

/**
 * Puts `state` into the tensors of `model`, in place. Strict: missing, unexpected and mis-shaped names are all listed in one
 * StateDictError, and nothing is changed then. With `strict: false` missing and unexpected names are returned instead.
 *
 * @example
 * const model = { weight: zeros([2]) };
 * loadStateDict(model, new Map([['weight', { dtype: 'float32', shape: [2], data: Float32Array.of(3, 4) }]]));
 * model.weight; // [3, 4]
 */
export function loadStateDict(
  model: object,
  state: ReadonlyMap<string, TensorData>,
  options: { strict?: boolean } = {},
): { missing: string[]; unexpected: string[] } {
  const own = stateDict(model);
  const given = new Set([...own].filter(([name]) => state.has(name)).map(([, tensor]) => tensor));
  const missing = [...own].filter(([, tensor]) => !given.has(tensor)).map(([name]) => name);
  const unexpected = [...state.keys()].filter((name) => !own.has(name));
  const wrong = [...state].flatMap(([name, value]) => mismatch(name, own.get(name), value));
  const lists = [
    ...wrong,
    ...(options.strict === false ? [] : missing.map((name) => `  missing: ${name} ${show(own.get(name)!.shape)}`)),
    ...(options.strict === false ? [] : unexpected.map((name) => `  unexpected: ${name} ${show(state.get(name)!.shape)}`)),
  ];
  if (lists.length > 0) throw new StateDictError(`loadStateDict: ${lists.length} of the names do not fit the model:\n${lists.join('\n')}`);
  for (const [name, value] of state) {
    const tensor = own.get(name);
    if (tensor) overwrite(tensor, value);
  }
  return { missing, unexpected };
}

function mismatch(name: string, tensor: Tensor | undefined, value: TensorData): string[] {
  if (!tensor) return [];
  if (!sameShape(tensor.shape, value.shape)) return [`  wrong shape: ${name}: expected ${show(tensor.shape)}, got ${show(value.shape)}`];
  if (value.data.length !== sizeOf(value.shape)) return [`  wrong size: ${name}: ${show(value.shape)} with ${value.data.length} elements`];
  if (tensor.dtype !== value.dtype && !(isFloat(tensor.dtype) && isFloat(value.dtype))) {
    return [`  wrong dtype: ${name}: expected ${tensor.dtype}, got ${value.dtype}`];
  }
  return [];
}

function overwrite(tensor: Tensor, value: TensorData): void {
  const backend = tensor.materialized ? tensor.backend : getBackend();
  const storage = new Storage(backend, tensor.size, tensor.dtype);
  backend.write(storage.buffer, toTypedArray(tensor.dtype, value.data));
  if (tensor.dense) {
    tensor.replaceStorage(storage);
    return;
  }
  const { shape, strides, offset } = tensor;
  backend.kernels.copy(shape, tensor.buffer, { offset, strides }, storage.buffer, { offset: 0, strides: contiguousStrides(shape) });
  storage.release();
}

/**
 * Moves every tensor of `model` to `backend`, in place: the same objects, their values and gradients elsewhere.
 * Throws a BackendError for a view of a part of another tensor, or in another order: it cannot be moved without what it is a view of.
 *
 * @example
 * const [model, backend] = [{ weight: ones([2]) }, cpu()];
 * await move(model, backend);
 * model.weight.backend === backend; // true
 */
export async function move<T extends object>(model: T, backend: Backend): Promise<T> {
  const state = stateDict(model);
  for (const [name, tensor] of state) {
    if (!tensor.dense)
      throw new BackendError(`move: ${name}: ${show(tensor.shape)} is a view of a part, or in another order; make it contiguous() first`);
  }
  for (const tensor of new Set(state.values())) {
    const { grad } = tensor;
    if (grad && grad.backend !== backend) {
      tensor.grad = keep(await to(grad, backend));
      grad.dispose();
    }
    if (tensor.materialized && tensor.backend === backend) continue;
    const data = await tensor.data();
    const storage = new Storage(backend, tensor.size, tensor.dtype);
    backend.write(storage.buffer, data);
    tensor.replaceStorage(storage);
  }
  return model;
}

/**
 * A copy of `x` on `backend`, off the tape; `x` itself if it is there already.
 *
 * @example
 * await to(tensor([1, 2]), cpu()); // [1, 2]
 */
export async function to(x: Tensor, backend: Backend): Promise<Tensor> {
  if (x.backend === backend) return x;
  const storage = new Storage(backend, x.size, x.dtype);
  backend.write(storage.buffer, await x.data());
  const copy = new Tensor(storage, x.shape, x.dtype);
  copy.requiresGrad = x.requiresGrad;
  return copy;
}
