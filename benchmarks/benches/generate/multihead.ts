import { dispose } from '@multihead/tensor';
import { fromTokenizerJson } from '@multihead/tokenizer';
import { generate } from '@multihead/transformer/generation';
import { GPT2LMHeadModel } from '@multihead/transformer/gpt2';
import { load } from '@multihead/transformer/load';
import { folder } from '@multihead/transformer/node';
import { checkpoint, textOf } from '../../checkpoints/folders.ts';
import { endOfText } from '../../checkpoints/vocabularies.ts';
import type { Ready } from '../../contest.ts';
import { multihead } from '../../peers/multihead.ts';
import { comparable } from '../decode/data.ts';
import { generated } from './data.ts';

export async function ours(prompt: string, threads: number): Promise<Ready> {
  const backend = await multihead(threads);
  const path = await checkpoint('gpt2');
  const tokenizer = fromTokenizerJson(textOf(path, 'tokenizer.json'));
  const model = await load(GPT2LMHeadModel, folder(path));

  async function answer(): Promise<{ ids: number[]; text: string }> {
    const ids: number[] = [];
    const options = { max_new_tokens: generated, eos_token_id: endOfText };
    for await (const step of generate(model, Array.from(tokenizer.encode(prompt).ids), options)) ids.push(step.ids[0]!);
    return { ids, text: tokenizer.decode(ids) };
  }

  return {
    async run(times) {
      for (let i = 0; i < times; i++) await answer();
      return undefined;
    },
    async results() {
      return { ids: comparable((await answer()).ids) };
    },
    close() {
      dispose(model);
      backend.dispose();
    },
  };
}
