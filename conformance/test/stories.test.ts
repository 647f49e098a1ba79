// A language model that was really trained, Llama's kin: its 200 likeliest tokens, which PyTorch and a C program agree on.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { abs, amax, dispose, keep, Rng, sub, sum, type Tensor } from '@multihead/tensor';
import { fromTokenizerJson } from '@multihead/tokenizer';
import { generate } from '@multihead/transformer/generation';
import { LlamaForCausalLM } from '@multihead/transformer/llama';
import { load, readText } from '@multihead/transformer/load';
import { folder } from '@multihead/transformer/node';
import { expect, test } from 'vitest';
import { backendNames, backends } from '../backends.js';

const path = join(import.meta.dirname, '..', '..', '..', 'shared', 'data', 'stories260k');
const golden = existsSync(path) ? JSON.parse(readFileSync(`${path}/golden.json`, 'utf8')) : null;

/** What each backend drew with one seed. */
const told: string[] = [];

// The model lies beside the repository, not in it.
test.skipIf(golden === null).each(backendNames)('stories260k on %s tells its story token for token', { timeout: 120_000 }, async (name) => {
  const backend = await backends[name]();
  const model = await load(LlamaForCausalLM, folder(path), { backend });
  const ids: number[] = [...golden.prompt_ids];
  const max_new_tokens = golden.greedy_ids_200.length - ids.length;
  for await (const step of generate(model, ids, { max_new_tokens })) ids.push(step.ids[0]);
  expect(ids).toEqual(golden.greedy_ids_200);
  const tokenizer = fromTokenizerJson((await readText(folder(path), 'tokenizer.json'))!);
  expect(tokenizer.decode(ids, { skipSpecialTokens: true })).toBe(golden.text);
  const drawn: number[] = [];
  for await (const step of generate(model, ids, { max_new_tokens: 60, do_sample: true, rng: new Rng(7) })) drawn.push(step.ids[0]);
  told.push(String(drawn));
  dispose(model);
  backend.dispose();
});

test.skipIf(golden === null)('every backend draws the same story from the same seed', () => {
  expect(told).toHaveLength(backendNames.length);
  expect(new Set(told).size).toBe(1);
});

test.skipIf(golden === null).each(backendNames)(
  'on %s it is the same story while all heads are looked at',
  { timeout: 120_000 },
  async (name) => {
    const backend = await backends[name]();
    const model = await load(LlamaForCausalLM, folder(path), { backend });
    const ids: number[] = [...golden.prompt_ids];
    let looks = 0;
    let worst = 0;
    const tap = (activation: string, x: Tensor) => {
      if (!activation.endsWith('.attn.pattern')) return;
      looks += x.shape[1]!;
      sums.push(keep(amax(abs(sub(sum(x, { axis: -1 }), 1)))));
    };
    const sums: Tensor[] = [];
    for await (const step of generate(model, ids, { max_new_tokens: 40, tap })) {
      ids.push(step.ids[0]!);
      for (const one of sums.splice(0)) {
        worst = Math.max(worst, await one.item());
        one.dispose();
      }
    }
    expect(ids).toEqual(golden.greedy_ids_200.slice(0, ids.length));
    expect(looks).toBe(40 * 5 * 8); // steps, layers, heads
    expect(worst).toBeLessThan(1e-5); // what each of them looked at sums to 1
    dispose(model);
    backend.dispose();
  },
);
