/*
 * The suite of tokenizers as it lies on disk. Offsets count code points; text that has lone surrogates is given by its code units.
 */

export type Span = readonly [start: number, end: number];

/** An encoding in a case: what is left out is all zeros, or not checked. */
export interface GoldenEncoding {
  readonly ids: readonly number[];
  readonly tokens?: readonly string[];
  /** Of the tokens as JSON, where they would be too long. */
  readonly sha256_tokens?: string;
  readonly offsets?: readonly Span[];
  readonly type_ids?: readonly number[];
  readonly special?: readonly number[];
  readonly mask?: readonly number[];
  readonly word_ids?: readonly (number | null)[];
  readonly sequence_ids?: readonly (number | null)[];
  readonly overflowing?: readonly GoldenEncoding[];
}

export interface TokenizerCase extends GoldenEncoding {
  readonly kind: 'encode' | 'edge' | 'pair' | 'decode' | 'stream' | 'pretokenized' | 'truncate' | 'pad';
  /** Of `encode`, the name of a text. */
  readonly name: string;
  readonly text?: string;
  readonly pair?: string | null;
  readonly add_special_tokens?: boolean;
  readonly words?: readonly string[];
  readonly batch?: readonly string[];
  readonly options?: Readonly<Record<string, string | number>>;
  readonly ids_with_special?: readonly number[];
  readonly decoded?: string;
  readonly decoded_skip_special?: string;
  readonly chunks?: readonly (string | null)[];
  readonly encodings?: readonly GoldenEncoding[];
  readonly raises?: string;
}

export interface TokenizerDocument {
  readonly suite: string;
  readonly tokenizer: string;
  readonly source: {
    readonly file: string;
    readonly npm?: string;
    readonly sha256?: string;
    readonly recipe?: { readonly normalizer?: object };
  };
  readonly vocab_size: number;
  readonly cases: readonly TokenizerCase[];
}

export interface ComponentCase {
  readonly name: string;
  readonly kind: 'normalizer' | 'pre_tokenizer' | 'decoder';
  readonly config: object;
  /** The name of a text. */
  readonly text?: string;
  readonly tokens?: readonly string[];
  /** Left out where the oracle panicked. */
  readonly output?: string | readonly (readonly [piece: string, offsets: Span])[];
}

export interface ComponentDocument {
  readonly suite: string;
  readonly cases: readonly ComponentCase[];
}

/** `texts.json`: strings, and the code units of those that are no Unicode. */
export interface TextsDocument {
  readonly texts: Readonly<Record<string, string>>;
  readonly utf16?: Readonly<Record<string, readonly number[]>>;
}
