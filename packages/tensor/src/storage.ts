import type { Backend, DeviceBuffer } from './backend.js';
import type { DType } from './dtype.js';

/** The most bytes that a backend has held at once, by what it said of itself after each allocation. */
export const peaks = new WeakMap<Backend, number>();

/** A buffer of a backend, shared by every view of it and freed with the last one. */
export class Storage {
  readonly backend: Backend;
  readonly buffer: DeviceBuffer;
  #references = 1;

  constructor(backend: Backend, length: number, dtype: DType) {
    this.backend = backend;
    this.buffer = backend.alloc(length, dtype);
    peaks.set(backend, Math.max(peaks.get(backend) ?? 0, backend.memory().bytes));
  }

  /** True while more than one tensor shows it. */
  get shared(): boolean {
    return this.#references > 1;
  }

  retain(): this {
    this.#references++;
    return this;
  }

  release(): void {
    if (--this.#references === 0) this.backend.free(this.buffer);
  }
}
