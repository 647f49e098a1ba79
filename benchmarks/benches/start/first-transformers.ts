import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runsOn, type Transformers, transformersJs } from '../../peers/transformers.ts';
import { tellFirst } from './tell.ts';

/*
 * The same by transformers.js on onnxruntime-web: in its build for Node, from a folder; in that for pages, which starts faster, over HTTP.
 */

const [where, threads, prompt] = process.argv.slice(2) as [string, string, string];
const count = Number(threads);
const isRemote = where.startsWith('http');
const library: Transformers = isRemote ? await forPages() : await transformersJs('wasm', count);
const { env, pipeline } = library;
env.allowRemoteModels = isRemote;
env.allowLocalModels = !isRemote;
if (isRemote) [env.remoteHost, env.remotePathTemplate] = [`${dirname(where)}/`, '{model}/'];
else env.localModelPath = `${dirname(where)}/`;
const generator = await pipeline('text-generation', basename(where), runsOn('wasm', count));
const { input_ids } = generator.tokenizer(prompt);
const ids = (await generator.model.generate({
  ...generator.tokenizer(prompt),
  max_new_tokens: 1,
  do_sample: false,
} as never)) as unknown as {
  tolist(): bigint[][];
};
if (ids.tolist()[0]!.length !== input_ids.dims.at(-1)! + 1) throw new Error('expected one new token');
tellFirst(Number(ids.tolist()[0]!.at(-1)));

/** It takes itself to be in a page when the process does not say that it is Node. */
async function forPages(): Promise<Transformers> {
  const require = createRequire(import.meta.url);
  const folder = dirname(require.resolve('@huggingface/transformers'));
  const runtime = dirname(createRequire(join(folder, 'transformers.web.min.js')).resolve('onnxruntime-web'));
  const ort = await import(pathToFileURL(join(runtime, 'ort.node.min.mjs')).href);
  ort.env.wasm.numThreads = count;
  ort.env.wasm.wasmPaths = `${pathToFileURL(runtime).href}/`;
  (globalThis as { [key: symbol]: unknown })[Symbol.for('onnxruntime')] = ort;
  Object.defineProperty(process, 'release', { value: { name: 'page' } });
  return import(pathToFileURL(join(folder, 'transformers.web.min.js')).href);
}
