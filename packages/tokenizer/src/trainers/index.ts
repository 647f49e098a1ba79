export type { SpecialToken, Trained, Trainer, TrainingControl, TrainingProgress, WordCounts } from './trainer.js';
export { type BpeTrainerOptions, bpeTrainer } from './bpe.js';
export { type WordPieceTrainerOptions, wordPieceTrainer } from './word-piece.js';
export { type UnigramTrainerOptions, unigramTrainer } from './unigram.js';
export { type WordLevelTrainerOptions, wordLevelTrainer } from './word-level.js';
export { byteLevelAlphabet } from './byte-level-alphabet.js';
export { countWords, type TrainedTokenizer, train, type UntrainedTokenizer } from './train.js';
