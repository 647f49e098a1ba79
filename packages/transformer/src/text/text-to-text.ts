import { ValueError } from '@multihead/tensor';
import { checkCount } from '../generation/processors/scores.js';
import { beamSearch } from '../generation/beam-search.js';
import type { SourceModel } from '../generation/decoding.js';
import { generate } from '../generation/generate.js';
import type { GenerateOptions } from '../generation/start.js';
import { prefixOf, settingsOf } from './settings.js';
import { idsOf, uncut, type WritingTokenizer } from './tokenizer.js';

/** A model of two stacks with its config. */
export type TextToTextModel = SourceModel & { readonly config: object };

/** What `generate` and `beamSearch` take, and how many texts at a time. */
export interface TextToTextOptions extends Omit<GenerateOptions, 'mask' | 'tokenizer' | 'draft'> {
  /** Texts at a time; 16 if left out. */
  batchSize?: number;
  /** Told of every batch. */
  onProgress?: (progress: { done: number; of: number }) => void;
}

/**
 * What a model of two stacks makes of each text: `num_return_sequences` answers, best first.
 *
 * Four beams and 256 new tokens at most, as transformers' pipeline has it, unless options or config.json say otherwise; a checkpoint's own settings go in by
 * `readGenerationConfig`. Throws a ValueError for a text without tokens and for options that do not fit, the signal's reason when aborted.
 *
 * @example
 * const answers = await textToText(model, tokenizer, ['translate English to German: Thank you'], { num_return_sequences: 2 });
 * answers[0]; // ['Danke', 'Vielen Dank']
 */
export async function textToText(
  model: TextToTextModel,
  tokenizer: WritingTokenizer,
  texts: readonly string[],
  options: TextToTextOptions = {},
): Promise<string[][]> {
  const prefix = prefixOf(model, 'text2text-generation');
  const sources = texts.map((text) => idsOf(tokenizer.encode(prefix + text, uncut)));
  return overSources('textToText', model, tokenizer, sources, settingsOf(model, options));
}

/** The same for ids of sources, with all settings. */
export async function overSources(
  op: string,
  model: TextToTextModel,
  tokenizer: WritingTokenizer,
  sources: readonly (readonly number[])[],
  { batchSize = 16, onProgress, ...options }: TextToTextOptions,
): Promise<string[][]> {
  checkCount(op, 'batchSize', batchSize, 1);
  const empty = sources.findIndex((ids) => ids.length === 0);
  if (empty >= 0) throw new ValueError(`${op}: texts: expected text with at least one token, got none for text ${empty}`);
  const settings = { num_beams: 4, ...options, tokenizer };
  const found: string[][] = [];
  for (let from = 0; from < sources.length; from += batchSize) {
    settings.signal?.throwIfAborted();
    const rows = await answersTo(model, sources.slice(from, from + batchSize), settings);
    for (const answers of rows) found.push(answers.map((ids) => tokenizer.decode(ids, { skipSpecialTokens: true })));
    onProgress?.({ done: found.length, of: sources.length });
  }
  return found;
}

/** The ids of the answers to each source. */
async function answersTo(model: SourceModel, sources: readonly (readonly number[])[], settings: GenerateOptions): Promise<number[][][]> {
  if ((settings.num_beams ?? 1) > 1) {
    return (await beamSearch(model, sources, settings)).map((answers) => answers.map(({ sequence }) => sequence));
  }
  const count = settings.num_return_sequences ?? 1;
  const many = sources.flatMap((source) => Array.from({ length: count }, () => source));
  const rows: number[][] = many.map(() => []);
  for await (const { ids, isPadding } of generate(model, many, { ...settings, num_return_sequences: 1 })) {
    for (const [i, id] of ids.entries()) if (!isPadding[i]) rows[i]!.push(id);
  }
  return sources.map((_, i) => rows.slice(i * count, (i + 1) * count));
}

/**
 * A short text for each long one. Where config.json knows a prefix and settings for `summarization`, as T5's and BART's do, they are used; else this is
 * `textToText`, best answers alone.
 *
 * @example
 * const [summary] = await summarize(model, tokenizer, [article], { max_new_tokens: 60 });
 */
export async function summarize(
  model: TextToTextModel,
  tokenizer: WritingTokenizer,
  texts: readonly string[],
  options: TextToTextOptions = {},
): Promise<string[]> {
  const prefix = prefixOf(model, 'summarization');
  const sources = texts.map((text) => idsOf(tokenizer.encode(prefix + text, uncut)));
  const found = await overSources('summarize', model, tokenizer, sources, settingsOf(model, options, 'summarization'));
  return found.map(([best]) => best!);
}
