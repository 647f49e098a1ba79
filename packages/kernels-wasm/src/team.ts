import { BackendError } from '@multihead/tensor';
import { COUNT, DONE, EPOCH, FAILED, MASK, MOST_CALLS, QUIT, type Shared, SLOT, STATE, take, WORDS } from './control.js';
import type { Exports } from './exports.js';
import type { Heap } from './heap.js';
import { type Started, startWorkers } from './workers.js';

/*
 * The threads of a backend: the caller's own and workers, all with the same kernels on one shared memory. A piece of work is a list of
 * calls of one kernel; each is taken by whoever is free, the calling thread among them, and `run` returns when all are done, so that
 * kernels stay synchronous. Calls of one piece never write to the same place, and their arithmetic does not depend on how the work was
 * cut: the results are the same bits for any number of threads.
 */
export interface Team {
  /** Threads, the caller's own included. */
  readonly size: number;
  /** Why there are fewer than were asked for. */
  readonly why: string | null;
  /** Makes all calls of `kernel`. Argument `scratchAt`, where given, becomes the address of `scratchBytes` that are the thread's own. */
  run(kernel: keyof Exports, calls: readonly (readonly number[])[], scratchAt?: number, scratchBytes?: number): void;
  dispose(): void;
}

type Kernel = (...args: readonly number[]) => unknown;

/** The calling thread alone. */
export function soloist(heap: Heap, exports: Exports, why: string | null = null): Team {
  return {
    size: 1,
    why,
    run(kernel, calls, scratchAt = -1, scratchBytes = 0) {
      const call = exports[kernel] as Kernel;
      if (scratchAt < 0) for (const args of calls) call(...args);
      else
        heap.scratch(scratchBytes, (address) => {
          for (const args of calls) call(...args.with(scratchAt, address));
        });
    },
    dispose: () => {},
  };
}

/** A worker that takes longer than this for one call has died; a call takes milliseconds. */
const PATIENCE = 10_000;

/** A team of `size` threads; the caller alone, with the reason, where workers cannot be had. */
export async function startTeam(size: number, heap: Heap, exports: Exports, module: WebAssembly.Module): Promise<Team> {
  const shared: Shared = {
    module,
    memory: heap.memoryObject(),
    control: new Int32Array(new SharedArrayBuffer(WORDS * 4)),
    calls: new Float64Array(new SharedArrayBuffer(MOST_CALLS * SLOT * 8)),
    names: Object.keys(exports).filter((name) => typeof exports[name as keyof Exports] === 'function'),
  };
  const workers = await startWorkers(size - 1, shared);
  return typeof workers === 'string' ? soloist(heap, exports, workers) : new SharedTeam(size, heap, exports, shared, workers);
}

class SharedTeam implements Team {
  readonly size: number;
  readonly why = null;
  readonly #heap: Heap;
  readonly #exports: Exports;
  readonly #shared: Shared;
  readonly #workers: Started;
  readonly #alone: Team;
  #epoch = 0;

  constructor(size: number, heap: Heap, exports: Exports, shared: Shared, workers: Started) {
    this.size = size;
    this.#heap = heap;
    this.#exports = exports;
    this.#shared = shared;
    this.#workers = workers;
    this.#alone = soloist(heap, exports);
  }

  run(kernel: keyof Exports, calls: readonly (readonly number[])[], scratchAt = -1, scratchBytes = 0): void {
    if (calls.length > MOST_CALLS) {
      this.run(kernel, calls.slice(0, MOST_CALLS), scratchAt, scratchBytes);
      this.run(kernel, calls.slice(MOST_CALLS), scratchAt, scratchBytes);
    } else if (calls.length === 1 || this.#workers.lost) this.#alone.run(kernel, calls, scratchAt, scratchBytes);
    else if (scratchAt < 0) this.#together(kernel, calls, -1, 0, 0);
    else this.#heap.scratches(this.size, scratchBytes, (address, stride) => this.#together(kernel, calls, scratchAt, address, stride));
  }

  #together(kernel: keyof Exports, calls: readonly (readonly number[])[], scratchAt: number, address: number, stride: number): void {
    const { control, calls: slots, names } = this.#shared;
    const name = names.indexOf(kernel);
    calls.forEach((args, i) => {
      slots.set([name, args.length, scratchAt, address, stride, ...args], i * SLOT);
    });
    Atomics.store(control, DONE, 0);
    this.#epoch = (this.#epoch + 1) & MASK;
    Atomics.store(control, STATE, (this.#epoch << EPOCH) | (calls.length << COUNT));
    Atomics.notify(control, STATE);
    const call = this.#exports[kernel] as Kernel;
    let failure: unknown;
    for (let i = take(control); i >= 0; i = take(control)) {
      try {
        call(...(scratchAt < 0 ? calls[i]! : calls[i]!.with(scratchAt, address)));
      } catch (error) {
        failure ??= error;
      }
      Atomics.add(control, DONE, 1);
    }
    this.#wait(kernel, calls.length);
    if (failure !== undefined) throw failure;
    if (Atomics.exchange(control, FAILED, 0)) throw new BackendError(`wasm: ${kernel}: failed in a worker`);
  }

  /** Until the others have done what they took. A page's own thread may not sleep, so it looks again and again: not for longer than a call. */
  #wait(kernel: string, count: number): void {
    const { control } = this.#shared;
    let last = -1;
    let since = 0;
    for (let looks = 1; ; looks++) {
      const done = Atomics.load(control, DONE);
      if (done === count) return;
      if ((looks & 0xffff) !== 0) continue;
      const now = performance.now();
      if (done !== last) [last, since] = [done, now];
      else if (now - since > PATIENCE) {
        this.#workers.end();
        throw new BackendError(`wasm: ${kernel}: a worker has not answered for ${PATIENCE / 1000} s; the backend goes on with one thread`);
      }
    }
  }

  dispose(): void {
    const { control } = this.#shared;
    Atomics.store(control, QUIT, 1);
    Atomics.add(control, STATE, 1 << EPOCH);
    Atomics.notify(control, STATE);
    this.#workers.end();
  }
}
