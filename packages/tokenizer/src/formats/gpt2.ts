import { show, TokenizerError } from '../errors.js';
import type { AddedTokenJson, TokenizerJson } from '../tokenizer-json.js';
import { linesOf } from './lines.js';

export interface Gpt2Options {
  /** Special tokens, which have to be in the vocabulary. Default: `<|endoftext|>`, if it is there. */
  specialTokens?: readonly string[];
  /** Put a space before a text, so that its first word is like others. Default false. */
  addPrefixSpace?: boolean;
}

/**
 * The `tokenizer.json` of GPT-2's files, `vocab.json` and `merges.txt`: byte-level BPE.
 *
 * Throws `TokenizerError` for a vocabulary that is no object of ids, for a merge that is not two tokens, and for a special token that is not
 * in the vocabulary.
 *
 * ```ts
 * import { tokenizerJsonFromGpt2 } from '@multihead/tokenizer/formats';
 *
 * const json = tokenizerJsonFromGpt2('{"h": 0, "i": 1, "hi": 2}', '#version: 0.2\nh i\n');
 * json.model.merges; // [['h', 'i']]
 * ```
 */
export function tokenizerJsonFromGpt2(vocabJson: string, mergesTxt: string, options: Gpt2Options = {}): TokenizerJson {
  const operation = 'tokenizerJsonFromGpt2';
  const vocab = readVocab(operation, vocabJson);
  const lines = linesOf(operation, 'mergesTxt', mergesTxt).filter((line) => !line.startsWith('#version'));
  const merges = lines.map((line, index): [string, string] => {
    const parts = line.split(' ');
    if (parts.length === 2) return [parts[0]!, parts[1]!];
    throw new TokenizerError(operation, `mergesTxt: expected two tokens and a space in merge ${index + 1}, got ${show(line)}`);
  });
  const byteLevel = { type: 'ByteLevel', add_prefix_space: options.addPrefixSpace ?? false, trim_offsets: false, use_regex: true } as const;
  return {
    version: '1.0',
    added_tokens: addedOf(operation, vocab, options.specialTokens ?? ['<|endoftext|>'].filter((token) => vocab.has(token))),
    pre_tokenizer: byteLevel,
    post_processor: byteLevel,
    decoder: byteLevel,
    model: { type: 'BPE', vocab, merges },
  };
}

function readVocab(operation: string, text: string): Map<string, number> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new TokenizerError(operation, `vocabJson: expected JSON, got ${show(text)} (${(error as Error).message})`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TokenizerError(operation, `vocabJson: expected an object of token to id, got ${show(value)}`);
  }
  const vocab = new Map<string, number>();
  for (const [token, id] of Object.entries(value)) {
    if (!Number.isSafeInteger(id) || id < 0)
      throw new TokenizerError(operation, `vocabJson: expected an id for ${show(token)}, got ${show(id)}`);
    vocab.set(token, id);
  }
  return vocab;
}

/** Special tokens of a vocabulary, as a `tokenizer.json` lists them. */
export function addedOf(operation: string, vocab: ReadonlyMap<string, number>, tokens: readonly string[]): AddedTokenJson[] {
  const added = tokens.map((content) => {
    const id = vocab.get(content);
    if (id === undefined) throw new TokenizerError(operation, `specialTokens: expected tokens of the vocabulary, got ${show(content)}`);
    return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  });
  return added.sort((a, b) => a.id - b.id);
}
