import type { AddedToken } from './added-tokens.js';
import type { Decoder } from './decoders/decoder.js';
import type { Model } from './models/model.js';
import type { Normalizer } from './normalizers/normalizer.js';
import type { PostProcessor } from './post-processors/post-processor.js';
import type { TruncationStrategy } from './post-processors/truncate.js';
import type { PreTokenizer } from './pre-tokenizers/pre-tokenizer.js';
import type { DecodeOptions, EncodeOptions, Padding, SpecialTokens, Truncation } from './tokenizer.js';

/** A text, or one that is cut into words already. */
export type TextInput = string | readonly string[];

/** A text or a pair of texts, for `encodeBatch`. */
export type EncodeInput = TextInput | { text: TextInput; pair?: TextInput };

export interface PipelineTruncation extends Truncation {
  /** Of a pair, which text is cut. Default `longest_first`. */
  strategy?: TruncationStrategy;
  /** How many tokens the parts that are cut off share with the one before. Default 0. */
  stride?: number;
}

export interface PipelinePadding extends Padding {
  /** Pad to a multiple of this many tokens. */
  multipleOf?: number;
  /** The padding's id, token and type. Default: those of the file, else of the `pad` token. */
  id?: number;
  token?: string;
  typeId?: number;
}

export interface PipelineEncodeOptions extends EncodeOptions {
  /** The second text of a pair. */
  pair?: TextInput;
  /** Default: what the file says. `null` is none. */
  truncation?: PipelineTruncation;
  /** Default: what the file says. `null` is none. */
  padding?: PipelinePadding;
}

export interface PipelineDecodeOptions extends DecodeOptions {
  /** No spaces before punctuation and English endings. Default: what `tokenizer_config.json` says. */
  cleanUpTokenizationSpaces?: boolean;
}

/** What a tokenizer is made of. `fromTokenizerJson` reads it from a file. */
export interface Pipeline {
  model: Model;
  addedTokens: readonly AddedToken[];
  normalizer: Normalizer | undefined;
  preTokenizer: PreTokenizer | undefined;
  postProcessor: PostProcessor | undefined;
  decoder: Decoder | undefined;
  /** Whether ids depend on where pieces come from, so that all texts have to be tracked. */
  tracked: boolean;
  truncation: Required<PipelineTruncation> | undefined;
  padding: PipelinePadding | undefined;
  specialTokens: SpecialTokens;
  cleanUpTokenizationSpaces: boolean;
}
