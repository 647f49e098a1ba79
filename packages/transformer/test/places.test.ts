import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { dispose, liveTensors, noGrad, Rng, scope, tensor } from '@multihead/tensor';
import { serializeSafetensors } from '@multihead/tensor/safetensors';
import { readSafetensorsFile } from '@multihead/tensor/safetensors/node';
import { auto } from '@multihead/transformer/auto';
import { GPT2LMHeadModel } from '@multihead/transformer/gpt2';
import { browserCached, type Checkpoint, hub, load, site } from '@multihead/transformer/load';
import { cached, folder, save } from '@multihead/transformer/node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Files, memory, shardedFiles, tinyConfig, tinyFiles, tinyTensors } from './checkpoints.js';
import { configs, inputsOf, typeOf } from './tiny.js';

/* Checkpoints on disk and behind servers, good ones and bad ones. */

let path: string;
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'transformer-'));
});
afterEach(() => rm(path, { recursive: true }));

async function logits(checkpoint: Checkpoint, options = {}): Promise<number[]> {
  using _ = scope();
  const model = await load(GPT2LMHeadModel, checkpoint, options);
  const data = Array.from(await noGrad(() => model.forward(tensor(Int32Array.of(1, 5, 2), { shape: [1, 3] }))).data());
  dispose(model);
  return data;
}

async function write(files: Files): Promise<void> {
  for (const [name, content] of Object.entries(files)) await writeFile(join(path, name), content);
}

type Answer = (request: IncomingMessage, response: ServerResponse, bytes: Uint8Array) => void;

/** Serves files by range; `answer` may do something else with those whose name it is asked about. */
async function served(files: Files, use: (origin: string, asked: string[]) => Promise<void>, answer?: [RegExp, Answer]): Promise<void> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const name = decodeURIComponent(new URL(request.url!, 'http://x').pathname).split('/').at(-1)!;
    asked.push(`${request.url} ${request.headers.range ?? ''}`.trim());
    if (!Object.hasOwn(files, name)) return void response.writeHead(404).end();
    const bytes = Buffer.from(files[name] as string);
    if (answer?.[0].test(request.url!)) return answer[1](request, response, bytes);
    serveRange(request, response, bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

function serveRange(request: IncomingMessage, response: ServerResponse, bytes: Uint8Array): void {
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
  if (from === undefined) return void response.writeHead(200).end(bytes);
  const end = Math.min(Number(to) + 1, bytes.length);
  response.writeHead(206, { 'Content-Range': `bytes ${from}-${end - 1}/${bytes.length}` }).end(bytes.subarray(Number(from), end));
}

test('a folder, whole or in shards; a name that leads out of it is refused', async () => {
  const expected = await logits(memory(await tinyFiles()));
  await write(await shardedFiles());
  expect(await logits(folder(path))).toEqual(expected);
  await write(await tinyFiles());
  expect(await logits(folder(path))).toEqual(expected);
  await expect(folder(path).open('../x')).rejects.toThrow('expected the plain name of a file, got "../x"');
  await expect(load(GPT2LMHeadModel, folder(join(path, 'none')))).rejects.toThrow('expected a config.json, got none');
});

test('a site that serves ranges, one that does not, one that sends elsewhere', async () => {
  const files = await shardedFiles();
  const expected = await logits(memory(files));
  await served(files, async (origin, asked) => {
    expect(await logits(site(`${origin}/m`))).toEqual(expected);
    expect(asked.filter((line) => line.includes('bytes=')).length).toBeGreaterThan(3);
    const model = await load(auto, `${origin}/m`); // a string that is a URL is a site
    dispose(model);
  });
  const whole: Answer = (_, response, bytes) => void response.writeHead(200).end(bytes);
  await served(files, async (origin) => expect(await logits(site(origin))).toEqual(expected), [/./, whole]);
  const redirect: Answer = (request, response) => void response.writeHead(302, { Location: request.url!.replace('/old/', '/new/') }).end();
  await served(files, async (origin) => expect(await logits(site(`${origin}/old/`))).toEqual(expected), [/\/old\//, redirect]);
});

test('servers that break off, fall silent or fail: an error soon, and nothing is left', async () => {
  const files = await tinyFiles();
  const refused = async (answer: Answer, message: RegExp, options = {}) =>
    served(files, async (origin) => expect(logits(site(origin, { retries: 0, ...options }))).rejects.toThrow(message), [/model\.safetensors$/, answer]); // biome-ignore format: one line
  await refused((request, response) => void (request.headers.range ? response.writeHead(206, { 'Content-Range': 'bytes 0-65535/99999999' }) : response).destroy(), /fetch/); // biome-ignore format: one claim
  await refused(() => {}, /stalled/, { stallMs: 50 });
  await refused((_, response) => void response.writeHead(500).end(), /500/);
  await refused((_, response) => void response.writeHead(401).end(), /credentials/);
  await refused((_, response) => void response.writeHead(206, { 'Content-Range': 'bytes 0-9/10' }).end('0123456789'), /header/);
  expect(liveTensors()).toBe(0);
});

test('a network that fails for a moment: what was begun goes on', async () => {
  const config = { ...tinyConfig, n_positions: 4096 }; // more than the 65,536 bytes that the first request brings
  const tensors = await tinyTensors({ n_positions: 4096 });
  const files = { 'config.json': JSON.stringify(config), 'model.safetensors': serializeSafetensors(tensors) };
  const expected = await logits(memory(files));
  const asked: string[] = [];
  /** The first request is refused, the first of what is long is cut off in its middle. */
  const shaky: Answer = (request, response, bytes) => {
    const range = request.headers.range!;
    asked.push(range);
    if (asked.length === 1) return void response.writeHead(503).end();
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(range)!;
    if (from === '0' || asked.filter((one) => one === range).length > 1) return serveRange(request, response, bytes);
    const head = { 'Content-Range': `bytes ${from}-${to}/${bytes.length}`, 'Content-Length': Number(to) + 1 - Number(from) };
    response.writeHead(206, head).write(bytes.subarray(Number(from), Number(from) + 999), () => response.destroy());
  };
  const told: number[] = [];
  const onProgress = ({ loaded }: { loaded: number }) => told.push(loaded);
  await served(files, async (origin) => expect(await logits(site(origin), { onProgress })).toEqual(expected), [/safetensors$/, shaky]);
  expect(told).toEqual([...told].sort((a, b) => a - b));
  expect(asked.filter((range) => range === 'bytes=0-65535').length).toBe(2);
  expect(asked.length).toBeGreaterThan(1 + new Set(asked).size); // what was cut was asked for again
  let refused = 0;
  const never: Answer = (_, response) => {
    refused++;
    response.writeHead(403).end();
  };
  await served(files, async (origin) => expect(logits(site(origin))).rejects.toThrow('403'), [/safetensors$/, never]);
  expect(refused).toBe(1); // a server that is sure is not asked again
});

test('an abort stops a download that has stalled, and a token does not follow to another server', async () => {
  const files = await tinyFiles();
  const reason = new Error('enough');
  await served(
    files,
    async (origin) => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(reason), 30);
      await expect(logits(site(origin), { signal: controller.signal })).rejects.toBe(reason);
    },
    [/safetensors$/, () => {}],
  );
  expect(liveTensors()).toBe(0);
  const seen: (string | undefined)[] = [];
  const store: Answer = (request, response, bytes) => {
    seen.push(request.headers.authorization);
    serveRange(request, response, bytes);
  };
  const expected = await logits(memory(files));
  await served(
    files,
    async (other) => {
      const away: Answer = (request, response) => {
        seen.push(request.headers.authorization);
        response.writeHead(302, { Location: `${other}/store/model.safetensors` }).end();
      };
      await served(files, async (endpoint) => expect(await logits(hub('owner/name', { endpoint, token: 'secret' }))).toEqual(expected), [
        /safetensors$/,
        away,
      ]);
    },
    [/./, store],
  );
  expect(new Set(seen)).toEqual(new Set(['Bearer secret', undefined]));
  expect(seen.filter((header, i) => i % 2 === 1 && header !== undefined)).toEqual([]);
});

test('a server that lies about lengths, or packs what it sends', async () => {
  const files = await tinyFiles();
  const expected = await logits(memory(files));
  const more: Answer = (_, response, bytes) => void response.writeHead(206, { 'Content-Range': `bytes 0-${bytes.length - 1}/${bytes.length + 8}` }).end(bytes); // biome-ignore format: one answer
  const refused = (answer: Answer, message: RegExp) =>
    served(files, async (origin) => expect(logits(site(origin, { retries: 0 }))).rejects.toThrow(message), [/safetensors$/, answer]);
  await refused(more, /Content-Range/);
  const another: Answer = (_, response, bytes) =>
    void response.writeHead(206, { 'Content-Range': `bytes 5-9/${bytes.length}` }).end('12345');
  await refused(another, /Content-Range/);
  const packed: Answer = (_, response, bytes) => void response.writeHead(206, { 'Content-Range': `bytes 0-${bytes.length - 1}/${bytes.length}`, 'Content-Encoding': 'gzip' }).end(gzipSync(bytes)); // biome-ignore format: one answer
  await refused(packed, /Content-Encoding/);
  const gzip: Answer = (_, response, bytes) => void response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(gzipSync(bytes));
  await served(files, async (origin) => expect(await logits(site(origin))).toEqual(expected), [/config\.json$/, gzip]);
});

test('the hub: its addresses, a token, ids that are none', async () => {
  const asked: string[] = [];
  const fetch: typeof globalThis.fetch = async (url, init) => {
    asked.push(`${String(url)} ${new Headers(init?.headers).get('authorization')}`);
    return new Response('', { status: 404 });
  };
  await expect(load(GPT2LMHeadModel, hub('owner/name', { revision: 'v1/x', token: 'secret', fetch }))).rejects.toThrow(
    'owner/name (v1/x): expected a config.json',
  );
  expect(asked).toEqual(['https://huggingface.co/owner/name/resolve/v1%2Fx/config.json Bearer secret']);
  for (const id of ['../../etc/passwd', 'a/b/c', '..', 'a/..', 'a b/c', '']) expect(() => hub(id)).toThrow('expected owner/name');
  const closed: typeof globalThis.fetch = async () => new Response('', { status: 401, statusText: 'Unauthorized' });
  await expect(load(GPT2LMHeadModel, hub('owner/name', { fetch: closed }))).rejects.toThrow(
    'owner/name (main): expected a repository that can be read, got 401 Unauthorized (none of this name, or a private or gated one',
  );
});

test('files are kept in a folder, each whole, and not fetched again', async () => {
  const files = await tinyFiles();
  const expected = await logits(memory(files));
  const kept = join(path, 'kept');
  await served(files, async (origin, asked) => {
    expect(await logits(cached(site(origin), kept))).toEqual(expected);
    expect((await readdir(kept)).sort()).toEqual(['config.json', 'model.safetensors']);
    const before = asked.length;
    expect(await logits(cached(site(origin), kept))).toEqual(expected);
    expect(asked.length).toBe(before);
  });
  const both = join(path, 'both'); // two at once, as two processes would
  await served(files, async (origin) => {
    const opened = await Promise.all([1, 2, 3].map(() => cached(site(origin), both).open('model.safetensors')));
    for (const source of opened) expect(await source!.read(0, source!.size)).toEqual(files['model.safetensors']);
    for (const source of opened) await source!.close!();
  });
  expect(await readdir(both)).toEqual(['model.safetensors']);
  const broken: Checkpoint = { name: 'broken', open: async () => ({ size: 10, read: () => Promise.reject(new Error('gone')) }) };
  await expect(cached(broken, join(path, 'other')).open('x')).rejects.toThrow('gone');
  expect(await readdir(join(path, 'other'))).toEqual([]);
  const controller = new AbortController();
  const slow: Checkpoint = {
    name: 'slow',
    open: async () => ({
      size: 2 ** 25, // two pieces; the second never comes
      read: async (from, to, { signal } = {}) => {
        if (from === 0) return new Uint8Array(to - from);
        controller.abort(new Error('enough'));
        signal!.throwIfAborted();
        throw new Error('not stopped');
      },
    }),
  };
  await expect(cached(slow, join(path, 'aborted')).open('x', { signal: controller.signal })).rejects.toThrow('enough');
  expect(await readdir(join(path, 'aborted'))).toEqual([]);
});

test('a checkpoint in shards that is kept in a folder, or by a browser, needs no network any more', async () => {
  const files = await shardedFiles();
  const expected = await logits(memory(files));
  const gone: Checkpoint = { name: 'memory', open: () => Promise.reject(new Error('asked')) };
  const kept = join(path, 'kept');
  expect(await logits(cached(memory(files), kept))).toEqual(expected);
  expect(await logits(cached(gone, kept))).toEqual(expected);
  const caches = browserCaches();
  expect(await logits(browserCached(memory(files), { caches }))).toEqual(expected);
  expect(await logits(browserCached(gone, { caches }))).toEqual(expected);
});

/** A browser's cache in memory. */
function browserCaches(held = new Map<string, Response>()): Pick<CacheStorage, 'open'> {
  const cache = {
    match: async (key: string) => held.get(key)?.clone(),
    put: async (key: string, value: Response) => void held.set(key, value),
  };
  return { open: async () => cache } as unknown as Pick<CacheStorage, 'open'>;
}

test('files are kept by a browser', async () => {
  const files = await tinyFiles();
  const held = new Map<string, Response>();
  const caches = browserCaches(held);
  const expected = await logits(memory(files));
  expect(await logits(browserCached(memory(files), { caches }))).toEqual(expected);
  expect(held.size).toBe(2);
  expect(await logits(browserCached({ name: 'memory', open: () => Promise.reject(new Error('asked')) }, { caches }))).toEqual(expected);
});

test.each([
  'LlamaForCausalLM',
  'Gemma3ForCausalLM',
  'BertForSequenceClassification',
  'T5ForConditionalGeneration',
  'CLIPModel',
  'WhisperForConditionalGeneration',
  'DecisionTransformerModel',
  'MixtralForCausalLM',
  'MarianMTModel',
])('%s: saved and loaded again, it gives the same bits', async (name) => {
  using _ = scope();
  const Model = await auto.choose({ architectures: [name] });
  const json = { ...configs[typeOf(name)], id2label: { 0: 'no', 1: 'yes' } };
  const model = new Model(Model.readConfig(json) as never, { rng: new Rng(3) }) as { forward(...x: unknown[]): object; config: object };
  const outputs = async (made: { forward(...x: unknown[]): object }) => {
    const result = noGrad(() => made.forward(...inputsOf(name)));
    return Promise.all(Object.values('data' in result ? { result } : result).map((x) => x.data()));
  };
  await save(model, path, { maxShardBytes: 4000 });
  const again = (await load(auto, folder(path))) as unknown as typeof model;
  expect(again.constructor).toBe(model.constructor);
  expect(again.config).toEqual(model.config);
  expect(await outputs(again)).toEqual(await outputs(model));
  dispose(model, again);
});

test('what is saved says what it is, to transformers 4, too, and in halves', async () => {
  const Model = await auto.choose({ architectures: ['LlamaForCausalLM'] });
  const rope_parameters = { rope_type: 'linear', factor: 4, rope_theta: 20 };
  const model = new Model(Model.readConfig({ ...configs.llama, rope_parameters, bos_token_id: 3 }) as never, {
    rng: new Rng(3),
  }) as unknown as GPT2LMHeadModel;
  await save(model, path, { dtype: 'bfloat16' });
  const config = JSON.parse(await readFile(join(path, 'config.json'), 'utf8'));
  expect(config).toMatchObject({ model_type: 'llama', architectures: ['LlamaForCausalLM'], dtype: 'bfloat16', bos_token_id: 3, rope_theta: 20, rope_scaling: { rope_type: 'linear', factor: 4 } }); // biome-ignore format: one claim
  const file = await readSafetensorsFile(join(path, 'model.safetensors'));
  expect(new Set([...file.entries.values()].map((info) => info.dtype))).toEqual(new Set(['BF16']));
  expect(file.metadata.get('format')).toBe('pt');
  expect((await readdir(path)).sort()).toEqual(['config.json', 'model.safetensors']);
  await expect(save({ config: {} }, path)).rejects.toThrow('save: model: expected one of this package');
  dispose(model);
});

test.each([
  ['GPTNeoXForCausalLM', { rope_parameters: { rope_theta: 20, partial_rotary_factor: 0.5 } }, { rotary_emb_base: 20, rotary_pct: 0.5 }],
  ['ModernBertForMaskedLM', { rope_parameters: { full_attention: { rope_theta: 20 }, sliding_attention: { rope_theta: 30 } } }, { global_rope_theta: 20, local_rope_theta: 30 }],
  ['Phi3ForCausalLM', { max_position_embeddings: 64, original_max_position_embeddings: 8, rope_scaling: { type: 'longrope', short_factor: [1, 1], long_factor: [2, 2] } }, { original_max_position_embeddings: 8 }],
  ['Gemma3ForCausalLM', { rope_parameters: { full_attention: { rope_theta: 20 }, sliding_attention: { rope_theta: 30 } } }, { rope_theta: 20, rope_local_base_freq: 30 }],
  ['MistralForCausalLM', { sliding_window: null }, { sliding_window: null }],
] as const)('%s: what is saved has the names that any transformers looks for, and no labels where there are none', async (name, changes, wanted) => {
  const Model = await auto.choose({ architectures: [name] });
  const config = Model.readConfig({ ...configs[typeOf(name)], ...changes });
  const model = new Model(config as never, { rng: new Rng(3) }) as unknown as GPT2LMHeadModel;
  await save(model, path);
  const json = JSON.parse(await readFile(join(path, 'config.json'), 'utf8'));
  expect(json).toMatchObject(wanted);
  // transformers makes no sense of null here.
  for (const key of ['num_labels', 'id2label']) expect(json).not.toHaveProperty(key);
  expect(Model.readConfig(json)).toEqual(config);
  dispose(model);
}); // biome-ignore format: a table
