/* jax-js on its WebAssembly backend; everything that is timed goes through its `jit`. */

export type Jax = typeof import('@jax-js/jax');

let loaded: Promise<Jax> | undefined;

/** The library, with workers for two threads and more (see browser-worker.ts). */
export function jax(threads: number): Promise<Jax> {
  loaded ??= (async () => {
    const { setThreads } = await import('./browser-worker.ts');
    setThreads(threads);
    const library = await import('@jax-js/jax');
    await library.init('wasm');
    library.defaultDevice('wasm');
    return library;
  })();
  return loaded;
}
