import type { WordPieceJson } from '../tokenizer-json.js';
import { type BpeTrainerOptions, bpeTrainer } from './bpe.js';
import type { Trainer } from './trainer.js';

/** Those of `bpeTrainer`, but that `continuingSubwordPrefix` is `##` if it is left out. */
export type WordPieceTrainerOptions = BpeTrainerOptions;

/**
 * Trains a WordPiece model: the vocabulary that byte-pair encoding would have, its merges forgotten.
 *
 * Throws `TokenizerError` for options that make no sense.
 *
 * ```ts
 * import { wordPieceTrainer } from '@multihead/tokenizer/trainers';
 *
 * const train = wordPieceTrainer({ vocabSize: 9, specialTokens: ['[UNK]'] });
 * const { model } = await train(new Map([['are', 5], ['red', 2]]));
 * [...model.vocab.keys()].join(' '); // '[UNK] a d e r ##e ##d ##r ar'
 * ```
 *
 * The rules are those of `WordPieceTrainer` in Hugging Face's tokenizers, which counts pairs as byte-pair encoding does, too; the
 * original WordPiece (Schuster & Nakajima, 2012) chose by likelihood.
 */
export function wordPieceTrainer(options: WordPieceTrainerOptions = {}): Trainer<WordPieceJson> {
  const { continuingSubwordPrefix = '##' } = options;
  const train = bpeTrainer({ ...options, continuingSubwordPrefix });
  return async (counts, control) => {
    const { model, addedTokens } = await train(counts, control);
    const { vocab } = model;
    return {
      model: {
        type: 'WordPiece',
        unk_token: '[UNK]',
        continuing_subword_prefix: continuingSubwordPrefix,
        max_input_chars_per_word: 100,
        vocab,
      },
      addedTokens,
    };
  };
}
