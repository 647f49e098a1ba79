import { type Backend, BackendError, ShapeError, type TypedArray, ValueError } from '@multihead/tensor';
import { attentionKernels } from './attention.js';
import { copy } from './copy.js';
import { elementwise } from './elementwise.js';
import type { Exports } from './exports.js';
import { rowKernels } from './fused.js';
import { gates } from './gate.js';
import { Heap, type WasmBuffer } from './heap.js';
import { type Build, capabilities, compile, type KernelSource } from './load.js';
import { products } from './matmul.js';
import { quantised } from './quant.js';
import { draws } from './random.js';
import { rotations } from './rope.js';
import { rows } from './rows.js';
import { soloist, startTeam, type Team } from './team.js';

export interface WasmOptions {
  /** How many threads share the work, the caller's own included; 1. Where there can be no more than one, one does it all: see `threads` of the backend. */
  readonly threads?: number;
  /** False: the build without relaxed multiply-add, whose results are the same bits on every engine. Default: where the engine has it. */
  readonly relaxedSimd?: boolean;
  /** Where the kernels come from, if not out of this package's own JavaScript: `kernelUrl` of `@multihead/kernels-wasm/url`, or your own. */
  readonly kernels?: (build: Build) => KernelSource;
  /** Stops the loading of the kernels. */
  readonly signal?: AbortSignal;
  /** The most that the memory may grow to, in bytes. Default and limit: 4 GiB. */
  readonly maxBytes?: number;
}

const PAGE = 65536;
const INITIAL_PAGES = 64;
const MAX_PAGES = 65536;

/** A backend, and how many threads it has; where that is fewer than were asked for, `why`. */
export interface WasmBackend extends Backend {
  /** `derived` bytes, which the others do not count, hold weights in the form that products read. */
  memory(): { buffers: number; bytes: number; derived: number };
  readonly threads: number;
  readonly why: string | null;
}

/**
 * A backend that runs its kernels in WebAssembly with 128-bit SIMD. Each call makes an instance with a memory, and threads, of its own.
 * dtypes float32, int32, bool. Throws a BackendError where the engine lacks SIMD or may not compile, a ValueError for a number of threads
 * that is none. The results are the same bits for any number of threads.
 *
 * @example
 * setBackend(await wasm({ threads: 2 }));
 */
export async function wasm(options: WasmOptions = {}): Promise<WasmBackend> {
  const { threads = 1, relaxedSimd = true, maxBytes = MAX_PAGES * PAGE, kernels, signal } = options;
  if (!Number.isInteger(threads) || threads < 1 || threads > 64)
    throw new ValueError(`wasm: threads: expected an integer from 1 to 64, got ${threads}`);
  const { threads: possible, why } = capabilities();
  const size = possible ? threads : 1;
  const module = await compile({ relaxedSimd, shared: size > 1, kernels, signal });
  const { memory, pages } = createMemory(maxBytes, size > 1);
  const abort = (): never => {
    throw new BackendError('wasm: a kernel aborted');
  };
  const instance = await WebAssembly.instantiate(module, { env: { memory, abort } });
  // A copy, so that `dispose` can let go of the instance while the backend is still held.
  const exports = { ...instance.exports } as unknown as Exports;
  const heap = new Heap(memory, pages, exports, size);
  const reason = threads > size ? (why.find((text) => text.startsWith('threads')) ?? null) : null;
  return assemble(heap, exports, size > 1 ? await startTeam(size, heap, exports, module) : soloist(heap, exports, reason));
}

/** The memory, with the greatest maximum that the engine grants. */
function createMemory(maxBytes: number, shared: boolean): { memory: WebAssembly.Memory; pages: number } {
  let pages = Math.max(INITIAL_PAGES, Math.min(MAX_PAGES, Math.floor(maxBytes / PAGE)));
  for (;;) {
    try {
      return { memory: new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum: pages, shared }), pages };
    } catch (cause) {
      if (pages === INITIAL_PAGES) throw new BackendError(`wasm: the engine refused a memory of ${pages * PAGE} bytes`, { cause });
      pages = Math.max(INITIAL_PAGES, pages >> 1);
    }
  }
}

function assemble(heap: Heap, exports: Exports, team: Team): WasmBackend {
  const backend: Backend<WasmBuffer> & Pick<WasmBackend, 'threads' | 'why' | 'memory'> = {
    name: 'wasm',
    threads: team.size,
    why: team.why,
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
      team.dispose();
      heap.dispose();
      for (const key of Object.keys(exports)) delete (exports as Partial<Exports>)[key as keyof Exports];
    },
    kernels: {
      ...elementwise(heap, exports, team),
      copy: copy(heap, exports),
      ...rows(heap, exports, team),
      matmul: products(heap, exports, team).matmul,
      random: draws(heap, exports, team).random,
    },
    fused: {
      linear: products(heap, exports, team).linear,
      dropout: draws(heap, exports, team).dropout,
      ...rowKernels(heap, team, exports),
      ...attentionKernels(heap, exports, team),
      ...rotations(heap, team),
      ...gates(heap, team),
      ...quantised(heap, exports, team),
    },
  };
  return backend;
}

function readCopy(heap: Heap, buffer: WasmBuffer, from = 0, to = buffer.length): TypedArray {
  if (!(from >= 0 && from <= to && to <= buffer.length)) {
    throw new ShapeError(`wasm read: elements [${from}, ${to}) of a buffer of ${buffer.length}`);
  }
  return heap.view(buffer, 'read').slice(from, to);
}
