import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { launchChromium } from '@multihead/tools/browser';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PageReport } from './backends-page.ts';
import { pageScript } from './page-script.ts';

/* The WebAssembly backend in a real Chromium: with threads where the page is cross-origin isolated, with one where it is not. */

type InPage = { check(threads: number): Promise<PageReport>; startAndEnd(times: number): Promise<number>; refusal(): Promise<string> };

const isolation = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
const policy = { 'Content-Security-Policy': "default-src 'none'; script-src 'self'" };
const headersOf: Readonly<Record<string, Record<string, string>>> = { '/isolated': isolation, '/plain': {}, '/strict': policy };

let server: Server;
let browser: Browser;

beforeAll(async () => {
  const script = await pageScript('./backends-page.ts');
  server = createServer(({ url = '/' }, response) => {
    const isScript = url === '/script.js';
    response.writeHead(200, { 'Content-Type': isScript ? 'text/javascript' : 'text/html', ...(headersOf[url] ?? isolation) });
    response.end(isScript ? script : '<!doctype html><title>backends</title><script type="module" src="/script.js"></script>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  browser = await launchChromium();
}, 120_000);

afterAll(async () => {
  await browser?.close();
  server?.close();
});

async function visit<T>(path: string, use: (page: Page) => Promise<T>): Promise<T> {
  const page = await browser.newPage();
  try {
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`);
    await page.waitForFunction(() => 'check' in globalThis);
    return await use(page);
  } finally {
    await page.close();
  }
}

const check = (path: string, threads: number): Promise<PageReport> =>
  visit(path, (page) => page.evaluate((count) => (globalThis as unknown as InPage).check(count), threads));

describe('the WebAssembly backend in Chromium', () => {
  it('passes every case with two threads, in an isolated page', async () => {
    const report = await check('/isolated', 2);
    expect(report).toMatchObject({ isolated: true, threads: 2, why: null, failures: [] });
    expect(report.capabilities).toMatchObject({ simd: true, threads: true });
    expect(report.passed).toBeGreaterThan(500);
  }, 180_000);

  it('passes them with one thread in any other page, and says why there are no more', async () => {
    const report = await check('/plain', 2);
    expect(report).toMatchObject({ isolated: false, threads: 1, failures: [] });
    expect(report.why).toMatch(/^threads: no SharedArrayBuffer; a page must be cross-origin isolated/);
    expect(report.passed).toBeGreaterThan(500);
  }, 180_000);

  it('starts and ends its workers, time after time', async () => {
    const sum = await visit('/isolated', async (page) => {
      const result = await page.evaluate(() => (globalThis as unknown as InPage).startAndEnd(20));
      await page.waitForTimeout(200);
      expect(page.workers().length).toBe(0);
      return result;
    });
    expect(sum).toBe(20 * 200);
  }, 120_000);

  it('says what is missing under a policy that forbids to compile', async () => {
    const refusal = await visit('/strict', (page) => page.evaluate(() => (globalThis as unknown as InPage).refusal()));
    expect(refusal).toContain("must allow 'wasm-unsafe-eval'");
    expect(refusal).toContain('cpu()');
  });
});
