import { wasm } from '@multihead/kernels-wasm';
import { type Backend, cpu, getBackend, scope, setBackend } from '@multihead/tensor';
import type {} from '@multihead/tensor/testing';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { laws } from './laws.js';
import { variants } from './variants.js';

const backends: Record<string, () => Backend | Promise<Backend>> = {
  cpu: () => cpu(),
  'wasm, one thread': () => wasm(),
  'wasm, two threads': () => wasm({ threads: 2 }),
};

describe.each(Object.entries(backends))('on %s', (name, make) => {
  let backend: Backend;
  const before = getBackend();
  beforeAll(async () => {
    backend = await make();
    setBackend(backend);
  });
  afterAll(() => {
    setBackend(before);
    backend.dispose();
  });

  for (const variant of variants) {
    describe(variant.name, () => {
      for (const law of laws) {
        if (!law.holds(variant) || (law.everywhere === false && name !== 'cpu')) continue;
        it(law.name, async () => {
          using _ = scope();
          await law.check(variant);
        });
      }
    });
  }
});
