import type { Build } from './load.js';

/**
 * Where this package's `.wasm` files are, for `wasm({ kernels: kernelUrl })`: they are then loaded beside the JavaScript, not with it. For
 * Node, browsers and bundlers that take `new URL('…', import.meta.url)` for a file.
 *
 * @example
 * setBackend(await wasm({ kernels: kernelUrl }));
 */
export function kernelUrl(build: Build): URL {
  return build === 'relaxed' ? new URL('../generated/relaxed.wasm', import.meta.url) : new URL('../generated/simd.wasm', import.meta.url);
}
