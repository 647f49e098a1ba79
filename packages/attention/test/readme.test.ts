import { readFileSync } from 'node:fs';
import * as exported from '@multihead/attention';
import { expect, it } from 'vitest';

it('the README names every export', () => {
  const page = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const named = new Set([...page.matchAll(/`(\w+)[`(]/g)].map((match) => match[1]));
  expect(Object.keys(exported).filter((name) => !named.has(name))).toEqual([]);
});
