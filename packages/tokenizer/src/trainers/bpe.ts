import type { BpeJson } from '../tokenizer-json.js';
import { PairCounts } from './pair-counts.js';
import { Pace } from './pace.js';
import {
  addedTokens,
  checkInteger,
  compareCodePoints,
  firstCharacters,
  orderedCounts,
  type SpecialToken,
  specialContents,
  type Trainer,
} from './trainer.js';

export interface BpeTrainerOptions {
  /** The most ids, special tokens included; the alphabet is kept even where it is larger. Default 30000. */
  vocabSize?: number;
  /** Pairs that occur less often are not merged. Default 0. */
  minFrequency?: number;
  /** They have the first ids. Default: none. */
  specialTokens?: readonly SpecialToken[];
  /** The most single characters that are kept, the most frequent ones; others are left out of the words. Default: all. */
  limitAlphabet?: number;
  /** Characters that the vocabulary has in any case; of longer strings the first character. `byteLevelAlphabet()` for byte-level models. */
  initialAlphabet?: Iterable<string>;
  /** What is put before every piece that does not begin a word. Default: nothing. */
  continuingSubwordPrefix?: string;
  /** What is put after every piece that ends a word. Default: nothing. */
  endOfWordSuffix?: string;
  /** The most characters that a merged token may have. Default: no limit. */
  maxTokenLength?: number;
}

/**
 * Trains byte-pair encoding: again and again the most frequent pair of neighbours becomes one token, until the vocabulary is full.
 *
 * Of equally frequent pairs, that with the smaller ids is first. Pairs are counted once; a merge changes only the counts around the places
 * where it happens. Throws `TokenizerError` for options that make no sense.
 *
 * ```ts
 * import { bpeTrainer } from '@multihead/tokenizer/trainers';
 *
 * const train = bpeTrainer({ vocabSize: 7 });
 * const { model } = await train(new Map([['are', 3], ['red', 2]]));
 * model.merges; // [['r', 'e'], ['a', 're'], ['re', 'd']]
 * ```
 *
 * The rules are those of `BpeTrainer` in Hugging Face's tokenizers. Sennrich, Haddow & Birch, 2016: Neural Machine Translation of Rare
 * Words with Subword Units.
 */
export function bpeTrainer(options: BpeTrainerOptions = {}): Trainer<BpeJson> {
  const operation = 'bpeTrainer';
  const { vocabSize = 30_000, minFrequency = 0, specialTokens = [], limitAlphabet, maxTokenLength } = options;
  const prefix = options.continuingSubwordPrefix ?? '';
  const suffix = options.endOfWordSuffix ?? '';
  checkInteger(operation, 'vocabSize', vocabSize, 0);
  checkInteger(operation, 'minFrequency', minFrequency, 0);
  if (limitAlphabet !== undefined) checkInteger(operation, 'limitAlphabet', limitAlphabet, 0);
  if (maxTokenLength !== undefined) checkInteger(operation, 'maxTokenLength', maxTokenLength, 0);
  const special = specialContents(operation, specialTokens);
  const initial = firstCharacters(operation, options.initialAlphabet);

  return async (counts, control) => {
    const pace = new Pace(control);
    const words = orderedCounts(operation, counts);
    const ids = new Map<string, number>();
    const tokens: string[] = [];
    const idOf = (token: string): number => {
      const known = ids.get(token);
      if (known !== undefined) return known;
      ids.set(token, tokens.length);
      return tokens.push(token) - 1;
    };
    for (const token of special) idOf(token);
    for (const character of alphabetOf(words, initial, limitAlphabet)) idOf(character);
    if (prefix !== '' || suffix !== '') for (const symbol of decorated(words, ids, prefix, suffix)) idOf(symbol);

    const alphabet = new Map(ids);
    const pairs = new PairCounts(maxTokenLength);
    for (let i = 0; i < words.length; i++) {
      const [word, count] = words[i]!;
      pairs.add(symbolsOf(word, alphabet, prefix, suffix).map(idOf), count);
      if (i % 256 === 0 && pace.due()) await pace.rest('count pairs', i, words.length);
    }
    pairs.enqueue();
    await pace.finish('count pairs', words.length);

    const merges = new Map<string, readonly [left: string, right: string]>();
    while (tokens.length < vocabSize) {
      const top = pairs.mostFrequent();
      if (top === undefined || top.count < 1 || top.count < minFrequency) break;
      const left = tokens[top.left]!;
      const right = tokens[top.right]!;
      const merged = idOf(left + (prefix !== '' && right.startsWith(prefix) ? right.slice(prefix.length) : right));
      const key = `${top.left} ${top.right}`;
      merges.delete(key); // one pair may come again, when one string can be merged in two ways: the last rank counts
      merges.set(key, [left, right]);
      pairs.merge(top, merged);
      if (pace.due()) await pace.rest('merge pairs', tokens.length, vocabSize);
    }
    await pace.finish('merge pairs', tokens.length);

    const model: BpeJson = {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: options.continuingSubwordPrefix ?? null,
      end_of_word_suffix: options.endOfWordSuffix ?? null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: ids,
      merges: [...merges.values()],
    };
    return { model, addedTokens: addedTokens(specialTokens, ids, ids.size) };
  };
}

/** The characters that become tokens, in the order of their code points. */
function alphabetOf(words: readonly [string, number][], initial: readonly string[], limit = Number.POSITIVE_INFINITY): string[] {
  const counts = new Map<string, number>();
  for (const [word, count] of words) for (const character of word) counts.set(character, (counts.get(character) ?? 0) + count);
  for (const character of initial) counts.set(character, Number.POSITIVE_INFINITY);
  let kept = [...counts];
  if (kept.length > limit) {
    kept = kept.sort(([a, m], [b, n]) => (m === n ? compareCodePoints(a, b) : n - m)).slice(0, limit);
  }
  return kept.map(([character]) => character).sort(compareCodePoints);
}

/** A word as symbols: its characters, but those that are not in the alphabet, with prefix and suffix. */
function symbolsOf(word: string, alphabet: ReadonlyMap<string, number>, prefix: string, suffix: string): string[] {
  const symbols: string[] = [];
  let at = 0;
  for (const character of word) {
    const before = at === 0 ? '' : prefix;
    at += character.length;
    const after = at === word.length ? suffix : '';
    if (alphabet.has(character)) symbols.push(before + character + after);
  }
  return symbols;
}

/**
 * The symbols with prefix or suffix, those first that most words have. Ids decide between equally frequent pairs; Python's come in the order
 * in which a hash table lists the words, where a symbol of many words is likely to be early.
 */
function decorated(words: readonly [string, number][], alphabet: ReadonlyMap<string, number>, prefix: string, suffix: string): string[] {
  const counts = new Map<string, number>();
  for (const [word] of words) {
    for (const symbol of new Set(symbolsOf(word, alphabet, prefix, suffix))) {
      if (!alphabet.has(symbol)) counts.set(symbol, (counts.get(symbol) ?? 0) + 1);
    }
  }
  return [...counts].sort(([a, m], [b, n]) => n - m || compareCodePoints(a, b)).map(([symbol]) => symbol);
}
