import {
  BackendError,
  type DeviceBuffer,
  type DType,
  DTypeError,
  LifetimeError,
  ShapeError,
  type TypedArray,
  ValueError,
} from '@multihead/tensor';
import { Allocator, type Block } from './allocator.js';
import type { Exports } from './exports.js';

const PAGE = 65536;
/** Kernels may read this far past the end of an array (see assembly/simd.ts). */
const SLACK = 256;
/** Growing by less than this at a time would be slow. */
const MIN_GROWTH = 16 * 2 ** 20;

const bytesOf: Partial<Record<DType, number>> = { float32: 4, int32: 4, bool: 1 };

/** How often a form was asked for, and where it is once it has been made. */
interface Derived {
  uses: number;
  block: Block | null;
}

/** Forms take no more than this share of the memory. */
const DERIVED_SHARE = 1 / 4;

/** A piece of the WebAssembly memory. */
export class WasmBuffer implements DeviceBuffer {
  readonly length: number;
  readonly dtype: DType;
  readonly heap: Heap;
  /** Null once it is freed. */
  block: Block | null;
  /** Its contents in other forms, by what they are for; null while there are none. See `Heap.derived`. */
  derived: Map<string, Derived> | null = null;

  constructor(heap: Heap, block: Block, length: number, dtype: DType) {
    this.heap = heap;
    this.block = block;
    this.length = length;
    this.dtype = dtype;
  }
}

/** The memory of one instance: buffers, a fixed scratch at its start, and checked addresses for the kernels. */
export class Heap {
  #memory: WebAssembly.Memory | null;
  readonly #maximum: number;
  readonly #allocator: Allocator;
  readonly #scratchBytes: number;
  #buffers = 0;
  #bytes = 0;
  #derivedBytes = 0;
  readonly #withForms = new Set<WasmBuffer>();
  #i32 = new Int32Array(0);
  #f32 = new Float32Array(0);
  #u8 = new Uint8Array(0);
  /** 8 kB for descriptors and short vectors. */
  readonly small: number;
  readonly #scratch: number;

  constructor(memory: WebAssembly.Memory, maximumPages: number, exports: Exports, threads = 1) {
    this.#memory = memory;
    this.#maximum = maximumPages * PAGE;
    this.small = Math.ceil((exports.heapBase() >>> 0) / 64) * 64;
    this.#scratch = this.small + 8192;
    this.#scratchBytes = Math.ceil(exports.matmulScratch() / 64) * 64;
    this.#allocator = new Allocator(this.#scratch + this.#scratchBytes * threads);
    this.#refresh();
    this.#reserve(0);
  }

  get i32(): Int32Array {
    return this.#i32;
  }

  alloc(length: number, dtype: DType): WasmBuffer {
    this.#alive();
    const size = bytesOf[dtype];
    if (size === undefined) {
      throw new DTypeError(`wasm alloc: dtype ${dtype} is not one of float32, int32, bool; the CPU backend has it (setBackend(cpu()))`);
    }
    if (!Number.isSafeInteger(length) || length < 0) throw new ValueError(`wasm alloc: length: expected a whole number ≥ 0, got ${length}`);
    const block = this.#take(length * size, `${length} elements of ${dtype}`);
    this.#buffers++;
    this.#bytes += length * size;
    return new WasmBuffer(this, block, length, dtype);
  }

  free(buffer: WasmBuffer): void {
    if (this.#memory === null) return; // everything is free already, and scopes still close
    const block = this.#blockOf(buffer, 'free', 'buffer');
    this.#forget(buffer);
    this.#allocator.release(block);
    buffer.block = null;
    this.#buffers--;
    this.#bytes -= buffer.length * bytesOf[buffer.dtype]!;
  }

  /** The elements of a buffer, valid until the next allocation. */
  view(buffer: WasmBuffer, op: string): TypedArray {
    const { address } = this.#blockOf(buffer, op, 'buffer');
    if (op !== 'read') this.#forget(buffer);
    if (buffer.dtype === 'bool') return this.#u8.subarray(address, address + buffer.length);
    const words = buffer.dtype === 'int32' ? this.#i32 : this.#f32;
    return words.subarray(address / 4, address / 4 + buffer.length);
  }

  /** The address of `buffer`, which must be of `dtype` (null: any) and hold at least `length` elements; it may be written to. */
  at(op: string, name: string, buffer: WasmBuffer, dtype: DType | null, length: number): number {
    const address = this.constant(op, name, buffer, dtype, length);
    this.#forget(buffer);
    return address;
  }

  /** As `at`, of a buffer that is only read: its other forms stay valid. */
  constant(op: string, name: string, buffer: WasmBuffer, dtype: DType | null, length: number): number {
    const { address } = this.#blockOf(buffer, op, name);
    if (dtype !== null && buffer.dtype !== dtype) throw new DTypeError(`wasm ${op}: ${name}: expected ${dtype}, got ${buffer.dtype}`);
    if (!(buffer.length >= length)) throw new ShapeError(`wasm ${op}: ${name}: expected at least ${length} elements, got ${buffer.length}`);
    return address;
  }

  /**
   * The address of another form of what `buffer` holds, of `bytes`, which `make` writes, or 0: it is made the second time it is asked for
   * without a write between, as for the weights of a model that runs, and forgotten at the next write.
   */
  derived(buffer: WasmBuffer, form: string, bytes: number, make: (address: number) => void): number {
    buffer.derived ??= new Map();
    const entry = buffer.derived.get(form) ?? { uses: 0, block: null };
    buffer.derived.set(form, entry);
    if (++entry.uses < 2) return 0;
    if (!entry.block) {
      if (this.#derivedBytes + bytes > this.#maximum * DERIVED_SHARE) return 0;
      entry.block = this.#find(bytes);
      if (!entry.block) return 0;
      this.#derivedBytes += entry.block.size;
      this.#withForms.add(buffer);
      make(entry.block.address);
    }
    return entry.block.address;
  }

  #forget(buffer: WasmBuffer): void {
    if (!buffer.derived) return;
    for (const { block } of buffer.derived.values()) {
      if (!block) continue;
      this.#derivedBytes -= block.size;
      this.#allocator.release(block);
    }
    buffer.derived = null;
    this.#withForms.delete(buffer);
  }

  /** As `at`, of float32; 0 for null. */
  optional(op: string, name: string, buffer: WasmBuffer | null, length: number): number {
    return buffer === null ? 0 : this.at(op, name, buffer, 'float32', length);
  }

  /** Runs `work` with the address of `bytes` of scratch: the fixed one if it is large enough. */
  scratch(bytes: number, work: (address: number) => void): void {
    this.scratches(1, bytes, work);
  }

  /** The same for `count` threads: the scratch of the next lies `stride` further on. */
  scratches(count: number, bytes: number, work: (address: number, stride: number) => void): void {
    if (bytes <= this.#scratchBytes) {
      work(this.#scratch, this.#scratchBytes);
      return;
    }
    const stride = Math.ceil(bytes / 64) * 64;
    const block = this.#take(stride * count, 'scratch');
    try {
      work(block.address, stride);
    } finally {
      this.#allocator.release(block);
    }
  }

  /** Runs `work` with the address of `bytes` that are its own. */
  block(bytes: number, work: (address: number) => void): void {
    const block = this.#take(bytes, 'scratch');
    try {
      work(block.address);
    } finally {
      this.#allocator.release(block);
    }
  }

  /** For workers, which have instances of their own on it. */
  memoryObject(): WebAssembly.Memory {
    this.#alive();
    return this.#memory!;
  }

  /** What buffers take; `derived` bytes more are weights in the form that products read. */
  memory(): { buffers: number; bytes: number; derived: number } {
    return { buffers: this.#buffers, bytes: this.#bytes, derived: this.#derivedBytes };
  }

  dispose(): void {
    this.#memory = null;
    this.#i32 = new Int32Array(0);
    this.#f32 = new Float32Array(0);
    this.#u8 = new Uint8Array(0);
  }

  #alive(): void {
    if (this.#memory === null) throw new LifetimeError('wasm: the backend has been disposed');
  }

  #blockOf(buffer: WasmBuffer, op: string, name: string): Block {
    this.#alive();
    if (!(buffer instanceof WasmBuffer) || buffer.heap !== this) throw new BackendError(`wasm ${op}: ${name} belongs to another backend`);
    if (buffer.block === null) throw new LifetimeError(`wasm ${op}: ${name} (${buffer.length} elements of ${buffer.dtype}) has been freed`);
    return buffer.block;
  }

  #take(bytes: number, what: string): Block {
    let block = this.#find(bytes);
    if (!block && this.#withForms.size > 0) {
      for (const buffer of this.#withForms) this.#forget(buffer);
      block = this.#find(bytes);
    }
    if (block) return block;
    const size = `${what} (${bytes} bytes)`;
    throw new BackendError(
      `wasm: out of memory for ${size}; ${this.#bytes} bytes are taken of at most ${this.#maximum}. Free tensors or use smaller batches`,
    );
  }

  #find(bytes: number): Block | null {
    const block = this.#allocator.take(bytes);
    if (block || !this.#reserve(this.#allocator.shortfall(bytes))) return block;
    return this.#allocator.take(bytes);
  }

  /** Grows the memory by at least `bytes`; false if it can't be had. */
  #reserve(bytes: number): boolean {
    const needed = this.#allocator.end + bytes + SLACK;
    const size = this.#size();
    if (needed > size) {
      if (needed > this.#maximum) return false;
      // By a quarter, so that growth is rare; by what is needed, if that is too much.
      const generous = Math.min(Math.max(needed, size + MIN_GROWTH, size * 1.25), this.#maximum);
      if (!this.#grow(generous - size) && !this.#grow(needed - size)) return false;
    }
    this.#allocator.extend(this.#size() - SLACK);
    return true;
  }

  #size(): number {
    return this.#memory!.buffer.byteLength;
  }

  #grow(bytes: number): boolean {
    try {
      this.#memory!.grow(Math.ceil(bytes / PAGE));
    } catch {
      return false;
    }
    this.#refresh();
    return true;
  }

  #refresh(): void {
    const { buffer } = this.#memory!;
    this.#i32 = new Int32Array(buffer);
    this.#f32 = new Float32Array(buffer);
    this.#u8 = new Uint8Array(buffer);
  }
}
