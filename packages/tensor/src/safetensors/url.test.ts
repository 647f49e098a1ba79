import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import type { TensorRecord } from './dtype.js';
import { SafetensorsError } from './error.js';
import { handMadeFile } from './hand-made-file.js';
import type { HttpOptions } from './http-request.js';
import { httpSource } from './http-source.js';
import { openSafetensors } from './read.js';
import { serializeShardedSafetensors } from './shard.js';
import type { Progress } from './source.js';
import { stateOf } from './state.js';
import { file, type Handler, rangeOf, serve, type TestServer } from './test-server.js';
import { openSafetensorsUrl, openShardedSafetensorsUrl, readSafetensorsUrl } from './url.js';
import { serializeSafetensors } from './write.js';

const ramp = (length: number): TensorRecord => ({ dtype: 'F32', shape: [length], data: Float32Array.from({ length }, (_, i) => i) });
const tensors = { big: ramp(100_000), small: ramp(3), none: ramp(0) };
const bytes = serializeSafetensors(tensors, { metadata: { format: 'pt' } });
const dataStart = bytes.length - 4 * 100_003;

let server: TestServer | undefined;
const start = async (handlers: Record<string, Handler>): Promise<string> => {
  server = await serve(handlers);
  return server.origin;
};
/** A server of one file, and its URL. */
const startWith = async (handler: Handler): Promise<string> => `${await start({ '/x.safetensors': handler })}/x.safetensors`;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

describe('tensor by tensor', () => {
  test('the header is one request, each tensor is one more, and nothing else is fetched', async () => {
    const url = await startWith(file(bytes));
    const told: Progress[] = [];
    const reader = await openSafetensorsUrl(url);
    expect(reader.names()).toEqual(['big', 'none', 'small']);
    expect([...reader.metadata]).toEqual([['format', 'pt']]);
    expect(await reader.read('small')).toEqual({ name: 'small', ...tensors.small });
    expect(await reader.read('big', { onProgress: (progress) => told.push(progress) })).toEqual({ name: 'big', ...tensors.big });
    expect((await reader.read('none')).data.length).toBe(0);
    expect(server!.ranges).toEqual([
      'bytes=0-65535',
      `bytes=${bytes.length - 12}-${bytes.length - 1}`,
      `bytes=${dataStart}-${dataStart + 399_999}`,
    ]);
    expect(told.at(-1)).toEqual({ loaded: 400_000, total: 400_000 });
    expect(told.length).toBeGreaterThan(1);
  });

  test('of a small file all is there after the first request, and changing a tensor changes no other read', async () => {
    const url = await startWith(file(serializeSafetensors({ w: ramp(3) })));
    const reader = await openSafetensorsUrl(new URL(url));
    (await reader.read('w')).data[0] = 9;
    expect((await reader.read('w')).data).toEqual(Float32Array.of(0, 1, 2));
    expect(server!.ranges.length).toBe(1);
  });

  test('a header that is longer than the first request', async () => {
    const many = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`tensor.${i}`, ramp(1)]));
    const url = await startWith(file(serializeSafetensors(many)));
    const state = await stateOf(await openSafetensorsUrl(url));
    expect(state.size).toBe(2000);
    expect(state.get('tensor.1999')?.data).toEqual(Float32Array.of(0));
    expect(server!.ranges[1]).toMatch(/^bytes=8-\d{6}$/);
  });

  test('a redirect is followed, with the range and the headers', async () => {
    const origin = await start({
      '/resolve': (_request, response) => response.writeHead(302, { Location: '/cdn/x.safetensors?signature=secret' }).end(),
      '/cdn/x.safetensors': (request, response) => {
        if (request.headers.authorization !== 'Bearer token') response.writeHead(401, 'Unauthorized').end();
        else file(bytes)(request, response);
      },
    });
    const reader = await openSafetensorsUrl(`${origin}/resolve`, { headers: { Authorization: 'Bearer token' } });
    expect((await reader.read('small')).data).toEqual(tensors.small.data);
    await expect(openSafetensorsUrl(`${origin}/resolve`)).rejects.toThrow('expected HTTP status 206, got 401 Unauthorized (is a header with credentials missing?)'); // biome-ignore format: one row
  });

  test('a file that changes while it is read is noticed', async () => {
    let version = 1;
    const changed = serializeSafetensors({ ...tensors, more: ramp(1) });
    const url = await startWith((request, response) => {
      if (version === 1) file(bytes, { ETag: '"one"' })(request, response);
      else if (version === 2) file(bytes, { ETag: '"two"' })(request, response);
      else file(changed)(request, response);
    });
    const reader = await openSafetensorsUrl(url);
    await reader.read('big');
    version = 2;
    await expect(reader.read('big')).rejects.toThrow(`expected the file of ${bytes.length} bytes (ETag "one") that was opened, got one of ${bytes.length} bytes (ETag "two") (the file has changed)`); // biome-ignore format: one row
    version = 3;
    await expect(reader.read('big')).rejects.toThrow('the file has changed');
  });

  test('the source can be read by hand, and fetch can be replaced', async () => {
    const asked: string[] = [];
    const answer = (body: Uint8Array<ArrayBuffer>, range: string): Response => new Response(body, { status: 206, headers: { 'Content-Range': range } }); // biome-ignore format: one row
    const small = serializeSafetensors({ w: ramp(1) }) as Uint8Array<ArrayBuffer>;
    const fetch: HttpOptions['fetch'] = async (url, init) => {
      asked.push(`${url} ${new Headers(init?.headers).get('Range')}`);
      return answer(small, `bytes 0-${small.length - 1}/${small.length}`);
    };
    const source = await httpSource('https://user:word@example.org/a/b.safetensors?key=secret#x', { fetch });
    expect(source).toMatchObject({ name: 'https://example.org/a/b.safetensors', size: small.length });
    expect(await source.read(8, 10)).toEqual(small.slice(8, 10));
    expect((await (await openSafetensors(source)).read('w')).data).toEqual(Float32Array.of(0));
    expect(asked).toEqual(['https://user:word@example.org/a/b.safetensors?key=secret#x bytes=0-65535']);
  });
});

/** A server that goes wrong only when the tensor "big" is asked for, so that opening succeeds. */
const wrongLater = (handler: (first: number, last: number) => Handler): Handler => (request, response) => {
  const range = rangeOf(request, bytes.length);
  if (!range || range[0] === 0) file(bytes)(request, response);
  else handler(...range)(request, response);
}; // biome-ignore format: one row
const partHeaders = (first: number, last: number) => ({
  'Content-Range': `bytes ${first}-${last}/${bytes.length}`,
  'Content-Length': last + 1 - first,
});

describe('what goes wrong while opening', () => {
  const plain: Handler = (_request, response) => response.writeHead(200, { 'Content-Length': bytes.length }).end(bytes);
  const partial = (range: string | undefined, body: Uint8Array, more = {}): Handler => (_request, response) => response.writeHead(206, { ...(range === undefined ? {} : { 'Content-Range': range }), ...more }).end(body); // biome-ignore format: one row
  const rows: [what: string, handler: Handler, message: string][] = [
    ['ranges are ignored', plain, 'fetch: expected HTTP status 206, got 200 OK (the server does not serve ranges: readSafetensorsUrl reads the file whole)'],
    ['not found', (_request, response) => response.writeHead(404).end('no'), 'got 404 Not Found (there is no such file)'],
    ['forbidden', (_request, response) => response.writeHead(403).end('no'), 'got 403 Forbidden (is a header with credentials missing?)'],
    ['an error of the server', (_request, response) => response.writeHead(503).end(), 'got 503 Service Unavailable'],
    ['an empty file', file(new Uint8Array(0)), 'got 416 Range Not Satisfiable (the server does not have this range: has the file changed, or is it empty?)'],
    ['redirects in a circle', (_request, response) => response.writeHead(302, { Location: '/x.safetensors' }).end(), 'fetch: expected an answer of the server, got fetch failed: redirect count exceeded'],
    ['no Content-Range', partial(undefined, bytes.subarray(0, 65536)), 'Content-Range: expected a header that tells which bytes came, got none'],
    ['a Content-Range without the size', partial('bytes 0-65535/*', bytes.subarray(0, 65536)), 'expected bytes FROM-TO/SIZE, got bytes 0-65535/*'],
    ['a Content-Range of words', partial('lots', bytes), 'expected bytes FROM-TO/SIZE, got lots'],
    ['a size beyond 2^53', partial('bytes 0-65535/99999999999999999999', bytes), 'expected bytes FROM-TO/SIZE'],
    ['another range', partial(`bytes 8-65535/${bytes.length}`, bytes), 'Content-Range: expected bytes 0 to 65535, got 8 to 65535'],
    ['less than the range', partial(`bytes 0-99/${bytes.length}`, bytes.subarray(0, 100)), 'Content-Range: expected bytes 0 to 65535, got 0 to 99'],
    ['a compressed body', partial(`bytes 0-65535/${bytes.length}`, gzipSync(bytes), { 'Content-Encoding': 'gzip' }), 'Content-Encoding: expected the bytes of the file as they are, got gzip'],
    ['a web page', file(new TextEncoder().encode('<!DOCTYPE html><title>Sign in</title>')), 'this looks like a web page'],
    ['a broken header', file(handMadeFile('{"w":{}}')), 'tensor "w", dtype: expected a dtype, got none'],
    ['a connection that is closed', (request) => request.socket.destroy(), 'fetch: expected an answer of the server, got fetch failed'],
  ]; // biome-ignore format: a table
  test.each(rows)('%s', async (_what, handler, message) => {
    const url = await startWith(handler);
    const error = await openSafetensorsUrl(url).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(SafetensorsError);
    expect((error as Error).message).toContain(message);
    expect((error as SafetensorsError).file).toBe(url);
  });

  test('a size that is a lie is no reason to allocate, whatever the header says', async () => {
    const lie = handMadeFile('{"w":{"dtype":"U8","shape":[8000000000000],"data_offsets":[0,8000000000000]}}', 0);
    const size = lie.length + 8e12;
    const url = await startWith((request, response) => {
      const [first, last] = rangeOf(request, size)!;
      response.writeHead(206, { 'Content-Range': `bytes ${first}-${last}/${size}` });
      response.end(first === 0 ? Buffer.concat([lie, new Uint8Array(65536 - lie.length)]) : 'abc');
    });
    const before = process.memoryUsage().arrayBuffers;
    const reader = await openSafetensorsUrl(url);
    await expect(reader.read('w')).rejects.toThrow('expected 8000000000000 bytes, got 3 (the connection or the file was cut short)');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000);
  });

  test('no server at all', async () => {
    const url = await startWith(file(bytes));
    await server!.close();
    const error = await openSafetensorsUrl(url).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(SafetensorsError);
    expect((error as SafetensorsError).got).toMatch(/^fetch failed: .*ECONNREFUSED/);
    await expect(openSafetensorsUrl('no url')).rejects.toThrow(SafetensorsError);
    await expect(openSafetensorsUrl('gopher://x/y.safetensors')).rejects.toThrow(SafetensorsError);
  });
});

describe('what goes wrong in a read', () => {
  const rows: [what: string, handler: (first: number, last: number) => Handler, message: string | RegExp][] = [
    [
      'the body is cut short, its length announced',
      (first, last) => (_request, response) => {
        response.writeHead(206, partHeaders(first, last));
        response.write(bytes.subarray(first, first + 70_000), () => response.destroy());
      },
      'fetch: expected an answer of the server, got ',
    ],
    [
      'the body ends early, its length not announced',
      (first, last) => (_request, response) => {
        response.writeHead(206, { 'Content-Range': partHeaders(first, last)['Content-Range'] });
        response.end(bytes.subarray(first, first + 1000));
      },
      'expected 400000 bytes, got 1000 (the connection or the file was cut short)',
    ],
    [
      'the body goes on and on',
      (first, last) => (_request, response) => {
        response.writeHead(206, { 'Content-Range': partHeaders(first, last)['Content-Range'] });
        const more = (): void => void (response.destroyed || response.write(bytes, more));
        more();
      },
      /expected 400000 bytes, got \d+ \(there is more than was announced\)/,
    ],
    [
      'ranges are ignored all of a sudden',
      () => (_request, response) => response.writeHead(200).end(bytes),
      'the server does not serve ranges',
    ],
    ['an error of the server', () => (_request, response) => response.writeHead(500).end(), 'got 500 Internal Server Error'],
  ];
  test.each(rows)('%s', async (_what, handler, message) => {
    const reader = await openSafetensorsUrl(await startWith(wrongLater(handler)));
    const reading = reader.read('big');
    await expect(reading).rejects.toThrow(SafetensorsError);
    await expect(reading).rejects.toThrow(message);
    await eventually(() => server!.pending() === 0);
    expect((await reader.read('none')).data.length).toBe(0);
  });

  test.each(['before the head', 'in the body'])('silence %s ends after stallMs', async (where) => {
    const silent = wrongLater((first, last) => (_request, response) => {
      if (where === 'before the head') return;
      response.writeHead(206, partHeaders(first, last));
      response.write(bytes.subarray(first, first + 1000));
    });
    const reader = await openSafetensorsUrl(await startWith(silent), { stallMs: 300 });
    const begin = performance.now();
    await expect(reader.read('big')).rejects.toThrow('fetch: expected a byte within 300 ms, got none (the connection has stalled)');
    expect(performance.now() - begin).toBeLessThan(5000);
    await eventually(() => server!.pending() === 0);
  });

  test('slow is not silent: a body that takes longer than stallMs, but never rests so long, is read', async () => {
    const slow = wrongLater((first, last) => (_request, response) => {
      response.writeHead(206, partHeaders(first, last));
      let at = first;
      const more = (): void => {
        const end = Math.min(at + 40_000, last + 1);
        response.write(bytes.subarray(at, end));
        at = end;
        if (at > last) response.end();
        else setTimeout(more, 100);
      };
      more();
    });
    const reader = await openSafetensorsUrl(await startWith(slow), { stallMs: 700 });
    const begin = performance.now();
    expect((await reader.read('big')).data).toEqual(tensors.big.data);
    expect(performance.now() - begin).toBeGreaterThan(700);
  });

  test('an abort throws its reason and closes the connection, also where fetch does not heed it', async () => {
    const reason = new Error('enough');
    const endless = wrongLater((first, last) => (_request, response) => {
      response.writeHead(206, partHeaders(first, last));
      response.write(bytes.subarray(first, first + 1000));
    });
    const reader = await openSafetensorsUrl(await startWith(endless));
    const controller = new AbortController();
    const { signal } = controller;
    await expect(reader.read('big', { signal, onProgress: () => controller.abort(reason) })).rejects.toBe(reason);
    await eventually(() => server!.pending() === 0);
    await expect(reader.read('small', { signal })).rejects.toBe(reason);
    await expect(openSafetensorsUrl('http://127.0.0.1:1', { signal })).rejects.toBe(reason);
    const deaf: HttpOptions['fetch'] = () => new Promise(() => {});
    await expect(openSafetensorsUrl('http://x', { fetch: deaf, stallMs: 50 })).rejects.toThrow('the connection has stalled');
    await expect(openSafetensorsUrl('http://x', { fetch: deaf, signal: AbortSignal.timeout(50) })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
  });

  test('what onProgress throws passes through', async () => {
    const fault = new Error('a bug of the caller');
    const reader = await openSafetensorsUrl(await startWith(file(bytes)));
    const onProgress = (): void => {
      throw fault;
    };
    await expect(reader.read('big', { onProgress })).rejects.toBe(fault);
  });
});

describe('whole', () => {
  test.each([
    ['a server that announces the length', file(bytes)],
    ['one that does not', ((_request, response) => response.writeHead(200).end(bytes)) as Handler],
    [
      'one that ignores ranges and compresses',
      ((_request, response) => response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(gzipSync(bytes))) as Handler,
    ],
  ])('from %s', async (_what, handler) => {
    const told: Progress[] = [];
    const read = await readSafetensorsUrl(await startWith(handler), { onProgress: (progress) => told.push(progress) });
    expect(read.get('big')).toEqual({ name: 'big', ...tensors.big });
    expect(read.get('small')).toEqual({ name: 'small', ...tensors.small });
    expect(told.at(-1)).toEqual({ loaded: bytes.length, total: bytes.length });
    expect(server!.ranges).toEqual(['']);
  });

  test('a broken header ends it before the rest has come', async () => {
    let sent = 0;
    const broken = handMadeFile('{"w":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}}', 4);
    const url = await startWith((_request, response) => {
      response.writeHead(200, { 'Content-Length': 1e9 });
      const more = (): void => {
        if (response.destroyed || sent > 1e9) return;
        sent += 1e6;
        response.write(Buffer.alloc(1e6), more);
      };
      response.write(broken, more);
    });
    await expect(readSafetensorsUrl(url)).rejects.toThrow('got "F33"');
    await eventually(() => server!.pending() === 0);
    expect(sent).toBeLessThan(1e8);
  });

  const rows: [what: string, handler: Handler, message: string][] = [
    ['cut short, the length not announced', (_request, response) => response.writeHead(200).end(bytes.subarray(0, -1)), `expected ${bytes.length} bytes, got ${bytes.length - 1}`],
    ['cut within the header', (_request, response) => response.writeHead(200).end(bytes.subarray(0, 50)), 'header length: expected at most the 42 bytes that follow it'],
    ['nothing', (_request, response) => response.writeHead(200).end(), 'at least 8 bytes, got 0'],
    ['a byte too much', (_request, response) => response.writeHead(200).end(Buffer.concat([bytes, Buffer.alloc(1)])), 'there is more than was announced'],
    ['an announced length that is not that of the tensors', (_request, response) => response.writeHead(200, { 'Content-Length': bytes.length + 1 }).end(Buffer.concat([bytes, Buffer.alloc(1)])), 'there are bytes behind the last tensor'],
    ['a header of more than 100 MB', (_request, response) => response.writeHead(200).end(Buffer.of(1, 225, 245, 5, 0, 0, 0, 0)), 'header length: expected at most 100000000 bytes, got 100000001'],
    ['not found', (_request, response) => response.writeHead(404).end(), 'expected HTTP status 200, got 404 Not Found'],
    ['no content', (_request, response) => response.writeHead(204).end(), 'expected HTTP status 200, got 204 No Content'],
  ]; // biome-ignore format: a table
  test.each(rows)('%s', async (_what, handler, message) => {
    const reading = readSafetensorsUrl(await startWith(handler));
    await expect(reading).rejects.toThrow(SafetensorsError);
    await expect(reading).rejects.toThrow(message);
  });
});

describe('in shards', () => {
  const handlers = Object.fromEntries([...serializeShardedSafetensors(tensors, { maxShardBytes: 1000 })].map(([name, content]) => [`/model/${name}`, file(content)])); // biome-ignore format: one row
  const index = '/model/model.safetensors.index.json';

  test('the index, then each shard beside it', async () => {
    const reader = await openShardedSafetensorsUrl(`${await start(handlers)}${index}?revision=main`);
    const told: Progress[] = [];
    const state = await stateOf(reader, { onProgress: (progress) => told.push(progress) });
    expect(state.get('big')?.data).toEqual(tensors.big.data);
    expect([...state.keys()].sort()).toEqual(['big', 'none', 'small']);
    expect(told.at(-1)).toEqual({ loaded: 400_012, total: 400_012 });
    await reader.close();
  });

  test('a name with characters that mean something in URLs is a name', async () => {
    const name = 'a%2Fb?c#d é.safetensors';
    const origin = await start({
      [index]: file(new TextEncoder().encode(JSON.stringify({ weight_map: { w: name } }))),
      [`/model/${encodeURIComponent(name)}`]: file(serializeSafetensors({ w: ramp(2) })),
    });
    const reader = await openShardedSafetensorsUrl(origin + index);
    expect((await reader.read('w')).data).toEqual(Float32Array.of(0, 1));
  });

  test('a shard that is not there, an index that is not there, an index that reaches elsewhere', async () => {
    const { '/model/model-00002-of-00002.safetensors': gone, ...rest } = handlers;
    expect(gone).toBeDefined();
    const origin = await start({ ...rest, '/evil/index.json': file(new TextEncoder().encode('{"weight_map":{"w":"//evil.example/x.safetensors"}}')) }); // biome-ignore format: one row
    await expect(openShardedSafetensorsUrl(origin + index)).rejects.toThrow('/model/model-00002-of-00002.safetensors, fetch: expected HTTP status 206, got 404 Not Found'); // biome-ignore format: one row
    await expect(openShardedSafetensorsUrl(`${origin}/none.json`)).rejects.toThrow('expected HTTP status 200, got 404 Not Found');
    await expect(openShardedSafetensorsUrl(`${origin}/evil/index.json`)).rejects.toThrow('the plain name of a .safetensors file');
    expect(server!.ranges.filter((range) => range === '').length).toBe(3); // the indexes; no shard of the evil one
  });
});

async function eventually(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('it did not come true within 2 seconds');
}
