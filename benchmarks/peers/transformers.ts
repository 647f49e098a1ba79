import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Ort } from './onnxruntime.ts';

/*
 * transformers.js. In Node it runs on onnxruntime-node, which is native code. What runs in a browser, and is our peer, is onnxruntime-web:
 * the library takes one that it is handed by this symbol. Both are of the versions that it asks for itself.
 */

export type Transformers = typeof import('@huggingface/transformers');
export type Engine = 'wasm' | 'native';

const symbol = Symbol.for('onnxruntime');
const loaded = new Map<Engine, Promise<Transformers>>();

/** The library on one of its engines; each is a copy of the module. */
export function transformersJs(engine: Engine, threads: number): Promise<Transformers> {
  let library = loaded.get(engine);
  if (!library) {
    library = load(engine, threads);
    loaded.set(engine, library);
  }
  return library;
}

async function load(engine: Engine, threads: number): Promise<Transformers> {
  const require = createRequire(import.meta.url);
  const main = join(dirname(require.resolve('@huggingface/transformers')), 'transformers.node.mjs');
  const holder = globalThis as { [symbol]?: unknown };
  if (engine === 'wasm') holder[symbol] = await onnxruntimeOf(main, threads);
  try {
    const library: Transformers = await import(`${pathToFileURL(main).href}?${engine}`);
    library.env.allowRemoteModels = false;
    library.env.logLevel = library.LogLevel.ERROR;
    return library;
  } finally {
    delete holder[symbol];
  }
}

/** The onnxruntime-web that the module at `main` asks for, in its build without WebGPU: the smaller and faster one. */
async function onnxruntimeOf(main: string, threads: number): Promise<Ort> {
  const folder = dirname(createRequire(main).resolve('onnxruntime-web'));
  const ort: Ort = await import(pathToFileURL(join(folder, 'ort.node.min.mjs')).href);
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmPaths = `${pathToFileURL(folder).href}/`; // else it would be told to fetch them
  return ort;
}

/** How a pipeline is to run, in float32. */
export function runsOn(engine: Engine, threads: number, file = 'model') {
  const native = { device: 'cpu', session_options: { intraOpNumThreads: threads, interOpNumThreads: 1 } } as const;
  // It knows no device of an engine that it is handed.
  const web = { device: 'auto', session_options: { executionProviders: ['wasm'] } } as const;
  return { ...(engine === 'native' ? native : web), dtype: 'fp32', model_file_name: file } as const;
}
