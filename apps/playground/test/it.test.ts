import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { expectAccessible, expectNoSidewaysScrolling, narrow, playground, themes } from './browser.js';

const { visit } = playground();

async function step(page: Page): Promise<number> {
  return Number(await page.getByTestId('step').textContent());
}

/** Trains until `holds` of the step counter and of the accuracy on held-out nouns. */
async function trainUntil(page: Page, wanted: { step?: number; unseen?: number }): Promise<void> {
  await page.waitForFunction(({ step = 0, unseen = 0 }) => {
    const number = (name: string) => Number.parseFloat(document.querySelector(`[data-testid=${name}]`)!.textContent!);
    return number('step') >= step && number('unseen') >= unseen;
  }, wanted);
}

/** What *it* means as far as the picture tells, once it is drawn for this last word. */
async function answerFor(page: Page, last: 'tired' | 'wide'): Promise<{ answer: string; sure: boolean }> {
  await page.locator(`input[value=${last}]`).check({ force: true });
  await page.waitForFunction((word) => {
    const words = Array.from(document.querySelectorAll('.sentence li'), (item) => item);
    return (
      words.at(-1)!.querySelector('.word')!.textContent === word &&
      words.some((item) => item.querySelector('.share')!.textContent!.includes('%'))
    );
  }, last);
  const verdict = page.getByTestId('verdict');
  return { answer: (await verdict.getAttribute('data-answer'))!, sure: (await verdict.locator('[data-first=true]').count()) === 1 };
}

describe('What does it look at?', { timeout: 240_000 }, () => {
  it('learns in the page what it means, of nouns it never saw, and changes its mind with the last word', async () => {
    const { page, close } = await visit('/it');
    await page.getByRole('button', { name: 'Train' }).click();
    await trainUntil(page, { step: 30 });
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Go on' }).waitFor();
    const paused = await step(page);
    await page.waitForTimeout(300);
    expect(await step(page)).toBe(paused);

    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByRole('button', { name: 'Trained' }).waitFor();
    await trainUntil(page, { unseen: 90 });
    expect(await answerFor(page, 'tired')).toEqual({ answer: 'animal', sure: true });
    expect(await answerFor(page, 'wide')).toEqual({ answer: 'place', sure: true });
    expect(await answerFor(page, 'tired')).toEqual({ answer: 'animal', sure: true });

    await page.getByRole('button', { name: 'Reset' }).click();
    await page.waitForFunction(() => document.querySelector('[data-testid=step]')!.textContent === '0');
    expect(await page.getByTestId('unseen').textContent()).toBe('0 %');
    await close();
  });

  it('draws a map of every word, and the course of training', async () => {
    const { page, close } = await visit('/it');
    await page.getByRole('button', { name: 'Train' }).click();
    await trainUntil(page, { step: 20 });
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Go on' }).waitFor();
    const words = await page.locator('.sentence li').count();
    const size = (selector: string) =>
      page
        .locator(selector)
        .evaluate((canvas) => [(canvas as HTMLCanvasElement).dataset.rows, (canvas as HTMLCanvasElement).dataset.columns].map(Number));
    expect(await size('.attention .heat-map canvas')).toEqual([words, words]);
    expect(await size('.timeline canvas')).toEqual([words, 31]);
    await page.getByLabel('Pattern').selectOption({ index: 5 });
    await page.waitForFunction((before) => document.querySelectorAll('.sentence li').length !== before, words);
    const others = await page.locator('.sentence li').count();
    await page.waitForFunction(
      (count) => document.querySelector<HTMLCanvasElement>('.timeline canvas')!.dataset.rows === String(count),
      others,
    );
    expect(await page.locator('.chart canvas').count()).toBe(2);
    await close();
  });

  for (const colorScheme of themes) {
    it(`is accessible and fits a telephone, ${colorScheme}`, async () => {
      const { page, close } = await visit('/it', { colorScheme, viewport: narrow });
      await page.getByRole('button', { name: 'Train' }).click();
      await trainUntil(page, { step: 40 });
      await page.getByRole('button', { name: 'Pause' }).click();
      await page.getByRole('button', { name: 'Go on' }).waitFor();
      await expectNoSidewaysScrolling(page);
      await expectAccessible(page);
      await close();
    });
  }
});
