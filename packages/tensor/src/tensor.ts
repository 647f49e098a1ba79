import type { Backend, DeviceBuffer } from './backend.js';
import type { DType, TypedArray } from './dtype.js';
import { BackendError, GradientError, LifetimeError, ShapeError } from './errors.js';
import { nest } from './nest.js';
import { element, header, preview } from './preview.js';
import { adopt, type Owned, type Scope } from './scope.js';
import { contiguousStrides, isContiguous, type Shape, show, sizeOf } from './shape.js';
import { Storage } from './storage.js';
import { version } from './version.js';

const brand = Symbol.for('@multihead/tensor');

/** Where a tensor came from: what `backward` walks. Made by `record` alone. */
export interface TapeNode {
  readonly name: string;
  readonly inputs: readonly Tensor[];
  readonly vjp: (dy: Tensor, y: Tensor) => readonly Adjoint[];
  readonly backward: (from: Tensor, seed?: Tensor) => void;
}

/** The gradient of one input, or a function that makes it when it is wanted; null where the input has none. */
export type Adjoint = Tensor | (() => Tensor | null) | null;

let live = 0;
let reclaimed: FinalizationRegistry<Storage | null> | undefined;

/**
 * Tensors that have been made and neither disposed nor collected, on all backends: equal before and after whatever does not leak.
 * `memory` says more.
 *
 * @example
 * const before = liveTensors();
 * tidy(() => void mul(ones([2]), 2));
 * liveTensors() - before; // 0
 */
export function liveTensors(): number {
  return live;
}

/**
 * An n-dimensional array on a backend. Several tensors may be views of one storage; it is freed with the last of them.
 * Operations are functions (`add(a, b)`), so that only what is imported is in a bundle.
 *
 * @example
 * const x = tensor([[1, 2], [3, 4]], { requiresGrad: true });
 * [x.shape, x.dtype, x.rank, x.size]; // [[2, 2], 'float32', 2, 4]
 * sum(mul(x, x)).backward();
 * await x.grad!.toArray(); // [[2, 4], [6, 8]]
 */
export class Tensor implements Owned {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly strides: readonly number[];
  readonly offset: number;
  /** True if gradients flow to or through this tensor. */
  requiresGrad = false;
  /** What `backward` has summed up so far, in a leaf. An optimizer consumes it. */
  grad: Tensor | null = null;
  node: TapeNode | null = null;
  scope: Scope | null = null;
  #storage: Storage | (() => Storage) | null;
  #watched = false;

  /** For `record`, `view` and `param`; use `tensor()`, `zeros()` … instead. */
  constructor(
    storage: Storage | (() => Storage),
    shape: Shape,
    dtype: DType,
    strides: readonly number[] = contiguousStrides(shape),
    offset = 0,
  ) {
    this.shape = shape;
    this.dtype = dtype;
    this.strides = strides;
    this.offset = offset;
    this.#storage = storage;
    live++;
    adopt(this);
    if (this.scope === null) this.#watch();
  }

  get [brand](): string {
    return version;
  }

  get storage(): Storage {
    if (this.#storage === null)
      throw new LifetimeError(`tensor ${show(this.shape)}: used after it was disposed (its scope has closed, or dispose() was called)`);
    if (!(this.#storage instanceof Storage)) {
      this.#storage = this.#storage();
      this.#rewatch();
    }
    return this.#storage;
  }

  /** Points this tensor, under the same identity, at other storage of the same size: how a parameter is loaded or moved. */
  replaceStorage(storage: Storage): void {
    if (this.#storage instanceof Storage) this.#storage.release();
    this.#storage = storage;
    this.#rewatch();
  }

  /** False while a parameter's initial value has not been needed yet. */
  get materialized(): boolean {
    return this.#storage instanceof Storage;
  }

  get disposed(): boolean {
    return this.#storage === null;
  }

  get backend(): Backend {
    return this.storage.backend;
  }

  get buffer(): DeviceBuffer {
    return this.storage.buffer;
  }

  get size(): number {
    return sizeOf(this.shape);
  }

  get rank(): number {
    return this.shape.length;
  }

  /** True if the elements fill the buffer row by row, from its start to its end. */
  get dense(): boolean {
    const inOrder = this.offset === 0 && isContiguous(this.shape, this.strides);
    return inOrder && (!this.materialized || this.buffer.length === this.size);
  }

  /** The elements, row by row, as a new typed array of the dtype; one byte each for bool. */
  async data(): Promise<TypedArray> {
    const { storage, from, done } = this.#rows();
    return storage.backend.read(storage.buffer, from, from + this.size).finally(done);
  }

  /** As `data`, at once. Throws a BackendError on backends that can only be read asynchronously; libraries should not use it. */
  dataSync(): TypedArray {
    const { backend } = this;
    if (!backend.readSync)
      throw new BackendError(`dataSync: the ${backend.name} backend can only be read asynchronously; use await data()`);
    const { storage, from, done } = this.#rows();
    const data = backend.readSync(storage.buffer, from, from + this.size);
    done();
    return data;
  }

  /** The one element of a tensor of size 1, as a number. Throws a ShapeError for other sizes. */
  async item(): Promise<number> {
    if (this.size !== 1) throw new ShapeError(`item: expected a tensor of one element, got shape ${show(this.shape)}`);
    return (await this.data())[0]!;
  }

  /** The elements as nested arrays (a number for a scalar, booleans for bool). */
  async toArray(): Promise<NestedArray> {
    const data = await this.data();
    const rows = { shape: this.shape, strides: contiguousStrides(this.shape), offset: 0 };
    return nest<NestedArray>(
      rows,
      (at) => element(this, data[at]!),
      (items) => items,
    );
  }

  /**
   * Adds d(this)/d(leaf) to the `grad` of every leaf that requires one, so that several calls add up. `seed` is the gradient of this
   * tensor, 1 for a scalar. Gradients live until they are disposed; an optimizer does that.
   * Throws a GradientError if nothing here requires a gradient, a ShapeError if this is no scalar and there is no seed, a LifetimeError
   * if a tensor on the way was disposed.
   *
   * @example
   * const x = tensor([1, 2], { requiresGrad: true });
   * mul(x, x).backward(tensor([1, 10]));
   * await x.grad!.toArray(); // [2, 40]
   */
  backward(seed?: Tensor): void {
    checkTensor('backward', 'this', this);
    if (!this.node)
      throw new GradientError(`backward: this tensor ${show(this.shape)} does not depend on anything that requires a gradient`);
    this.node.backward(this, seed);
  }

  /** Frees the tensor now instead of with its scope. Views of the same storage live on. */
  dispose(): void {
    if (this.#storage === null) return;
    if (this.#watched) reclaimed!.unregister(this);
    if (this.#storage instanceof Storage) this.#storage.release();
    this.#storage = null;
    live--;
    this.scope?.remove(this);
    this.grad?.dispose();
    this.grad = null;
    this.node = null;
  }

  /**
   * dtype, shape, backend and what the gradient needs, then the values, abbreviated, where they can be read at once. Never throws.
   * `print` shows any tensor in full.
   *
   * @example
   * String(tensor([1, 2.5])); // Tensor(float32 [2], on cpu) [  1, 2.5]
   */
  toString(): string {
    try {
      return preview(this);
    } catch {
      return header(this); // its backend was disposed
    }
  }

  /**
   * Logs `String(this)`, on backends that cannot be read at once after waiting for the values. The function `print` has options.
   *
   * @example
   * await tensor([1, 2.5]).print(); // Tensor(float32 [2], on cpu) [  1, 2.5]
   */
  async print(): Promise<void> {
    const atOnce = !this.materialized || this.backend.readSync;
    // biome-ignore lint/suspicious/noConsole: it is for the console
    console.log(atOnce ? this.toString() : `${header(this)} ${JSON.stringify(await this.toArray())}`);
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  /** A storage where the elements lie row by row, from `from` on. */
  #rows(): { storage: Storage; from: number; done: () => void } {
    const { shape, strides, offset, storage } = this;
    // An empty view may have any offset.
    if (isContiguous(shape, strides)) return { storage, from: this.size > 0 ? offset : 0, done: () => {} };
    const rows = new Storage(storage.backend, this.size, this.dtype);
    storage.backend.kernels.copy(shape, rows.buffer, { offset: 0, strides: contiguousStrides(shape) }, storage.buffer, { offset, strides });
    return { storage: rows, from: 0, done: () => rows.release() };
  }

  /** For scopes: none owns it any more. */
  left(): void {
    if (this.#storage !== null && !this.#watched) this.#watch();
  }

  /** For the garbage collector. What a scope owns is held by it, and needs no watching, which is a fifth of what an operation costs. */
  #watch(): void {
    reclaimed ??= new FinalizationRegistry((lost) => {
      live--;
      lost?.release();
    });
    this.#watched = true;
    reclaimed.register(this, this.#storage instanceof Storage ? this.#storage : null, this);
  }

  /** After a change of the storage. */
  #rewatch(): void {
    if (!this.#watched) return;
    reclaimed!.unregister(this);
    this.#watch();
  }
}

/** The elements of a tensor of rank 0, 1, 2 … */
export type NestedArray = number | boolean | NestedArray[];

/** Throws a BackendError unless `value` is a live tensor of this copy of the package. */
export function checkTensor(op: string, name: string, value: unknown): asserts value is Tensor {
  if (value instanceof Tensor) {
    if (value.disposed)
      throw new LifetimeError(`${op}: ${name}: tensor ${show(value.shape)} was disposed (its scope has closed, or dispose() was called)`);
    return;
  }
  const other = typeof value === 'object' && value !== null && brand in value ? String((value as Record<symbol, unknown>)[brand]) : null;
  if (other !== null) {
    throw new BackendError(
      `${op}: ${name}: a tensor of another copy of @multihead/tensor (version ${other}; this one is ${version}); install one copy only`,
    );
  }
  throw new BackendError(`${op}: ${name}: expected a Tensor, got ${value === null ? 'null' : typeof value}`);
}

/** The backend that all of these live on. Throws a BackendError naming both if there are two. */
export function commonBackend(op: string, tensors: Record<string, Tensor | null | undefined>): Backend {
  let first: string | undefined;
  let backend: Backend | undefined;
  // Every operation comes by here: without the arrays of Object.entries.
  for (const name in tensors) {
    const value = tensors[name];
    if (value === null || value === undefined) continue;
    checkTensor(op, name, value);
    const own = value.backend;
    if (backend === undefined) [first, backend] = [name, own];
    else if (backend !== own) {
      throw new BackendError(
        `${op}: ${first} is on ${backend.name} and ${name} on ${own.name}${backend.name === own.name ? ' (another instance)' : ''}; move one with await to(tensor, backend)`,
      );
    }
  }
  if (!backend) throw new BackendError(`${op}: expected at least one tensor`);
  return backend;
}
