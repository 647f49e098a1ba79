import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

/* What a page fetches before there can be a token: code, WebAssembly, and files of the model. */

export interface Bytes {
  javascript: number;
  webAssembly: number;
  model: number;
}

// The bundle lies in build/.
const here = dirname(fileURLToPath(new URL('../package.json', import.meta.url)));

export async function oursBytes(checkpoint: string): Promise<Bytes> {
  const javascript = await bundled(`
    export { wasm } from '@multihead/kernels-wasm';
    export { fromTokenizerJson } from '@multihead/tokenizer';
    export { generate } from '@multihead/transformer/generation';
    export { GPT2LMHeadModel } from '@multihead/transformer/gpt2';
    export { load, readText, site } from '@multihead/transformer/load';`);
  // The kernels are in the JavaScript, deflated.
  return { javascript, webAssembly: 0, model: sizes(checkpoint, ['config.json', 'tokenizer.json', 'model.safetensors']) };
}

/** `build`: what the library loads in a page by itself, or the smallest that it can be told to. */
export async function transformersBytes(checkpoint: string, build: 'asyncify' | 'plain'): Promise<Bytes> {
  const javascript = await bundled("export { pipeline } from '@huggingface/transformers';");
  const folder = dirname(createRequire(createRequire(join(here, 'x.js')).resolve('@huggingface/transformers')).resolve('onnxruntime-web'));
  const name = `ort-wasm-simd-threaded${build === 'asyncify' ? '.asyncify' : ''}`;
  const model = sizes(checkpoint, ['config.json', 'generation_config.json', 'tokenizer.json', 'tokenizer_config.json', 'onnx/model.onnx']);
  return {
    javascript: javascript + gzipped(readFileSync(join(folder, `${name}.mjs`))),
    webAssembly: gzipped(readFileSync(join(folder, `${name}.wasm`))),
    model,
  };
}

/** A program for pages, minified and gzipped. */
async function bundled(contents: string): Promise<number> {
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: here },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'error',
    external: ['node:*'],
  });
  return gzipped(outputFiles[0]!.contents);
}

const gzipped = (bytes: Uint8Array): number => gzipSync(bytes, { level: 9 }).length;

function sizes(folder: string, files: string[]): number {
  return files.reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
}
