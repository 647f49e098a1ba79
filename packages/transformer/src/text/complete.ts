import { ValueError } from '@multihead/tensor';
import { idsOf as endsOf } from '../generation/config.js';
import type { CausalModel, SourceModel } from '../generation/decoding.js';
import { generate } from '../generation/generate.js';
import type { Session } from '../generation/session.js';
import type { GenerateOptions } from '../generation/start.js';
import { piecesOf, type TextPieces } from './pieces.js';
import { settingsOf } from './settings.js';
import { idsOf, uncut, type WritingTokenizer } from './tokenizer.js';

/** A language model with its config. */
export type WritingModel = (CausalModel | SourceModel) & { readonly config: object };

/** What `generate` takes, for one text: the keys of generation_config.json by their names there. */
export interface CompleteOptions extends Omit<GenerateOptions, 'mask' | 'tokenizer' | 'num_beams' | 'num_return_sequences'> {
  /** Keeps keys and values of what was said before, so that only new tokens are computed. */
  session?: Session;
}

/**
 * Goes on from a text, piece by piece while it is written; for a model of two stacks what it makes of the text.
 *
 * What is not given is taken from config.json: ends (`eos_token_id`, several if need be) and the like; 256 new tokens at most if nothing is said. Pieces never
 * divide a character or a grapheme. The prompt is encoded as its tokenizer encodes texts, special tokens included. Rejects with a ValueError for options
 * that do not fit, with the signal's reason when aborted.
 *
 * @example
 * for await (const piece of complete(model, tokenizer, 'Once upon a time')) process.stdout.write(piece);
 * const text = await complete(model, tokenizer, 'Once upon a time', { max_new_tokens: 20 }).text();
 */
export function complete(model: WritingModel, tokenizer: WritingTokenizer, prompt: string, options: CompleteOptions = {}): TextPieces {
  return written('complete', model, tokenizer, () => idsOf(tokenizer.encode(prompt, uncut)), options);
}

/** The pieces of what a model writes behind ids. */
export function written(
  op: string,
  model: WritingModel,
  tokenizer: WritingTokenizer,
  prompt: () => number[],
  { session, ...options }: CompleteOptions,
): TextPieces {
  const settings: GenerateOptions = { ...settingsOf(model, options), tokenizer, num_beams: 1, num_return_sequences: 1 };
  async function* steps() {
    const ids = prompt();
    if (ids.length === 0) throw new ValueError(`${op}: prompt: expected text with at least one token, got none`);
    if (!session) yield* generate(model, ids, settings);
    else if (options.draft || options.cache) throw new ValueError(`${op}: session: expected none beside a draft or caches of one's own`);
    else yield* session.generate(ids, settings);
  }
  return piecesOf(steps, tokenizer, endsOf(settings.eos_token_id));
}
