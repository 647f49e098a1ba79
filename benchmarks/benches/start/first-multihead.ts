import { readFile } from 'node:fs/promises';
import { wasm } from '@multihead/kernels-wasm';
import { fromTokenizerJson } from '@multihead/tokenizer';
import { generate } from '@multihead/transformer/generation';
import { GPT2LMHeadModel } from '@multihead/transformer/gpt2';
import { load, readText, site } from '@multihead/transformer/load';
import { folder } from '@multihead/transformer/node';
import { tellFirst } from './tell.ts';

/* A program that says the first token and ends: where from, threads, prompt. */

const [where, threads, prompt] = process.argv.slice(2) as [string, string, string];
const source = where.startsWith('http') ? site(where) : folder(where);
const backend = await wasm({ threads: Number(threads) });
const [model, tokenizer] = await Promise.all([
  load(GPT2LMHeadModel, source, { backend }),
  (where.startsWith('http') ? readText(site(where), 'tokenizer.json') : readFile(`${where}/tokenizer.json`, 'utf8')).then((text) =>
    fromTokenizerJson(text!),
  ),
]);
for await (const { ids } of generate(model, Array.from(tokenizer.encode(prompt).ids), { max_new_tokens: 1 })) tellFirst(ids[0]!);
