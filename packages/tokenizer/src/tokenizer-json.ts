/*
 * The document that Hugging Face's tokenizers call `tokenizer.json`, as types: what a reader of another format or a trainer writes, and
 * what `fromTokenizerJson` reads. Keys are the file's, verbatim. A key that may be missing has the default that the file format gives it.
 */

/** A `tokenizer.json`: text goes through the added tokens, the normalizer, the pre-tokenizer, the model and the post-processor, and back through the decoder. */
export interface TokenizerJson {
  version?: string;
  truncation?: TruncationJson | null;
  padding?: PaddingJson | null;
  added_tokens?: readonly AddedTokenJson[];
  normalizer?: NormalizerJson | null;
  pre_tokenizer?: PreTokenizerJson | null;
  post_processor?: PostProcessorJson | null;
  decoder?: DecoderJson | null;
  model: ModelJson;
}

/** A token that is found in the text before the model sees it. Flags default to false, but `normalized`, which is `!special` where a reader makes it. */
export interface AddedTokenJson {
  id: number;
  content: string;
  /** Only where no word character touches it. */
  single_word?: boolean;
  /** White space to its left belongs to it. */
  lstrip?: boolean;
  /** White space to its right belongs to it. */
  rstrip?: boolean;
  /** It is looked for in the normalized text, and is itself normalized. */
  normalized?: boolean;
  /** Left out by `decode` with `skipSpecialTokens`. */
  special?: boolean;
}

export type DirectionJson = 'Left' | 'Right';

export interface TruncationJson {
  direction?: DirectionJson;
  max_length: number;
  strategy: 'LongestFirst' | 'OnlyFirst' | 'OnlySecond';
  stride: number;
}

export interface PaddingJson {
  strategy: 'BatchLongest' | { Fixed: number };
  direction: DirectionJson;
  pad_to_multiple_of?: number | null;
  pad_id: number;
  pad_type_id: number;
  pad_token: string;
}

/** What to look for: a literal text, or an Oniguruma regular expression. */
export type PatternJson = string | { String: string } | { Regex: string };

/** Words by their ids. A `Map` holds any word; a JSON object is read by its own keys alone. */
export type VocabJson = Readonly<Record<string, number>> | ReadonlyMap<string, number>;

export type ModelJson = BpeJson | WordPieceJson | UnigramJson | WordLevelJson;

export interface BpeJson {
  type?: 'BPE';
  /** The probability with which a merge is left out. */
  dropout?: number | null;
  unk_token?: string | null;
  continuing_subword_prefix?: string | null;
  end_of_word_suffix?: string | null;
  /** Several unknown characters become one unknown token. */
  fuse_unk?: boolean;
  /** Unknown characters become `<0x00>` to `<0xFF>`, if the vocabulary has all that they need. */
  byte_fallback?: boolean;
  /** A word that the vocabulary has is one token, whatever the merges say. */
  ignore_merges?: boolean;
  vocab: VocabJson;
  /** In the order of their rank; `"a b"` or `["a", "b"]`. */
  merges: readonly (string | readonly [left: string, right: string])[];
}

export interface WordPieceJson {
  type?: 'WordPiece';
  /** Default `[UNK]`. */
  unk_token?: string;
  /** Default `##`. */
  continuing_subword_prefix?: string;
  /** Longer words are unknown. In code points. Default 100. */
  max_input_chars_per_word?: number;
  vocab: VocabJson;
}

export interface UnigramJson {
  type?: 'Unigram';
  unk_id?: number | null;
  byte_fallback?: boolean;
  /** Pieces and their log probabilities; ids are the places in this list. */
  vocab: readonly (readonly [piece: string, score: number])[];
}

export interface WordLevelJson {
  type?: 'WordLevel';
  unk_token?: string;
  vocab: VocabJson;
}

export type NormalizerJson =
  | { type: 'NFC' | 'NFD' | 'NFKC' | 'NFKD' | 'Lowercase' | 'StripAccents' | 'Nmt' | 'ByteLevel' }
  | { type: 'BertNormalizer'; clean_text?: boolean; handle_chinese_chars?: boolean; strip_accents?: boolean | null; lowercase?: boolean }
  | { type: 'Strip'; strip_left: boolean; strip_right: boolean }
  | { type: 'Prepend'; prepend: string }
  | { type: 'Replace'; pattern: PatternJson; content: string }
  /** SentencePiece's table of replacements, in base64. */
  | { type: 'Precompiled'; precompiled_charsmap: string | null }
  | { type: 'Sequence'; normalizers: readonly NormalizerJson[] };

/** What becomes of the matches of a pattern. */
export type SplitBehaviorJson = 'Removed' | 'Isolated' | 'MergedWithPrevious' | 'MergedWithNext' | 'Contiguous';

export interface ByteLevelJson {
  type: 'ByteLevel';
  add_prefix_space?: boolean;
  trim_offsets?: boolean;
  use_regex?: boolean;
}

export interface MetaspaceJson {
  type: 'Metaspace';
  replacement: string;
  /** Default `always`. */
  prepend_scheme?: 'always' | 'never' | 'first';
  /** Of older files: true is `always`, false is `never`. */
  add_prefix_space?: boolean;
  split?: boolean;
}

export type PreTokenizerJson =
  | ByteLevelJson
  | MetaspaceJson
  | { type: 'Whitespace' | 'WhitespaceSplit' | 'BertPreTokenizer' | 'UnicodeScripts' }
  | { type: 'Punctuation'; behavior?: SplitBehaviorJson }
  | { type: 'Digits'; individual_digits?: boolean }
  | { type: 'CharDelimiterSplit'; delimiter: string }
  | { type: 'Split'; pattern: PatternJson; behavior: SplitBehaviorJson; invert?: boolean }
  | { type: 'FixedLength'; length?: number }
  | { type: 'Sequence'; pretokenizers: readonly PreTokenizerJson[] };

export type TemplatePieceJson = { Sequence: { id: 'A' | 'B'; type_id: number } } | { SpecialToken: { id: string; type_id: number } };

export interface TemplateJson {
  type: 'TemplateProcessing';
  single: readonly TemplatePieceJson[];
  pair: readonly TemplatePieceJson[];
  special_tokens: Readonly<Record<string, { id: string; ids: readonly number[]; tokens: readonly string[] }>>;
}

export type PostProcessorJson =
  | ByteLevelJson
  | TemplateJson
  | { type: 'BertProcessing'; sep: readonly [token: string, id: number]; cls: readonly [token: string, id: number] }
  | {
      type: 'RobertaProcessing';
      sep: readonly [token: string, id: number];
      cls: readonly [token: string, id: number];
      trim_offsets?: boolean;
      add_prefix_space?: boolean;
    }
  | { type: 'Sequence'; processors: readonly PostProcessorJson[] };

export type DecoderJson =
  | ByteLevelJson
  | MetaspaceJson
  | { type: 'ByteFallback' | 'Fuse' }
  | { type: 'WordPiece'; prefix?: string; cleanup?: boolean }
  | { type: 'BPEDecoder'; suffix?: string }
  | { type: 'CTC'; pad_token?: string; word_delimiter_token?: string; cleanup?: boolean }
  | { type: 'Strip'; content: string; start: number; stop: number }
  | { type: 'Replace'; pattern: PatternJson; content: string }
  | { type: 'Sequence'; decoders: readonly DecoderJson[] };

/** Of `tokenizer_config.json`, what says how text is encoded and decoded. Other keys are ignored. */
export interface TokenizerConfigJson {
  add_bos_token?: boolean;
  add_eos_token?: boolean;
  clean_up_tokenization_spaces?: boolean;
  model_max_length?: number;
  padding_side?: 'left' | 'right';
  truncation_side?: 'left' | 'right';
  tokenizer_class?: string;
  chat_template?: string | readonly { name: string; template: string }[] | null;
  added_tokens_decoder?: Readonly<Record<string, Omit<AddedTokenJson, 'id'>>>;
  bos_token?: SpecialTokenJson | null;
  eos_token?: SpecialTokenJson | null;
  unk_token?: SpecialTokenJson | null;
  sep_token?: SpecialTokenJson | null;
  pad_token?: SpecialTokenJson | null;
  cls_token?: SpecialTokenJson | null;
  mask_token?: SpecialTokenJson | null;
  additional_special_tokens?: readonly SpecialTokenJson[] | null;
}

export type SpecialTokenJson = string | (Omit<AddedTokenJson, 'id'> & { __type?: string });

/** `special_tokens_map.json`: which token has which role. */
export type SpecialTokensMapJson = Pick<
  TokenizerConfigJson,
  'bos_token' | 'eos_token' | 'unk_token' | 'sep_token' | 'pad_token' | 'cls_token' | 'mask_token' | 'additional_special_tokens'
>;
