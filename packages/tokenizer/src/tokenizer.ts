/*
 * The contract of a tokenizer: text to ids and back.
 *
 * A tokenizer is a value without hidden state: the same text and options give the same encoding, and nothing is changed by a call.
 * Whether a special token written out in the text is recognised is the tokenizer's own rule: those over characters and words never do, those
 * of a `tokenizer.json` do as Hugging Face's. Positions in text are UTF-16 code units, those of `String.prototype.slice`. A lone
 * surrogate counts as U+FFFD, which has the same length, so that positions stay true.
 *
 * Ids are `number[]`, not `Int32Array`: padding, truncation and the joining of a batch are ordinary array work, encodings compare and
 * serialise as JSON, and a tensor copies its data once from either. V8 keeps an array of small integers packed and unboxed.
 *
 * `PipelineTokenizer`, which is what a `tokenizer.json` becomes, adds fields to `Encoding` (type ids, word ids, overflowing parts) and keys to
 * the options (a second text, stride); no field changes its meaning.
 */

/** Half-open span `[start, end)` of the text, in UTF-16 code units. */
export type Offset = readonly [start: number, end: number];

/** What a special token is for. Those of BERT are `cls`, `sep` and `mask`. */
export type SpecialRole = 'pad' | 'bos' | 'eos' | 'unk' | 'cls' | 'sep' | 'mask';

/** The special tokens that a tokenizer has, by role. Two roles may share one token. */
export type SpecialTokens = Readonly<Partial<Record<SpecialRole, string>>>;

/** One encoded text. All arrays have the same length, one item a token. */
export interface Encoding {
  /** Vocabulary indices. */
  ids: number[];
  /** The same tokens as strings. */
  tokens: string[];
  /** Which part of the text each token covers: `text.slice(start, end)`. Special tokens cover nothing: `[0, 0]`. */
  offsets: Offset[];
  /** 1 for a token, 0 for padding. */
  attentionMask: number[];
  /** 1 for a token that the tokenizer added (bos, eos, padding), 0 for one that stands for text, unknown or not. */
  specialTokensMask: number[];
}

/** At which end tokens are cut off or padding is put. */
export type Direction = 'right' | 'left';

export interface Truncation {
  /** The most tokens an encoding may have, bos and eos included. */
  maxLength: number;
  /** Which end of the text is cut off; bos and eos stay. Default `right`. */
  direction?: Direction;
}

export interface Padding {
  /** Pad to the longest encoding of the batch (default) or to this many tokens. A longer encoding stays as it is: see `truncation`. */
  length?: 'longest' | number;
  /** At which end the padding is put. Default `right`. */
  direction?: Direction;
}

export interface EncodeOptions {
  /** Put bos before and eos after the text, each if the tokenizer has it. Default true. */
  addSpecialTokens?: boolean;
  /** Cut long texts. Default: no limit. */
  truncation?: Truncation;
  /** Pad short ones. Default: no padding. */
  padding?: Padding;
}

export interface DecodeOptions {
  /** Leave special tokens out of the text. Default false. */
  skipSpecialTokens?: boolean;
}

/**
 * Text to ids and back.
 *
 * ```ts
 * import { WordTokenizer } from '@multihead/tokenizer';
 *
 * const tokenizer = new WordTokenizer(['hello', 'world']);
 * const { ids, tokens } = tokenizer.encode('hello world');
 * ids; // [1, 4, 5, 2]
 * tokens; // ['<s>', 'hello', 'world', '</s>']
 * tokenizer.decode(ids, { skipSpecialTokens: true }); // 'hello world'
 * ```
 */
export interface Tokenizer {
  /** How many ids there are, special tokens included: ids run from 0 to `vocabSize - 1`. */
  readonly vocabSize: number;
  /** The special tokens by role. */
  readonly specialTokens: SpecialTokens;
  /** The id of the special token with this role. Throws `TokenizerError` if there is none. */
  specialId(role: SpecialRole): number;
  /** The id of a token, special or not; undefined if the vocabulary lacks it. */
  tokenToId(token: string): number | undefined;
  /** The token with this id; undefined if there is none. */
  idToToken(id: number): string | undefined;
  /** Encode one text. Throws `TokenizerError`. */
  encode(text: string, options?: EncodeOptions): Encoding;
  /** Encode several texts; `padding` makes them equally long. Throws `TokenizerError`. */
  encodeBatch(texts: readonly string[], options?: EncodeOptions): Encoding[];
  /** The text of these ids. Throws `TokenizerError` for what is no id. */
  decode(ids: Iterable<number>, options?: DecodeOptions): string;
}
