import { fromTokenizerJson, type TokenizerJson } from '@multihead/tokenizer';
import type { Finding } from '../suite.js';
import { equal, inCodePoints } from './compare.js';
import type { ComponentCase } from './document.js';
import type { Texts } from './texts.js';

/** One component, in a tokenizer that has nothing else. */
export function runComponent(golden: ComponentCase, texts: Texts): Finding[] {
  const model = { type: 'WordLevel', unk_token: '?', vocab: { '?': 0 } } as const;
  const tokenizer = fromTokenizerJson({ model, [golden.kind]: golden.config } as unknown as TokenizerJson);
  // Hugging Face's own code crashes on this one and has no text to compare with: ours has to answer with some text.
  if (golden.output === undefined)
    return [{ what: 'answers', problem: typeof tokenizer.decodeTokens(golden.tokens ?? []) === 'string' ? null : 'no text' }];
  if (golden.kind === 'decoder') return [equal('text', tokenizer.decodeTokens(golden.tokens as readonly string[]), golden.output)];
  const text = texts.get(golden.text as string);
  if (golden.kind === 'normalizer') return [equal('text', tokenizer.normalize(text), golden.output)];
  const pieces = tokenizer.preTokenize(text).map(({ text: piece, offsets }) => [piece, offsets.map((at) => inCodePoints(text, at))]);
  return [equal('pieces', pieces, golden.output)];
}
