/*
 * What the browser tests share: the built playground, served as `npm start` serves it, in a real Chromium, and a watch over what a page does
 * behind one's back: messages in the console, errors, requests to elsewhere.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { AxeBuilder } from '@axe-core/playwright';
import { launchChromium } from '@multihead/tools/browser';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { type PreviewServer, preview } from 'vite';
import { afterAll, beforeAll, expect } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

export interface Visit {
  page: Page;
  /** Fails if the page has said, broken or asked for anything that it should not have. `but` forgives what a test has provoked. */
  close: (options?: { but?: RegExp }) => Promise<void>;
}

export interface Playground {
  visit: (address: string, options?: BrowserContextOptions & { before?: (page: Page) => Promise<unknown> }) => Promise<Visit>;
}

/** One server and one browser for the tests of a file. */
export function playground(): Playground {
  let server: PreviewServer;
  let browser: Browser;
  beforeAll(async () => {
    if (!existsSync(`${root}/dist/index.html`))
      throw new Error('The playground has not been built: pnpm --filter @multihead/playground build');
    server = await preview({ root, logLevel: 'silent', preview: { port: 0, strictPort: false } });
    browser = await launchChromium();
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });
  return {
    async visit(address, { before, ...options } = {}) {
      const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
      const page = await context.newPage();
      page.setDefaultTimeout(90_000);
      const problems: string[] = [];
      page.on('console', (message) => problems.push(`console.${message.type()}: ${message.text()}`));
      page.on('pageerror', (error) => problems.push(`error: ${error.message}`));
      context.on('request', (request) => {
        const { protocol, hostname } = new URL(request.url());
        if (protocol.startsWith('http') && hostname !== '127.0.0.1' && hostname !== 'localhost')
          problems.push(`request to ${request.url()}`);
      });
      await before?.(page);
      const [url] = server.resolvedUrls!.local;
      await page.goto(`${url}#${address}`);
      const close: Visit['close'] = async ({ but } = {}) => {
        const left = problems.filter((problem) => !but?.test(problem));
        await context.close();
        expect(left).toEqual([]);
      };
      return { page, close };
    },
  };
}

/** Fails for anything that axe objects to. */
export async function expectAccessible(page: Page): Promise<void> {
  await page.waitForTimeout(300); // colours in transition have the contrast of neither end
  const { violations } = await new AxeBuilder({ page }).analyze();
  const found = violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('\n')}`,
  );
  expect(found).toEqual([]);
}

/** Fails if the page is wider than the screen. */
export async function expectNoSidewaysScrolling(page: Page): Promise<void> {
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
}

export const themes = ['light', 'dark'] as const;
export const narrow = { width: 400, height: 860 };
