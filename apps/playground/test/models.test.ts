import { readFile, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { record } from '@multihead/examples/speech/data.ts';
import { sampleRate } from '@multihead/examples/speech/voice.ts';
import { Rng } from '@multihead/tensor';
import { launchChromium } from '@multihead/tools/browser';
import { encodeWav } from '@multihead/transformer/audio';
import { folder } from '@multihead/transformer/node';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hear, type ModelsPage } from './models-page.ts';
import { pageScript } from './page-script.ts';

/* Checkpoints in a real Chromium: by ranges from a server, from the browser's cache when the server is gone, and from files; what they say is what they say in Node. */

const checkpoint = fileURLToPath(import.meta.resolve('@multihead/examples/speech/checkpoint'));
let server: Server;
let browser: Browser;
/** What was asked for, with its range. */
let asked: string[] = [];
let isDown = false;

beforeAll(async () => {
  const script = await pageScript('./models-page.ts');
  server = createServer(async ({ url, headers }, response) => {
    const [, where, file] = new URL(url!, 'http://page').pathname.split('/');
    if (where === 'script.js') return response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(script);
    if (where === '') return response.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>models</title><script type="module" src="/script.js"></script>'); // biome-ignore format: one answer
    asked.push(`${file} ${headers.range ?? ''}`.trim());
    if (isDown) return response.writeHead(503).end();
    const path = join(checkpoint, file!);
    const isThere = await stat(path).catch(() => null);
    if (!isThere) return response.writeHead(404).end();
    const bytes = await readFile(path);
    const [from, to] = (headers.range?.match(/\d+/g) ?? [0, bytes.length - 1]).map(Number) as [number, number];
    const part = bytes.subarray(from, to + 1);
    const range = headers.range ? { 'Content-Range': `bytes ${from}-${from + part.length - 1}/${bytes.length}` } : {};
    response.writeHead(headers.range ? 206 : 200, { 'Accept-Ranges': 'bytes', 'Content-Length': part.length, ...range });
    if (where === 'stalled' && from > 0) return response.write(part.subarray(0, 10)); // and no more
    return response.end(part);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  browser = await launchChromium();
}, 120_000);

afterAll(async () => {
  await browser?.close();
  server?.closeAllConnections();
  server?.close();
});

async function opened(): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await page.waitForFunction(() => 'models' in globalThis);
  asked = [];
  return page;
}

it('hears in Chromium what it hears in Node, from a server, from the cache without one, and from dropped files', async () => {
  const bytes = encodeWav({ samples: record(6, new Rng(4), { isWhole: true }).samples, sampleRate });
  const wanted = await hear(folder(checkpoint), bytes);
  expect(wanted.segments.flatMap(({ words }) => words!).length).toBeGreaterThan(2);
  const page = await opened();
  const hearFrom = (place: Parameters<ModelsPage['hearFrom']>[0]) =>
    page.evaluate(([from, wav]) => (globalThis as unknown as { models: ModelsPage }).models.hearFrom(from, wav), [place, [...bytes]] as const as [typeof place, number[]]); // biome-ignore format: one call
  const told = (segments: typeof wanted.segments) =>
    segments.map(({ text, words }) => [text, words!.map((word) => [word.text, word.start, word.end])]);

  for (const [place, down] of [
    ['site', false],
    ['files', false],
    ['cache', false],
    ['cache', true],
  ] as const) {
    // biome-ignore format: one list
    isDown = down;
    const heard = await hearFrom(place);
    expect(told(heard.segments), place).toEqual(told(wanted.segments));
    expect(heard.loaded.at(-1), place).toBe(wanted.loaded.at(-1));
    expect(heard.left, place).toBe(0);
    if (place === 'site') expect(asked.filter((one) => /^model\.safetensors bytes=/.test(one)).length).toBeGreaterThan(1);
    if (isDown) expect(asked).toEqual([]); // the server was asked for nothing
    asked = [];
  }
  isDown = false;
  await page.close();
}, 120_000);

it('stops loading when it is told to, and leaves nothing', async () => {
  const page = await opened();
  const stopped = await page.evaluate(() => (globalThis as unknown as { models: ModelsPage }).models.stopLoading());
  expect(stopped).toEqual({ error: 'the visitor has left', left: 0 });
  await page.close();
}, 60_000);
