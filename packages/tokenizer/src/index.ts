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
export { fromTokenizerJson } from './load-tokenizer.js';
export type { LoadOptions } from './read/assemble.js';
export {
  PipelineTokenizer,
  type Pipeline,
  type EncodeInput,
  type TextInput,
  type PipelineEncodeOptions,
  type PipelineDecodeOptions,
  type PipelinePadding,
  type PipelineTruncation,
} from './pipeline-tokenizer.js';
export { PipelineEncoding } from './pipeline-encoding.js';
export { DecodeStream } from './decode-stream.js';
export type * from './tokenizer-json.js';
