import { show, TokenizerError } from './errors.js';
import { type LookupOptions, LookupTokenizer } from './lookup-tokenizer.js';
import { readSaved, save, type SavedSplit, type SavedTokenizer } from './saved.js';
import { checkSplitter, type Splitter, splitWhitespace } from './split.js';
import { type TrainOptions, trainVocabulary } from './train-vocabulary.js';

export interface WordOptions extends LookupOptions {
  /** Where the words are. Default `splitWhitespace`. Another function cannot be saved: pass it to `fromJSON` again. */
  split?: Splitter;
}

/**
 * One token for each word. Words are what white space divides, unless another `split` is given; `decode` joins them with one space.
 *
 * The vocabulary lists the words in the order of their ids; special tokens come before them. Throws `TokenizerError` for a repeated
 * word and, where white space divides, for one with white space in it, which no text could ever give.
 *
 * ```ts
 * import { WordTokenizer } from '@multihead/tokenizer';
 *
 * const phonemes = new WordTokenizer(['AE', 'K', 'T'], { specialTokens: { pad: '<pad>', eos: '</s>' } });
 * phonemes.encode('K AE T').ids; // [3, 2, 4, 1]
 * phonemes.encodeBatch(['K AE T', 'AE T'], { padding: {} }).map(({ ids }) => ids); // [[3, 2, 4, 1], [2, 4, 1, 0]]
 * phonemes.decode([3, 2, 4, 1], { skipSpecialTokens: true }); // 'K AE T'
 * ```
 */
export class WordTokenizer extends LookupTokenizer {
  readonly #split: Splitter;

  constructor(vocabulary: readonly string[], options: WordOptions = {}) {
    const operation = 'new WordTokenizer';
    const { split = splitWhitespace } = options;
    checkSplitter(operation, split);
    if (!Array.isArray(vocabulary)) throw new TokenizerError(operation, `vocabulary: expected an array of words, got ${show(vocabulary)}`);
    super({ name: 'WordTokenizer', piece: 'word', split, separator: ' ' }, vocabulary, options);
    this.#split = split;
    const divided = split === splitWhitespace ? vocabulary.find((word) => /\p{White_Space}/u.test(word)) : undefined;
    if (divided !== undefined) {
      throw new TokenizerError(operation, `vocabulary: expected words without white space, got ${show(divided)}`);
    }
  }

  /**
   * A vocabulary of the words in these texts, most frequent first; equally frequent ones in code point order.
   *
   * ```ts
   * import { WordTokenizer } from '@multihead/tokenizer';
   *
   * const trained = WordTokenizer.fromTexts(['the cat', 'the dog'], { size: 6 });
   * trained.vocabulary; // ['the', 'cat']
   * trained.encode('the dog').tokens; // ['<s>', 'the', '<unk>', '</s>']
   * ```
   */
  static fromTexts(texts: Iterable<string>, options: WordOptions & TrainOptions = {}): WordTokenizer {
    const vocabulary = trainVocabulary('WordTokenizer.fromTexts', texts, options.split ?? splitWhitespace, options);
    return new WordTokenizer(vocabulary, options);
  }

  /**
   * The tokenizer that `JSON.stringify(tokenizer)` saved, from the JSON text or its parsed value. Strict: anything else throws.
   *
   * ```ts
   * import { WordTokenizer } from '@multihead/tokenizer';
   *
   * const saved = JSON.stringify(new WordTokenizer(['to', 'be']));
   * WordTokenizer.fromJSON(saved).encode('be', { addSpecialTokens: false }).ids; // [5]
   * ```
   */
  static fromJSON(saved: unknown, { split }: Pick<WordOptions, 'split'> = {}): WordTokenizer {
    const { vocabulary, ...options } = readSaved('WordTokenizer.fromJSON', savedSplit(split), saved);
    return new WordTokenizer(vocabulary, { ...options, split });
  }

  /** What `JSON.stringify` writes. */
  toJSON(): SavedTokenizer {
    return save(savedSplit(this.#split), this);
  }
}

/** How a file names this function, so that it is not read with another one. */
function savedSplit(split: Splitter | undefined): SavedSplit {
  return split === undefined || split === splitWhitespace ? 'whitespace' : 'given';
}
