import { show, TokenizerError } from '../errors.js';
import { wellFormed } from '../split.js';
import type { AddedTokenJson, ModelJson } from '../tokenizer-json.js';

/** How often each word occurs. A word is what a pre-tokenizer leaves of a text. */
export type WordCounts = ReadonlyMap<string, number>;

/** How far training has come: a name for what is being done, and how much of it. */
export interface TrainingProgress {
  stage: string;
  done: number;
  total: number;
}

/** How a running training is watched and stopped. */
export interface TrainingControl {
  /** Called some ten times a second, and at the end of each stage. */
  onProgress?: (progress: TrainingProgress) => void;
  /** Stops the training: the promise rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** A special token: its text, or its text with how it is found in texts. */
export type SpecialToken = string | Omit<AddedTokenJson, 'id'>;

/** What a trainer makes: a model, and the special tokens that it has been given, as a `tokenizer.json` writes them. */
export interface Trained<M extends ModelJson = ModelJson> {
  model: M;
  addedTokens: AddedTokenJson[];
}

/** Makes a model from word counts. The same counts give the same model, whatever the order of the words. */
export type Trainer<M extends ModelJson = ModelJson> = (counts: WordCounts, control?: TrainingControl) => Promise<Trained<M>>;

/** The words and their counts in an order of their own: the most frequent first, equally frequent ones by their code points. */
export function orderedCounts(operation: string, counts: WordCounts): [word: string, count: number][] {
  if (!(counts instanceof Map)) throw new TokenizerError(operation, `counts: expected a Map of word to count, got ${show(counts)}`);
  const ordered: [string, number][] = [];
  for (const [word, count] of counts) {
    if (typeof word !== 'string') throw new TokenizerError(operation, `counts: expected words that are strings, got ${show(word)}`);
    if (!Number.isSafeInteger(count) || count < 0) {
      throw new TokenizerError(operation, `counts: expected non-negative integers, got ${show(count)} for ${show(word)}`);
    }
    ordered.push([wellFormed(word), count]);
  }
  return ordered.sort(([a, countA], [b, countB]) => countB - countA || compareCodePoints(a, b));
}

/** Order by code points, which is that of UTF-8. `<` on strings orders by code units, which puts U+1F642 before U+FFFD. */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    if (a.charCodeAt(i) !== b.charCodeAt(i)) return (a.codePointAt(i) as number) - (b.codePointAt(i) as number);
  }
  return a.length - b.length;
}

/** The contents of special tokens; throws `TokenizerError` for what is none. */
export function specialContents(operation: string, tokens: readonly SpecialToken[]): string[] {
  if (!Array.isArray(tokens)) throw new TokenizerError(operation, `specialTokens: expected an array, got ${show(tokens)}`);
  return tokens.map((token, index) => {
    const content = typeof token === 'string' ? token : token?.content;
    if (typeof content === 'string' && content !== '') return content;
    throw new TokenizerError(
      operation,
      `specialTokens[${index}]: expected a string that is not empty, or an object with content, got ${show(token)}`,
    );
  });
}

/** The special tokens with the ids that a vocabulary gives them; those that it lacks follow after its last id. */
export function addedTokens(tokens: readonly SpecialToken[], ids: ReadonlyMap<string, number>, size: number): AddedTokenJson[] {
  const added = new Map<string, AddedTokenJson>();
  let next = size;
  for (const token of tokens) {
    const { content, ...flags } = typeof token === 'string' ? { content: token } : token;
    if (added.has(content)) continue;
    const id = ids.get(content) ?? next++;
    added.set(content, { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true, ...flags });
  }
  return [...added.values()].sort((a, b) => a.id - b.id);
}

/** Throws `TokenizerError` unless `value` is an integer of at least `least`. */
export function checkInteger(operation: string, argument: string, value: unknown, least: number): void {
  if (Number.isSafeInteger(value) && (value as number) >= least) return;
  throw new TokenizerError(operation, `${argument}: expected an integer of at least ${least}, got ${show(value)}`);
}

/** The first character of each string of an initial alphabet; throws `TokenizerError` for what is none. */
export function firstCharacters(operation: string, alphabet: Iterable<string> = []): string[] {
  if (typeof alphabet?.[Symbol.iterator] !== 'function') {
    throw new TokenizerError(operation, `initialAlphabet: expected an iterable of strings, got ${show(alphabet)}`);
  }
  const found: string[] = [];
  for (const text of alphabet) {
    if (typeof text !== 'string') throw new TokenizerError(operation, `initialAlphabet: expected strings, got ${show(text)}`);
    const [character] = wellFormed(text);
    if (character !== undefined) found.push(character);
  }
  return found;
}
