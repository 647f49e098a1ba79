import { describe, expect, it } from 'vitest';
import { expectAccessible, expectNoSidewaysScrolling, narrow, playground, themes } from './browser.js';

const { visit } = playground();

describe('the playground', { timeout: 120_000 }, () => {
  it('leads from its home page to every other page', async () => {
    const { page, close } = await visit('/');
    const addresses = await page.locator('.cards a').evaluateAll((links) => links.map((link) => link.getAttribute('href')!));
    expect(addresses).toEqual(['#/pronounce', '#/it']);
    for (const address of addresses) {
      await page.locator(`.cards a[href="${address}"]`).click();
      await page.locator(`nav a[href="${address}"][aria-current=page]`).waitFor();
      await page.locator('.wordmark').click();
      await page.locator('.cards').waitFor();
    }
    await close();
  });

  it('can be told its colours, and remembers', async () => {
    const { page, close } = await visit('/', { colorScheme: 'light' });
    const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
    expect(await theme()).toBe('light');
    await page.getByRole('button', { name: 'Use dark colours' }).click();
    expect(await theme()).toBe('dark');
    await page.reload();
    await page.getByRole('button', { name: 'Use light colours' }).click();
    expect(await theme()).toBe('light');
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.waitForFunction(() => document.documentElement.dataset.theme === 'dark');
    await close();
  });

  it('is isolated, so that backends may use threads', async () => {
    const { page, close } = await visit('/');
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    await close();
  });

  for (const colorScheme of themes) {
    it(`is accessible and fits every screen, ${colorScheme}`, async () => {
      const { page, close } = await visit('/', { colorScheme });
      await expectAccessible(page);
      await page.setViewportSize(narrow);
      await expectNoSidewaysScrolling(page);
      await expectAccessible(page);
      await close();
    });
  }
});
