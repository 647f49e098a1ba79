export type {
  Tokenizer,
  Encoding,
  EncodeOptions,
  DecodeOptions,
  Truncation,
  Padding,
  Direction,
  Offset,
  SpecialRole,
  SpecialTokens,
} from './tokenizer.js';
export { CharacterTokenizer } from './character-tokenizer.js';
export { WordTokenizer, type WordOptions } from './word-tokenizer.js';
export type { LookupOptions, LookupRule, LookupTokenizer, UnknownPolicy } from './lookup-tokenizer.js';
export type { TrainOptions } from './train-vocabulary.js';
export type { SavedTokenizer } from './saved.js';
export { splitCodePoints, splitWhitespace, type Splitter } from './split.js';
export { TokenizerError, type ErrorPlace } from './errors.js';
