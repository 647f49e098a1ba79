import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import { Absent } from '../contest.ts';

/* TensorFlow.js on its WebAssembly backend (XNNPACK), the build with SIMD. */

export type Tf = typeof import('@tensorflow/tfjs-core');

let loaded: Promise<Tf> | undefined;

export function tensorflow(threads: number): Promise<Tf> {
  if (threads > 1) throw new Absent('cannot: tfjs-backend-wasm has no threads in Node (github.com/tensorflow/tfjs/issues/3830)');
  loaded ??= (async () => {
    const require = createRequire(import.meta.url);
    const tf: Tf = require('@tensorflow/tfjs-core');
    const backend: typeof import('@tensorflow/tfjs-backend-wasm') = require('@tensorflow/tfjs-backend-wasm');
    // From the package on disk.
    backend.setWasmPaths(dirname(require.resolve('@tensorflow/tfjs-backend-wasm')) + sep);
    if (!(await tf.setBackend('wasm'))) throw new Absent('cannot: tfjs-backend-wasm did not start');
    await tf.ready();
    // Its build for Node leaves the gradients out; all of its copies share one table of them.
    await import('../node_modules/@tensorflow/tfjs-core/dist/register_all_gradients.js');
    if (!(await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT'))) throw new Absent('cannot: tfjs-backend-wasm found no SIMD');
    return tf;
  })();
  return loaded;
}
