import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const { exports } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { exports: Record<string, unknown> };
const paths = Object.keys(exports).filter((path) => path !== './package.json');

it.each(paths)('the README names every export of %s, and the path', async (path) => {
  const page = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const named = new Set([...page.matchAll(/`(\w+)[`(]/g)].map((match) => match[1]));
  const exported = (await import(`@multihead/transformer/${path.slice(2)}`)) as object;
  expect(Object.keys(exported).filter((name) => !named.has(name))).toEqual([]);
  expect(page).toContain(`\`/${path.slice(2)}\``);
});
