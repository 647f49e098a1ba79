import { fromTokenizerJson } from '@multihead/tokenizer';
import { checkpoint, textOf as fileOf } from '../../checkpoints/folders.ts';
import { shape } from '../../checkpoints/bert.ts';
import { lengths, textOf } from '../../checkpoints/texts.ts';

export interface EmbedInput {
  name: string;
  texts: string[];
  /** Tokens of each text. */
  tokens: number[];
}

/** One short text, one long one, and many of mixed lengths. */
export async function inputs(): Promise<EmbedInput[]> {
  const tokenizer = fromTokenizerJson(fileOf(await checkpoint('bert'), 'tokenizer.json'));
  const count = (text: string) => tokenizer.encode(text).ids.length;
  const input = (name: string, tokens: number[], seed: number): EmbedInput => ({
    name,
    tokens,
    texts: tokens.map((one, i) => textOf(one, seed + i, count)),
  });
  return [input('16 tokens', [16], 100), input('128 tokens', [128], 200), input('32 texts', lengths(32, 8, 128, 9), 300)];
}

/** Of the matrix products, without padding: projections, scores and weighted sums, feed-forward. */
export function floatingPoint({ tokens }: EmbedInput): number {
  const { layers, width, hidden } = shape;
  return tokens.reduce((sum, t) => sum + 2 * layers * t * (4 * width * width + 2 * t * width + 2 * width * hidden), 0);
}
