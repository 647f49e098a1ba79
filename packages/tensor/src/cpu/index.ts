import type { Backend, Kernels } from '../backend.js';
import { bytesOf, type DType, type TypedArray } from '../dtype.js';
import { LifetimeError, ValueError } from '../errors.js';
import { fillRandom } from '../random.js';
import { CpuBuffer } from './buffer.js';
import { copy } from './copy.js';
import { binary, cast, select, unary } from './elementwise.js';
import { gather, scatter } from './gather.js';
import { matmul } from './matmul.js';
import { argmax, cumulate, reduce, topk } from './reduce.js';
import { fold, unfold } from './window.js';

/*
 * The contract in executable form: plain loops over typed arrays, in the order of `Kernels`. Where `backend.ts` leaves a question open,
 * this is the answer. It computes in float64 and rounds once, so that it is also the reference that faster backends are held to.
 */
const kernels: Kernels<CpuBuffer> = {
  fill: (out, value) => void out.data.fill(value),
  copy,
  cast,
  unary,
  binary,
  select,
  reduce,
  argmax,
  cumulate,
  topk,
  matmul,
  gather,
  scatter,
  unfold,
  fold,
  random: (out, args) => fillRandom(out.data, args),
};

class CpuBackend implements Backend<CpuBuffer> {
  readonly name = 'cpu';
  readonly dtypes: readonly DType[] = ['float32', 'float64', 'int32', 'bool'];
  readonly kernels = kernels;
  readonly fused = {}; // the composed definitions serve
  readonly #live = new Set<CpuBuffer>();
  #bytes = 0;
  #disposed = false;

  alloc(length: number, dtype: DType): CpuBuffer {
    if (this.#disposed) throw new LifetimeError('cpu: alloc: this backend was disposed');
    if (!Number.isSafeInteger(length) || length < 0) throw new ValueError(`cpu: alloc: length: expected an integer from 0, got ${length}`);
    const buffer = new CpuBuffer(length, dtype);
    this.#live.add(buffer);
    this.#bytes += length * bytesOf(dtype);
    return buffer;
  }

  free(buffer: CpuBuffer): void {
    if (this.#disposed) return; // everything is free already, and scopes still close
    if (!this.#live.delete(buffer)) throw new LifetimeError('cpu: free: this buffer was freed already, or is not of this backend');
    this.#bytes -= buffer.length * bytesOf(buffer.dtype);
    buffer.release();
  }

  write(buffer: CpuBuffer, data: TypedArray, at = 0): void {
    checkRange('write', buffer, at, at + data.length);
    buffer.data.set(data, at);
  }

  async read(buffer: CpuBuffer, from?: number, to?: number): Promise<TypedArray> {
    return this.readSync(buffer, from, to);
  }

  readSync(buffer: CpuBuffer, from = 0, to = buffer.length): TypedArray {
    checkRange('read', buffer, from, to);
    return buffer.data.slice(from, to);
  }

  memory(): { buffers: number; bytes: number } {
    return { buffers: this.#live.size, bytes: this.#bytes };
  }

  dispose(): void {
    this.#disposed = true;
    for (const buffer of this.#live) buffer.release();
    this.#live.clear();
    this.#bytes = 0;
  }
}

function checkRange(op: string, buffer: CpuBuffer, from: number, to: number): void {
  if (!(from >= 0 && from <= to && to <= buffer.length)) {
    throw new ValueError(`cpu: ${op}: expected a range inside [0, ${buffer.length}), got [${from}, ${to})`);
  }
}

/**
 * A new CPU backend: exact, readable and slow. It takes every dtype, float64 included, and is the default until `setBackend` names another.
 *
 * @example
 * const backend = cpu();
 * const x = tensor([1, 2, 3], { backend, dtype: 'float64' });
 */
export function cpu(): Backend {
  return new CpuBackend();
}
