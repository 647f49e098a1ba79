import { type Backend, BackendError, ShapeError, type TypedArray } from '@multihead/tensor';
import { attentionKernels } from './attention.js';
import { copy } from './copy.js';
import { elementwise } from './elementwise.js';
import type { Exports } from './exports.js';
import { rowKernels } from './fused.js';
import { Heap, type WasmBuffer } from './heap.js';
import { compile } from './load.js';
import { products } from './matmul.js';
import { draws } from './random.js';
import { rows } from './rows.js';

export interface WasmOptions {
  /** False: the build without relaxed multiply-add, whose results are the same bits on every engine. Default: where the engine has it. */
  readonly relaxedSimd?: boolean;
  /** The most that the memory may grow to, in bytes. Default and limit: 4 GiB. */
  readonly maxBytes?: number;
}

const PAGE = 65536;
const INITIAL_PAGES = 64;
const MAX_PAGES = 65536;

/**
 * A backend that runs its kernels in WebAssembly with 128-bit SIMD, on the calling thread. Each call makes an instance of its own.
 * dtypes float32, int32, bool. Throws where the engine lacks SIMD or may not compile.
 *
 * @example
 * setBackend(await wasm());
 */
export async function wasm(options: WasmOptions = {}): Promise<Backend> {
  const module = await compile(options.relaxedSimd ?? true);
  const { memory, pages } = createMemory(options.maxBytes ?? MAX_PAGES * PAGE);
  const abort = (): never => {
    throw new BackendError('wasm: a kernel aborted');
  };
  const instance = await WebAssembly.instantiate(module, { env: { memory, abort } });
  // A copy, so that `dispose` can let go of the instance while the backend is still held.
  const exports = { ...instance.exports } as unknown as Exports;
  return assemble(new Heap(memory, pages, exports), exports);
}

/** The memory, with the greatest maximum that the engine grants. */
function createMemory(maxBytes: number): { memory: WebAssembly.Memory; pages: number } {
  let pages = Math.max(INITIAL_PAGES, Math.min(MAX_PAGES, Math.floor(maxBytes / PAGE)));
  for (;;) {
    try {
      return { memory: new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum: pages }), pages };
    } catch (cause) {
      if (pages === INITIAL_PAGES) throw new BackendError(`wasm: the engine refused a memory of ${pages * PAGE} bytes`, { cause });
      pages = Math.max(INITIAL_PAGES, pages >> 1);
    }
  }
}

function assemble(heap: Heap, exports: Exports): Backend<WasmBuffer> {
  return {
    name: 'wasm',
    dtypes: ['float32', 'int32', 'bool'],
    alloc: (length, dtype) => heap.alloc(length, dtype),
    free: (buffer) => heap.free(buffer),
    write(buffer, data, at = 0) {
      const view = heap.view(buffer, 'write');
      if (!(at >= 0 && at + data.length <= view.length)) {
        throw new ShapeError(`wasm write: ${data.length} elements at ${at} do not fit in ${view.length}`);
      }
      view.set(buffer.dtype === 'bool' && !(data instanceof Uint8Array) ? Uint8Array.from(data, (x) => (x ? 1 : 0)) : data, at);
    },
    read: async (buffer, from, to) => readCopy(heap, buffer, from, to),
    readSync: (buffer, from, to) => readCopy(heap, buffer, from, to),
    memory: () => heap.memory(),
    dispose() {
      heap.dispose();
      for (const key of Object.keys(exports)) delete (exports as Partial<Exports>)[key as keyof Exports];
    },
    kernels: {
      ...elementwise(heap, exports),
      copy: copy(heap, exports),
      ...rows(heap, exports),
      matmul: products(heap, exports).matmul,
      random: draws(heap, exports).random,
    },
    fused: {
      linear: products(heap, exports).linear,
      dropout: draws(heap, exports).dropout,
      ...rowKernels(heap, exports),
      ...attentionKernels(heap, exports),
    },
  };
}

function readCopy(heap: Heap, buffer: WasmBuffer, from = 0, to = buffer.length): TypedArray {
  if (!(from >= 0 && from <= to && to <= buffer.length)) {
    throw new ShapeError(`wasm read: elements [${from}, ${to}) of a buffer of ${buffer.length}`);
  }
  return heap.view(buffer, 'read').slice(from, to);
}
