import type { WordLevelJson } from '../tokenizer-json.js';
import { Pace } from './pace.js';
import { addedTokens, checkInteger, orderedCounts, type SpecialToken, specialContents, type Trainer } from './trainer.js';

export interface WordLevelTrainerOptions {
  /** The most ids, special tokens included. Default 30000. */
  vocabSize?: number;
  /** Leave out what occurs less often than this. Default 0. */
  minFrequency?: number;
  /** They have the first ids. Default: none. */
  specialTokens?: readonly SpecialToken[];
}

/**
 * Trains a model that has whole words: the most frequent ones, equally frequent ones in the order of their code points.
 *
 * Throws `TokenizerError` for options that make no sense.
 *
 * ```ts
 * import { wordLevelTrainer } from '@multihead/tokenizer/trainers';
 *
 * const train = wordLevelTrainer({ vocabSize: 3, specialTokens: ['<unk>'] });
 * const { model } = await train(new Map([['roses', 22], ['the', 25], ['are', 24]]));
 * model.vocab; // new Map([['<unk>', 0], ['the', 1], ['are', 2]])
 * ```
 *
 * The rules are those of `WordLevelTrainer` in Hugging Face's tokenizers.
 */
export function wordLevelTrainer(options: WordLevelTrainerOptions = {}): Trainer<WordLevelJson> {
  const operation = 'wordLevelTrainer';
  const { vocabSize = 30_000, minFrequency = 0, specialTokens = [] } = options;
  checkInteger(operation, 'vocabSize', vocabSize, 0);
  checkInteger(operation, 'minFrequency', minFrequency, 0);
  const special = specialContents(operation, specialTokens);

  return async (counts, control) => {
    const pace = new Pace(control);
    const frequent = orderedCounts(operation, counts).filter(([, count]) => count >= minFrequency);
    const words = [...special, ...frequent.map(([word]) => word)].slice(0, vocabSize);
    const vocab = new Map([...new Set(words)].map((word, id) => [word, id]));
    await pace.finish('count words', counts.size);
    return { model: { type: 'WordLevel', unk_token: '<unk>', vocab }, addedTokens: addedTokens(specialTokens, vocab, vocab.size) };
  };
}
