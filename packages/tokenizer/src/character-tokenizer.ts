import { show, TokenizerError } from './errors.js';
import { type LookupOptions, LookupTokenizer } from './lookup-tokenizer.js';
import { readSaved, save, type SavedTokenizer } from './saved.js';
import { splitCodePoints } from './split.js';
import { type TrainOptions, trainVocabulary } from './train-vocabulary.js';

/**
 * One token for each Unicode code point.
 *
 * The vocabulary is a string or any iterable of single characters, in the order of their ids; special tokens come before them.
 * Throws `TokenizerError` for an entry that is repeated or not a single character.
 *
 * ```ts
 * import { CharacterTokenizer } from '@multihead/tokenizer';
 *
 * const letters = new CharacterTokenizer("abcdefghijklmnopqrstuvwxyz'", { unknown: 'throw' });
 * letters.encode('cab').ids; // [1, 6, 4, 5, 2]
 * letters.encode('cab', { addSpecialTokens: false }).ids; // [6, 4, 5]
 * letters.decode([6, 4, 5]); // 'cab'
 * ```
 */
export class CharacterTokenizer extends LookupTokenizer {
  constructor(vocabulary: Iterable<string>, options: LookupOptions = {}) {
    super({ name: 'CharacterTokenizer', piece: 'character', split: splitCodePoints, separator: '' }, vocabulary, options);
    for (const token of this.vocabulary) {
      if ([...token].length === 1) continue;
      throw new TokenizerError('new CharacterTokenizer', `vocabulary: expected single characters, got ${show(token)}`);
    }
  }

  /**
   * A vocabulary of the characters in these texts, most frequent first; equally frequent ones in code point order.
   *
   * ```ts
   * import { CharacterTokenizer } from '@multihead/tokenizer';
   *
   * CharacterTokenizer.fromTexts(['banana', 'bandana']).vocabulary; // ['a', 'n', 'b', 'd']
   * CharacterTokenizer.fromTexts(['banana', 'bandana'], { minFrequency: 2 }).vocabulary; // ['a', 'n', 'b']
   * ```
   */
  static fromTexts(texts: Iterable<string>, options: LookupOptions & TrainOptions = {}): CharacterTokenizer {
    return new CharacterTokenizer(trainVocabulary('CharacterTokenizer.fromTexts', texts, splitCodePoints, options), options);
  }

  /**
   * The tokenizer that `JSON.stringify(tokenizer)` saved, from the JSON text or its parsed value. Strict: anything else throws.
   *
   * ```ts
   * import { CharacterTokenizer } from '@multihead/tokenizer';
   *
   * const saved = JSON.stringify(new CharacterTokenizer('abc'));
   * CharacterTokenizer.fromJSON(saved).encode('cab').ids; // [1, 6, 4, 5, 2]
   * ```
   */
  static fromJSON(saved: unknown): CharacterTokenizer {
    const { vocabulary, ...options } = readSaved('CharacterTokenizer.fromJSON', 'characters', saved);
    return new CharacterTokenizer(vocabulary, options);
  }

  /** What `JSON.stringify` writes. */
  toJSON(): SavedTokenizer {
    return save('characters', this);
  }
}
