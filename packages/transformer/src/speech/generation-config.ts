import { flag, integer, isObject, number, oneOf, refuse, tokenId, type Field, list, oneToken } from '../loading/config.js';
import { readFields } from './config-file.js';

/*
 * How a Whisper is asked: the keys of its generation_config.json that `transcribe` knows, by their names there.
 */

export interface SpeechGenerationConfig {
  decoder_start_token_id?: number;
  eos_token_id?: number;
  pad_token_id?: number | null;
  is_multilingual?: boolean;
  /** The token of each language, by `<|en|>`. */
  lang_to_id?: Readonly<Record<string, number>>;
  /** The tokens of `transcribe` and `translate`. */
  task_to_id?: Readonly<Record<string, number>>;
  /** How old checkpoints say language and task, [place, id]; taken where there is no `lang_to_id`. */
  forced_decoder_ids?: readonly (readonly [number, number | null])[] | null;
  no_timestamps_token_id?: number;
  /** What stands before the text of earlier windows. */
  prev_sot_token_id?: number | null;
  max_initial_timestamp_index?: number | null;
  suppress_tokens?: readonly number[] | null;
  begin_suppress_tokens?: readonly number[] | null;
  /** Heads of the decoder that look at where a token is said, [layer, head]; those of the upper half of its layers if left out. */
  alignment_heads?: readonly (readonly [number, number])[] | null;
  /** The language that is spoken, by code or English name; it is found out if left out. */
  language?: string | null;
  task?: 'transcribe' | 'translate' | null;
  /** `true`: the times of segments; 'word': those of words, too. */
  return_timestamps?: boolean | 'word' | null;
  max_new_tokens?: number | null;
  num_beams?: number | null;
  /** Whether a window is shown what was said before it. */
  condition_on_prev_tokens?: boolean | null;
  /** Tried one after the other, while the answer fails the thresholds. */
  temperature?: number | readonly number[] | null;
  compression_ratio_threshold?: number | null;
  logprob_threshold?: number | null;
  no_speech_threshold?: number | null;
}

const ignored =
  `_from_model_config transformers_version max_length use_cache bos_token_id return_dict_in_generate output_attentions output_hidden_states
  output_scores do_sample top_k top_p early_stopping length_penalty num_return_sequences prompt_condition_type
  return_token_timestamps trust_remote_code`.split(/\s+/);

/** A missing key, or null, is no key. */
function optional<T>(field: Field<T>): Field<T | undefined> {
  return (value) => (value === undefined || value === null ? undefined : field(value));
}

const ids: Field<Readonly<Record<string, number>>> = (value) => {
  const isTable = isObject(value) && Object.values(value).every((id) => Number.isInteger(id) && (id as number) >= 0);
  return isTable ? (value as Record<string, number>) : refuse('an object of token ids by name');
};

const heads: Field<[number, number][]> = (value) => {
  const isHead = (pair: unknown) => Array.isArray(pair) && pair.length === 2 && pair.every((n) => Number.isInteger(n) && n >= 0);
  return Array.isArray(value) && value.every(isHead) ? (value as [number, number][]) : refuse('a list of [layer, head]');
};

const forced: Field<[number, number | null][]> = (value) => {
  const isPlace = (pair: unknown, i: number) => Array.isArray(pair) && pair[0] === i + 1 && (pair[1] === null || Number.isInteger(pair[1]));
  return Array.isArray(value) && value.every(isPlace)
    ? (value as [number, number | null][])
    : refuse('a list of [place, id] from place 1 on');
};

const temperatures: Field<number | number[]> = (value) => {
  const field = number(0, { min: 0 });
  return Array.isArray(value) ? list(field)(value) : field(value);
};

const timestamps: Field<boolean | 'word'> = (value) => (value === 'word' ? value : flag(false)(value));

/** The one end token: where there is a list, the first. */
const endToken: Field<number> = (value) => {
  const id = tokenId()(value);
  return Array.isArray(id) ? (id[0] ?? refuse('a token id')) : (id ?? refuse('a token id'));
};

/**
 * The content of a Whisper's generation_config.json, checked. Options of a call may lie over it: `{ ...readSpeechGenerationConfig(json), language: 'en' }`. Throws
 * a ConfigError that lists every value and every key that it cannot take.
 *
 * @example
 * readSpeechGenerationConfig({ is_multilingual: false, eos_token_id: 50256, no_timestamps_token_id: 50362 }).is_multilingual; // false
 */
export function readSpeechGenerationConfig(json: unknown): SpeechGenerationConfig {
  const id = optional(integer(0));
  return readFields<SpeechGenerationConfig>(
    'generation_config.json',
    json,
    {
      decoder_start_token_id: id,
      eos_token_id: optional(endToken),
      pad_token_id: optional(oneToken()),
      is_multilingual: optional(flag(true)),
      lang_to_id: optional(ids),
      task_to_id: optional(ids),
      forced_decoder_ids: optional(forced),
      no_timestamps_token_id: id,
      prev_sot_token_id: id,
      max_initial_timestamp_index: id,
      suppress_tokens: optional(list(integer(0))),
      begin_suppress_tokens: optional(list(integer(0))),
      alignment_heads: optional(heads),
      language: optional((value) => (typeof value === 'string' ? value : refuse('a language'))),
      task: optional(oneOf(['transcribe', 'translate'], 'transcribe')),
      return_timestamps: optional(timestamps),
      max_new_tokens: optional(integer(0, { min: 1 })),
      num_beams: optional(integer(0, { min: 1 })),
      condition_on_prev_tokens: optional(flag(false)),
      temperature: optional(temperatures),
      compression_ratio_threshold: optional(number(0)),
      logprob_threshold: optional(number(0)),
      no_speech_threshold: optional(number(0)),
    },
    ignored,
  );
}
