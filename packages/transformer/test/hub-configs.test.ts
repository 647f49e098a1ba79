import { readFileSync } from 'node:fs';
import { auto } from '@multihead/transformer/auto';
import { expect, test } from 'vitest';

/* The keys that config.json has in repositories of the hub, written by many versions over the years; lists of labels and factors are cut. */

type Json = Readonly<Record<string, unknown>>;
const configs = JSON.parse(readFileSync(new URL('./fixtures/hub-configs.json', import.meta.url), 'utf8')) as Record<string, Json>;

test.each(Object.entries(configs))('%s is taken as it is', async (_, json) => {
  const Model = await auto.choose(json);
  expect(() => Model.readConfig(json)).not.toThrow();
});
