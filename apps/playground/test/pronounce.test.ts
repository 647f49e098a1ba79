import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { phonemes } from '@multihead/examples/g2p/data.ts';
import { expectAccessible, expectNoSidewaysScrolling, narrow, playground, themes } from './browser.js';

const { visit } = playground();
const word = 'transformer';

/** The phonemes on show, as soon as they are those of `text`. */
async function spoken(page: Page, text: string): Promise<string[]> {
  await page.waitForFunction((letters) => {
    const shown = Array.from(document.querySelectorAll('.letters li'), (letter) => letter.textContent);
    return shown.join('') === letters && document.querySelector('.found')?.getAttribute('aria-busy') === 'false';
  }, text);
  return page.locator('.phonemes b').allTextContents();
}

/** The heat map's size in cells and in pixels, and how many colours are in it. */
async function picture(page: Page) {
  return page.locator('.heat-map canvas').evaluate((element) => {
    const canvas = element as HTMLCanvasElement;
    const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
    const colours = new Set(new Uint32Array(data.buffer));
    const { rows, columns } = canvas.dataset;
    return {
      cells: [Number(rows), Number(columns)],
      pixels: [canvas.width, canvas.height],
      shown: [canvas.clientWidth, canvas.clientHeight].map((length) => Math.round(length * devicePixelRatio)),
      colours: colours.size,
    };
  });
}

describe('Pronounce', { timeout: 180_000 }, () => {
  it('gives phonemes, alternatives and a sharp map of letters × phonemes', async () => {
    const { page, close } = await visit('/pronounce', { deviceScaleFactor: 2 });
    await page.fill('#word', word);
    const found = await spoken(page, word);
    expect(found.length).toBeGreaterThan(2);
    for (const name of found) expect(phonemes).toContain(name);
    expect(await page.locator('.answers li').count()).toBe(5);
    const map = await picture(page);
    expect(map.cells).toEqual([found.length + 1, word.length + 1]);
    expect(map.pixels).toEqual(map.shown);
    expect(map.colours).toBeGreaterThan(5);

    await page.fill('#word', 'cat');
    const short = await spoken(page, 'cat');
    expect((await picture(page)).cells).toEqual([short.length + 1, 4]);
    await close({ but: /willReadFrequently/ });
  });

  it('shows other answers, layers and heads', async () => {
    const { page, close } = await visit('/pronounce');
    await page.fill('#word', word);
    await spoken(page, word);
    const label = () => page.locator('.heat-map canvas').getAttribute('aria-label');
    await page.getByRole('button', { name: 'Layer 3, head 2' }).click();
    expect(await label()).toContain('Layer 3, head 2');
    const second = page.locator('.answers li').nth(1);
    const other = (await second.locator('.answer-phonemes').textContent())!;
    await second.getByRole('button').click();
    await page.waitForFunction(
      (text) => Array.from(document.querySelectorAll('.phonemes b'), (b) => b.textContent).join(' ') === text,
      other,
    );
    expect(await label()).toContain(other);
    await close();
  });

  it('tells by keyboard which letters a phoneme looked at', async () => {
    const { page, close } = await visit('/pronounce');
    await page.fill('#word', word);
    await spoken(page, word);
    const tints = () =>
      page.locator('.letters li').evaluateAll((letters) => letters.map((letter) => getComputedStyle(letter).backgroundColor));
    expect(new Set(await tints()).size).toBe(1);
    await page.locator('.phonemes button').nth(1).focus();
    await page.waitForTimeout(300);
    expect(new Set(await tints()).size).toBeGreaterThan(1);
    expect(await page.locator('.readout').textContent()).toMatch(/looked at .+ \d+ %/);
    await close();
  });

  it('names a character that it does not know, and goes on', async () => {
    const { page, close } = await visit('/pronounce');
    await page.fill('#word', 'naïve');
    await page.waitForFunction(() => document.querySelector('#word-problem')?.textContent?.includes('ï'));
    expect(await page.locator('#word').getAttribute('aria-invalid')).toBe('true');
    await page.fill('#word', 'two words');
    await page.waitForFunction(() => document.querySelector('#word-problem')?.textContent?.includes('a space'));
    await page.fill('#word', 'naive');
    expect((await spoken(page, 'naive')).length).toBeGreaterThan(1);
    expect(await page.locator('#word-problem').textContent()).toBe('');
    await close();
  });

  it('says the same on the CPU and on WebAssembly, and how long each took', async () => {
    const { page, close } = await visit('/pronounce');
    await page.fill('#word', word);
    const first = await spoken(page, word);
    const timed = () => page.locator('.tile-time').allTextContents();
    await page.waitForFunction(() =>
      Array.from(document.querySelectorAll('.tile-time')).every((time) => /^[\d.]+ ms$/.test(time.textContent!)),
    );
    const times = await timed();
    expect(times).toHaveLength(2);
    await page.getByRole('radio', { name: /CPU/ }).check();
    await page.waitForFunction(() => document.querySelector('.found')?.getAttribute('aria-busy') === 'false');
    expect(await spoken(page, word)).toEqual(first);
    expect(await page.getByText('One word, beam 5').count()).toBe(1);
    expect(await timed()).toEqual(times);
    await close();
  });

  it('takes the CPU, and says why, where WebAssembly is forbidden', async () => {
    const { page, close } = await visit('/pronounce', {
      before: (page) =>
        page.route(/pronounce-worker.*\.js$/, async (route) => {
          const response = await route.fetch();
          await route.fulfill({ response, headers: { ...response.headers(), 'content-security-policy': "script-src 'self'" } });
        }),
    });
    await page.fill('#word', 'cat');
    expect((await spoken(page, 'cat')).length).toBeGreaterThan(1);
    expect(await page.getByRole('radio', { name: /WebAssembly/ }).isDisabled()).toBe(true);
    expect(await page.locator('.speed .problem').textContent()).toContain('refused to compile WebAssembly');
    await close({ but: /Content Security Policy|unsafe-eval/ });
  });

  it('says so when the model cannot be fetched, and tries again when asked to', async () => {
    let broken = true;
    const { page, close } = await visit('/pronounce', {
      before: (page) => page.context().route(/\.safetensors/, (route) => (broken ? route.fulfill({ status: 503 }) : route.continue())),
    });
    await page.getByRole('alert').waitFor();
    expect(await page.getByRole('alert').textContent()).toContain('503');
    broken = false;
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.locator('.phonemes button').first().waitFor();
    await close({ but: /503/ });
  });

  for (const colorScheme of themes) {
    it(`is accessible and fits a telephone, ${colorScheme}`, async () => {
      const { page, close } = await visit('/pronounce', { colorScheme, viewport: narrow });
      await page.fill('#word', 'internationalisation');
      await spoken(page, 'internationalisation');
      await expectNoSidewaysScrolling(page);
      await expectAccessible(page);
      await page.locator('.phonemes button').nth(2).focus();
      await expectAccessible(page);
      await page.fill('#word', 'ß');
      await page.waitForFunction(() => document.querySelector('#word-problem')?.textContent?.includes('ß'));
      await expectAccessible(page);
      await close();
    });
  }
});
