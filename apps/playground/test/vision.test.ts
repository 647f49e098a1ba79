import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { deflateSync } from 'node:zlib';
import { crc32 } from 'node:zlib';
import { dispose } from '@multihead/tensor';
import { launchChromium } from '@multihead/tools/browser';
import { classifyImage, preprocess, resize } from '@multihead/transformer/vision';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pageScript } from './page-script.ts';
import { makeModel, processor, type VisionReport } from './vision-page.ts';

/* What a browser decodes goes into a model as it is: ImageData in a real Chromium gives the same bits as the same bytes in Node. */

let server: Server;
let browser: Browser;

beforeAll(async () => {
  const script = await pageScript('./vision-page.ts');
  server = createServer(({ url }, response) => {
    response.writeHead(200, { 'Content-Type': url === '/script.js' ? 'text/javascript' : 'text/html' });
    response.end(url === '/script.js' ? script : '<!doctype html><title>vision</title><script type="module" src="/script.js"></script>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  browser = await launchChromium();
}, 120_000);

afterAll(async () => {
  await browser?.close();
  server?.close();
});

const [width, height] = [23, 14];
const rgb = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * i * 7 + 31 * i) % 256);

/** The least that is a PNG: three chunks, no filter. */
function png(): number[] {
  const chunk = (type: string, content: Uint8Array) => {
    const body = Buffer.concat([Buffer.from(type), content]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(content.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const rows = Array.from({ length: height }, (_, y) => Buffer.concat([Buffer.of(0), rgb.subarray(y * width * 3, (y + 1) * width * 3)]));
  const signature = Buffer.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
  return [
    ...Buffer.concat([signature, chunk('IHDR', head), chunk('IDAT', deflateSync(Buffer.concat(rows))), chunk('IEND', Buffer.alloc(0))]),
  ];
}

it('sees in Chromium what it sees in Node', async () => {
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await page.waitForFunction(() => 'seeImage' in globalThis);
  const report = await page.evaluate(
    (bytes) => (globalThis as unknown as { seeImage(bytes: number[]): Promise<VisionReport> }).seeImage(bytes),
    png(),
  );
  await page.close();

  expect(report.source.filter((_, i) => i % 4 !== 3)).toEqual([...rgb]);
  const rgba = { data: Uint8Array.from(report.source), width, height };
  expect(report.resized).toEqual([...resize(rgba, { width: 7, height: 5, resample: 'bicubic' }).data]);
  expect(report.shown).toEqual([7, 5]);
  const pixels = preprocess([{ data: rgb, width, height }], processor);
  expect(report.pixels).toEqual([...(await pixels.data())]);
  const model = makeModel();
  const [labels] = await classifyImage(model, processor, [rgba]);
  expect(report.labels.map(({ label }) => label)).toEqual(labels!.map(({ label }) => label));
  for (const [i, { score }] of labels!.entries()) expect(report.labels[i]!.score).toBeCloseTo(score, 6);
  pixels.dispose();
  dispose(model);
}, 60_000);
