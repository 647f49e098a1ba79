// A language model that was really trained, Llama's kin: its 200 likeliest tokens, which PyTorch and a C program agree on.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { argmax, dispose, noGrad, scope, tensor } from '@multihead/tensor';
import { fromTokenizerJson } from '@multihead/tokenizer';
import { LlamaForCausalLM } from '@multihead/transformer/llama';
import { load, readText } from '@multihead/transformer/load';
import { folder } from '@multihead/transformer/node';
import { expect, test } from 'vitest';
import { backendNames, backends } from '../backends.js';

const path = join(import.meta.dirname, '..', '..', '..', 'shared', 'data', 'stories260k');
const golden = existsSync(path) ? JSON.parse(readFileSync(`${path}/golden.json`, 'utf8')) : null;

// The model lies beside the repository, not in it.
test.skipIf(golden === null).each(backendNames)('stories260k on %s tells its story token for token', { timeout: 120_000 }, async (name) => {
  const backend = await backends[name]();
  const model = await load(LlamaForCausalLM, folder(path), { backend });
  const cache = model.cache();
  const ids: number[] = [...golden.prompt_ids];
  for (let seen = 0; ids.length < golden.greedy_ids_200.length; ) {
    using _ = scope();
    const fresh = tensor(Int32Array.from(ids.slice(seen)), { shape: [1, ids.length - seen], backend });
    seen = ids.length;
    const next = argmax(noGrad(() => model.forward(fresh, { cache })));
    ids.push((await next.data()).at(-1)!);
  }
  expect(ids).toEqual(golden.greedy_ids_200);
  const tokenizer = fromTokenizerJson((await readText(folder(path), 'tokenizer.json'))!);
  expect(tokenizer.decode(ids, { skipSpecialTokens: true })).toBe(golden.text);
  for (const one of cache) one.dispose();
  dispose(model);
  backend.dispose();
});
