import { show, TokenizerError } from './errors.js';
import type { LookupTokenizer, UnknownPolicy } from './lookup-tokenizer.js';
import type { SpecialTokens } from './tokenizer.js';

export type SavedSplit = 'characters' | 'whitespace' | 'given';

/** A saved tokenizer, as `JSON.stringify(tokenizer)` writes it. Ids are not written: special tokens come first, then the vocabulary. */
export interface SavedTokenizer {
  format: 'multihead-tokenizer';
  version: 1;
  /** What divides the text; `given` is a function of the user's, which cannot be written. */
  split: SavedSplit;
  specialTokens: SpecialTokens;
  unknown: UnknownPolicy;
  vocabulary: readonly string[];
}

/** What a tokenizer over a vocabulary writes. */
export function save(split: SavedSplit, tokenizer: LookupTokenizer): SavedTokenizer {
  const { specialTokens, unknown, vocabulary } = tokenizer;
  return { format: 'multihead-tokenizer', version: 1, split, specialTokens, unknown, vocabulary };
}

/**
 * Reads what `save` wrote, from JSON text or from its parsed value. Strict: every missing, unexpected and wrong key is listed at
 * once. What the tokens themselves must satisfy is checked where the tokenizer is made.
 */
export function readSaved(
  operation: string,
  split: SavedSplit,
  saved: unknown,
): { specialTokens: SpecialTokens; unknown: UnknownPolicy; vocabulary: string[] } {
  const value = typeof saved === 'string' ? parse(operation, saved) : saved;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TokenizerError(operation, `saved: expected a saved tokenizer, as JSON text or as its parsed value, got ${show(value)}`);
  }
  const fields = new Map<string, unknown>(Object.entries(value));
  const expected: [key: string, what: string, holds: (field: unknown) => boolean][] = [
    ['format', "'multihead-tokenizer'", (field) => field === 'multihead-tokenizer'],
    ['version', '1', (field) => field === 1],
    ['split', `'${split}'`, (field) => field === split],
    ['specialTokens', 'an object of role to token', (field) => typeof field === 'object' && field !== null && !Array.isArray(field)],
    ['unknown', "'token' or 'throw'", (field) => field === 'token' || field === 'throw'],
    ['vocabulary', 'an array of strings', (field) => Array.isArray(field) && field.every((token) => typeof token === 'string')],
  ];
  const problems: string[] = [];
  for (const [key, what, holds] of expected) {
    if (!fields.has(key)) problems.push(`${key} is missing (expected ${what})`);
    else if (!holds(fields.get(key))) problems.push(`${key}: expected ${what}, got ${show(fields.get(key))}`);
  }
  for (const key of fields.keys()) {
    if (!expected.some(([name]) => name === key)) problems.push(`${show(key)} is unexpected`);
  }
  if (problems.length > 0) throw new TokenizerError(operation, `saved: ${problems.join('; ')}`);
  return {
    specialTokens: fields.get('specialTokens') as SpecialTokens,
    unknown: fields.get('unknown') as UnknownPolicy,
    vocabulary: fields.get('vocabulary') as string[],
  };
}

function parse(operation: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new TokenizerError(operation, `saved: expected JSON, got ${show(text)} (${(error as Error).message})`);
  }
}
