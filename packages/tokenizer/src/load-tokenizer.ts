import type { SpecialTokensMapJson, TokenizerConfigJson, TokenizerJson } from './tokenizer-json.js';
import type { Tokenizer } from './tokenizer.js';

/** The files that may lie beside a `tokenizer.json`. */
export interface LoadOptions {
  /** `tokenizer_config.json`, as text or as its parsed value. */
  config?: string | TokenizerConfigJson;
  /** `special_tokens_map.json`, as text or as its parsed value. */
  specialTokensMap?: string | SpecialTokensMapJson;
}

/** The tokenizer that a `tokenizer.json` describes, from its text or from its parsed value. */
export declare function fromTokenizerJson(json: string | TokenizerJson, options?: LoadOptions): Tokenizer;
