/* jax-js on its WebAssembly backend; everything that is timed goes through its `jit`. */

export type Jax = typeof import('@jax-js/jax');

let loaded: Promise<Jax> | undefined;

/** The library, with workers for two threads and more (see browser-worker.ts). */
export function jax(threads: number): Promise<Jax> {
  loaded ??= (async () => {
    const { setThreads } = await import('./browser-worker.ts');
    setThreads(threads);
    completeIterators();
    const library = await import('@jax-js/jax');
    await library.init('wasm');
    library.defaultDevice('wasm');
    return library;
  })();
  return loaded;
}

/** jax-js asks for iterators with `map` and `filter`, which Node has from 22 on. */
function completeIterators(): void {
  const prototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
  const missing = {
    *map<T, U>(this: Iterable<T>, f: (item: T) => U): Generator<U> {
      for (const item of this) yield f(item);
    },
    *filter<T>(this: Iterable<T>, f: (item: T) => boolean): Generator<T> {
      for (const item of this) if (f(item)) yield item;
    },
  };
  for (const [name, value] of Object.entries(missing)) {
    if (!(name in prototype)) Object.defineProperty(prototype, name, { configurable: true, writable: true, value });
  }
}
