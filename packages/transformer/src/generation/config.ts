import { ValueError } from '@multihead/tensor';
import { type LogitsProcessor, checkCount } from './processors/scores.js';
import { temperature, topH, topK, topP, minP, typical, epsilonCutoff, etaCutoff } from './processors/cutting.js';
import {
  encoderRepetitionPenalty,
  repetitionPenalty,
  presencePenalty,
  frequencyPenalty,
  noRepeatNgram,
  encoderNoRepeatNgram,
} from './processors/repetition.js';
import {
  sequenceBias,
  badWords,
  minLength,
  minNewTokens,
  prefixAllowed,
  forcedBos,
  forcedEos,
  removeInvalidValues,
  exponentialDecayLengthPenalty,
  suppressTokens,
  suppressTokensAtBegin,
  forcedTokens,
  normalizeLogits,
} from './processors/constraints.js';

/** How an answer is found: the keys of generation_config.json that are built, by their names there, and two penalties that OpenAI's API has. */
export interface GenerationConfig {
  /** New tokens at most; 20 if neither this nor `max_length` is given. */
  max_new_tokens?: number | null;
  /** Tokens at most, those of the prompt included; `max_new_tokens` wins. */
  max_length?: number | null;
  min_length?: number | null;
  min_new_tokens?: number | null;
  /** An answer ends with any of these. */
  eos_token_id?: number | readonly number[] | null;
  bos_token_id?: number | null;
  /** Behind the end of an answer where others of the batch go on; 0 if left out. */
  pad_token_id?: number | null;
  decoder_start_token_id?: number | null;
  forced_bos_token_id?: number | null;
  forced_eos_token_id?: number | readonly number[] | null;
  /** An answer ends where its text, that of the new tokens, holds one of these; needs a `tokenizer`. */
  stop_strings?: string | readonly string[] | null;
  use_cache?: boolean | null;
  /** Draws tokens instead of taking the likeliest; needs an `rng`. */
  do_sample?: boolean | null;
  temperature?: number | null;
  /** When sampling 50 if left out, as in transformers; 0 switches it off. */
  top_k?: number | null;
  top_p?: number | null;
  top_h?: number | null;
  min_p?: number | null;
  typical_p?: number | null;
  epsilon_cutoff?: number | null;
  eta_cutoff?: number | null;
  repetition_penalty?: number | null;
  encoder_repetition_penalty?: number | null;
  presence_penalty?: number | null;
  frequency_penalty?: number | null;
  no_repeat_ngram_size?: number | null;
  encoder_no_repeat_ngram_size?: number | null;
  bad_words_ids?: readonly (readonly number[])[] | null;
  sequence_bias?: readonly (readonly [readonly number[], number])[] | null;
  suppress_tokens?: readonly number[] | null;
  begin_suppress_tokens?: readonly number[] | null;
  exponential_decay_length_penalty?: readonly [number, number] | null;
  remove_invalid_values?: boolean | null;
  renormalize_logits?: boolean | null;
  num_beams?: number | null;
  /** Answers for each prompt, best first. */
  num_return_sequences?: number | null;
  /** Scores are divided by tokens^length_penalty; 1 if left out. */
  length_penalty?: number | null;
  /** true: as soon as there are `num_beams` answers; false: when no better one is likely; "never": when none is possible. */
  early_stopping?: boolean | 'never' | null;
  num_beam_groups?: number | null;
  diversity_penalty?: number | null;
  /** Scores are ln p + (scale - 1) · (ln p - ln p of the negative prompt), or of the prompt's last token alone; 1 if left out. One stack only. */
  guidance_scale?: number | null;
  /** Seconds; the token that is being computed when they are over is the last one. */
  max_time?: number | null;
  /** Places and the tokens that stand there, null for any: how transformers 4 told Whisper its task. */
  forced_decoder_ids?: readonly (readonly [number, number | null])[] | null;
}

const known = new Set(
  `max_new_tokens max_length min_length min_new_tokens eos_token_id bos_token_id pad_token_id decoder_start_token_id forced_bos_token_id
  forced_eos_token_id stop_strings use_cache do_sample temperature top_k top_p top_h min_p typical_p epsilon_cutoff eta_cutoff repetition_penalty
  encoder_repetition_penalty presence_penalty frequency_penalty no_repeat_ngram_size encoder_no_repeat_ngram_size bad_words_ids sequence_bias
  suppress_tokens begin_suppress_tokens exponential_decay_length_penalty remove_invalid_values renormalize_logits num_beams num_return_sequences
  length_penalty early_stopping num_beam_groups diversity_penalty guidance_scale max_time forced_decoder_ids`.split(/\s+/),
);

/** Keys that would change an answer and are not built, with the values that mean "not used". */
const refused: Readonly<Record<string, readonly unknown[]>> = {
  penalty_alpha: [0],
  dola_layers: [],
  force_words_ids: [],
  constraints: [],
  watermarking_config: [],
  token_healing: [false],
  assistant_early_exit: [],
};

/**
 * What there is in generation_config.json that `generate` and `beamSearch` take; names, outputs and caches of Python are left aside. Throws a
 * ValueError for a key that would change the answer and is not built.
 *
 * @example
 * readGenerationConfig({ eos_token_id: 2, do_sample: true, transformers_version: '5.18.0' }); // { eos_token_id: 2, do_sample: true }
 */
export function readGenerationConfig(json: unknown): GenerationConfig {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new ValueError(`readGenerationConfig: expected an object, got ${JSON.stringify(json)}`);
  }
  const entries = Object.entries(json);
  for (const [key, value] of entries) {
    const harmless = Object.hasOwn(refused, key) ? refused[key] : undefined;
    if (harmless && value !== null && !harmless.includes(value)) {
      throw new ValueError(`readGenerationConfig: ${key}: expected none, as it is not built, got ${JSON.stringify(value)}`);
    }
  }
  return generationKeysOf(json);
}

/** What an object, such as that of config.json, has of the keys above. */
export function generationKeysOf(json: object): GenerationConfig {
  return Object.fromEntries(Object.entries(json).filter(([key, value]) => known.has(key) && value !== null)) as GenerationConfig;
}

/** `generation_config.json` may say one id, several or none. */
export function idsOf(ids: number | readonly number[] | null | undefined): readonly number[] {
  return ids === null || ids === undefined ? [] : [ids].flat();
}

/** One row as processors need to know it. */
export interface RowPlan {
  /** Ids of the prompt, or the decoder's first ones. */
  promptLength: number;
  /** Ids in all at most. */
  maxLength: number;
  /** Source ids of each sample, where a decoder reads a source of ids. */
  sources: readonly (readonly number[])[] | null;
  prefixAllowed?: (ids: readonly number[], row: number) => Iterable<number>;
  processors?: readonly LogitsProcessor[];
}

/** How many ids a row may have in all. Throws a ValueError unless there may be a new one. */
export function maxLengthOf(op: string, { max_new_tokens, max_length }: GenerationConfig, promptLength: number): number {
  if (max_new_tokens !== null && max_new_tokens !== undefined) {
    checkCount(op, 'max_new_tokens', max_new_tokens, 1);
    return promptLength + max_new_tokens;
  }
  if (max_length === null || max_length === undefined) return promptLength + 20;
  checkCount(op, 'max_length', max_length, 1);
  if (max_length <= promptLength)
    throw new ValueError(`${op}: max_length: expected more than the ${promptLength} ids there are, got ${max_length}`);
  return max_length;
}

/** The processors that a config asks for, in the order of transformers. */
export function processorsOf(config: GenerationConfig, row: RowPlan): LogitsProcessor[] {
  const { promptLength, maxLength, sources } = row;
  const ends = idsOf(config.eos_token_id);
  const list: (LogitsProcessor | false | null | undefined)[] = [
    config.sequence_bias && sequenceBias(config.sequence_bias),
    isSet(config.encoder_repetition_penalty, 1) &&
      encoderRepetitionPenalty(config.encoder_repetition_penalty, needed(sources, 'encoder_repetition_penalty')),
    isSet(config.repetition_penalty, 1) && repetitionPenalty(config.repetition_penalty),
    isSet(config.presence_penalty, 0) && presencePenalty(config.presence_penalty, promptLength),
    isSet(config.frequency_penalty, 0) && frequencyPenalty(config.frequency_penalty, promptLength),
    isSet(config.no_repeat_ngram_size, 0) && noRepeatNgram(config.no_repeat_ngram_size),
    isSet(config.encoder_no_repeat_ngram_size, 0) &&
      encoderNoRepeatNgram(config.encoder_no_repeat_ngram_size, needed(sources, 'encoder_no_repeat_ngram_size')),
    config.bad_words_ids && badWords(config.bad_words_ids, { ends }),
    isSet(config.min_length, 0) && minLength(config.min_length, ends),
    isSet(config.min_new_tokens, 0) && minNewTokens(config.min_new_tokens, promptLength, ends),
    row.prefixAllowed && prefixAllowed(row.prefixAllowed),
    isSet(config.forced_bos_token_id) && forcedBos(config.forced_bos_token_id),
    isSet(config.forced_eos_token_id) && forcedEos(maxLength, idsOf(config.forced_eos_token_id)),
    config.remove_invalid_values && removeInvalidValues(),
    config.exponential_decay_length_penalty && exponentialDecayLengthPenalty(config.exponential_decay_length_penalty, promptLength, ends),
    config.suppress_tokens && suppressTokens(config.suppress_tokens),
    config.begin_suppress_tokens && suppressTokensAtBegin(config.begin_suppress_tokens, beginOf(config, promptLength)),
    config.forced_decoder_ids && forcedTokens(config.forced_decoder_ids),
    ...(row.processors ?? []),
    ...(config.do_sample ? samplingProcessorsOf(config, ends) : []),
    config.renormalize_logits && normalizeLogits(),
  ];
  return list.filter((processor) => typeof processor === 'function');
}

function samplingProcessorsOf(config: GenerationConfig, ends: readonly number[]): (LogitsProcessor | false)[] {
  // Beams need tokens to go on with, beside those that end them.
  const keep = (config.num_beams ?? 1) > 1 ? Math.max(2, 1 + ends.length) : 1;
  const k = config.top_k ?? 50;
  return [
    isSet(config.temperature, 1) && temperature(config.temperature),
    isSet(config.top_h) && topH(config.top_h),
    k !== 0 && topK(k, { keep }),
    isSet(config.top_p, 1) && topP(config.top_p, { keep }),
    isSet(config.min_p) && minP(config.min_p, { keep }),
    isSet(config.typical_p, 1) && typical(config.typical_p, { keep }),
    isSet(config.epsilon_cutoff, 0) && epsilonCutoff(config.epsilon_cutoff, { keep }),
    isSet(config.eta_cutoff, 0) && etaCutoff(config.eta_cutoff, { keep }),
  ];
}

/** Behind the forced begin, where there is one. */
function beginOf({ forced_bos_token_id: first, forced_decoder_ids: forced }: GenerationConfig, promptLength: number): number {
  return (promptLength > 1 || !isSet(first) ? promptLength : promptLength + 1) + (forced?.at(-1)?.[0] ?? 0);
}

function isSet<T>(value: T | null | undefined, neutral?: T): value is T {
  return value !== null && value !== undefined && value !== neutral;
}

function needed<T>(sources: T | null, key: string): T {
  if (sources === null) throw new ValueError(`generate: ${key}: expected a model that reads a source of ids, got one that reads none`);
  return sources;
}
