import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { matmul, ones, tidy, withBackend } from '@multihead/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Build, type KernelSource, wasm } from '../src/index.js';
import { kernelUrl } from '../src/url.js';

/* Kernels from elsewhere than the JavaScript: files, addresses, bytes, modules. */

let server: Server;
let address: string;
beforeAll(async () => {
  server = createServer(({ url = '' }, response) => {
    const name = /^\/(relaxed|simd)\.wasm$/.exec(url)?.[1] as Build | undefined;
    response.writeHead(name ? 200 : 404, { 'Content-Type': 'application/wasm' });
    response.end(name && readFileSync(kernelUrl(name)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

async function productWith(kernels: (build: Build) => KernelSource, threads = 1): Promise<number> {
  const backend = await wasm({ kernels, threads });
  const y = tidy(() => withBackend(backend, () => matmul(ones([3, 4]), ones([4, 5]))));
  const [first] = await y.data();
  y.dispose();
  backend.dispose();
  return first!;
}

describe('kernels', () => {
  it.each([
    ['from the files of the package', kernelUrl],
    ['from a server', (build: Build) => new URL(`${address}/${build}.wasm`)],
    ['from bytes', (build: Build) => new Uint8Array(readFileSync(kernelUrl(build)))],
  ])('%s, with one thread and with two', async (_, kernels) => {
    expect(await productWith(kernels)).toBe(4);
    expect(await productWith(kernels, 2)).toBe(4);
  });

  it('from a compiled module, with one thread', async () => {
    const module = await WebAssembly.compile(readFileSync(kernelUrl('simd')));
    expect(await productWith(() => module)).toBe(4);
    await expect(productWith(() => module, 2)).rejects.toThrow('give bytes or a URL, or threads: 1');
  });

  it('that are not there: an error with the address', async () => {
    await expect(productWith(() => new URL(`${address}/none.wasm`))).rejects.toThrow(`${address}/none.wasm answered 404`);
  });

  it('that are not wanted any more: the reason of the signal', async () => {
    const signal = AbortSignal.abort(new Error('changed my mind'));
    await expect(wasm({ kernels: () => new URL(`${address}/simd.wasm`), signal })).rejects.toThrow('changed my mind');
  });
});
