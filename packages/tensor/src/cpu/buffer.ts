import type { DeviceBuffer } from '../backend.js';
import { allocArray, type DType, type TypedArray } from '../dtype.js';
import { LifetimeError } from '../errors.js';

/** A typed array that can end: `data` throws once the buffer has been freed or its backend disposed. */
export class CpuBuffer implements DeviceBuffer {
  readonly length: number;
  readonly dtype: DType;
  #data: TypedArray | null;

  constructor(length: number, dtype: DType) {
    this.length = length;
    this.dtype = dtype;
    this.#data = allocArray(dtype, length);
  }

  get data(): TypedArray {
    if (this.#data === null) throw new LifetimeError(`cpu: a ${this.dtype} buffer of ${this.length} elements was used after it was freed`);
    return this.#data;
  }

  release(): void {
    this.#data = null;
  }
}
