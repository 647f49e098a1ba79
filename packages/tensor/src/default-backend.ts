import type { Backend } from './backend.js';
import { cpu } from './cpu/index.js';

let current: Backend | undefined;

/**
 * The backend on which constructors and loaders place new tensors: the readable CPU backend until `setBackend` names another.
 *
 * @example
 * getBackend().name; // 'cpu'
 */
export function getBackend(): Backend {
  current ??= cpu();
  return current;
}

/**
 * Makes `backend` the default for new tensors, and for parameters that are drawn from now on. Ops never look at it: they run where their
 * inputs are; `move` takes a model along.
 *
 * @example
 * const before = getBackend();
 * setBackend(cpu()); // or await wasm() of @multihead/kernels-wasm
 * ones([2]).backend === before; // false
 * setBackend(before);
 */
export function setBackend(backend: Backend): void {
  current = backend;
}

/**
 * Runs the synchronous `fn` with another default backend.
 *
 * @example
 * const exact = cpu();
 * withBackend(exact, () => zeros([2])).backend === exact; // true
 */
export function withBackend<T>(backend: Backend, fn: () => T): T {
  const before = current;
  current = backend;
  try {
    return fn();
  } finally {
    current = before;
  }
}
