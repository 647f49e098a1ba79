/*
 * What the threads of a team share beside the memory of the kernels: a few control words, and the list of calls to be made.
 */

/** epoch · 2²⁰ + calls · 2¹⁰ + the next one to be taken: one word, so that taking a call is one exchange. */
export const STATE = 0;
export const DONE = 1;
export const QUIT = 2;
export const FAILED = 3;
export const WORDS = 4;

export const EPOCH = 20;
export const COUNT = 10;
export const MASK = 0x3ff;

/** Calls in one piece of work at most, and numbers for each: kernel, count, place of the scratch, its address and stride, arguments. */
export const MOST_CALLS = 256;
export const SLOT = 32;
export const HEADER = 5;

export interface Shared {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly control: Int32Array<SharedArrayBuffer>;
  readonly calls: Float64Array<SharedArrayBuffer>;
  /** The kernels, by the numbers that calls have for them. */
  readonly names: readonly string[];
}

/** The next call to be made, or -1. */
export function take(control: Int32Array): number {
  for (;;) {
    const state = Atomics.load(control, STATE);
    const next = state & MASK;
    if (next >= ((state >> COUNT) & MASK)) return -1;
    if (Atomics.compareExchange(control, STATE, state, state + 1) === state) return next;
  }
}

/**
 * What a worker runs, as text, so that no bundler has to find a file: `take` again, and what it takes. It sleeps between pieces of work,
 * after a while of looking for the next.
 */
export const workerSource = `'use strict';
function work({ module, memory, control, calls, names, index }, ready) {
  const abort = () => { throw new Error('a kernel aborted'); };
  const { exports } = new WebAssembly.Instance(module, { env: { memory, abort } });
  const kernels = names.map((name) => exports[name]);
  ready();
  for (let idle = 0; !Atomics.load(control, ${QUIT}); ) {
    const state = Atomics.load(control, ${STATE});
    const next = state & ${MASK};
    if (next >= ((state >> ${COUNT}) & ${MASK})) {
      if (++idle > 4000) {
        Atomics.wait(control, ${STATE}, state);
        idle = 0;
      }
      continue;
    }
    idle = 0;
    if (Atomics.compareExchange(control, ${STATE}, state, state + 1) !== state) continue;
    const slot = calls.subarray(next * ${SLOT}, (next + 1) * ${SLOT});
    const args = Array.from(slot.subarray(${HEADER}, ${HEADER} + slot[1]));
    if (slot[2] >= 0) args[slot[2]] = slot[3] + index * slot[4];
    try {
      kernels[slot[0]](...args);
    } catch {
      Atomics.store(control, ${FAILED}, 1);
    }
    Atomics.add(control, ${DONE}, 1);
  }
}
`;
