import { fromTokenizerJson } from '@multihead/tokenizer';
import { checkpoint, textOf as fileOf } from '../../checkpoints/folders.ts';
import { textOf } from '../../checkpoints/texts.ts';

export const promptTokens = 32;
export const generated = 64;

/** A text of so many tokens. */
export async function prompt(tokens = promptTokens): Promise<string> {
  const tokenizer = fromTokenizerJson(fileOf(await checkpoint('gpt2'), 'tokenizer.json'));
  return textOf(tokens, 400, (text) => tokenizer.encode(text).ids.length);
}
