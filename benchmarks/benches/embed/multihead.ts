import { dispose } from '@multihead/tensor';
import { fromTokenizerJson } from '@multihead/tokenizer';
import { BertModel } from '@multihead/transformer/bert';
import { load } from '@multihead/transformer/load';
import { folder } from '@multihead/transformer/node';
import { embed } from '@multihead/transformer/text';
import { checkpoint, textOf } from '../../checkpoints/folders.ts';
import type { Ready } from '../../contest.ts';
import { multihead } from '../../peers/multihead.ts';
import type { EmbedInput } from './data.ts';

export async function ours({ texts }: EmbedInput, threads: number): Promise<Ready> {
  const backend = await multihead(threads);
  const path = await checkpoint('bert');
  const tokenizer = fromTokenizerJson(textOf(path, 'tokenizer.json'));
  const model = await load(BertModel, folder(path));
  return {
    async run(times) {
      for (let i = 0; i < times; i++) await embed(model, tokenizer, texts);
      return undefined;
    },
    async results() {
      return { vectors: Float32Array.from((await embed(model, tokenizer, texts)).flatMap((vector) => [...vector])) };
    },
    close() {
      dispose(model);
      backend.dispose();
    },
  };
}
