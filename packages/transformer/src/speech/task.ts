import { Rng, ValueError } from '@multihead/tensor';
import type { AnswerPlan } from './answer.js';
import type { SpeechModel, SpeechTokenizer } from './model.js';
import { required } from './opening.js';
import type { TranscribeOptions } from './transcribe.js';

/* What is asked of every window of a sound: options of a call, checked, with what stands in for those that are left out. */

export interface Task {
  readonly hasTimes: boolean;
  readonly hasWords: boolean;
  readonly isConditioned: boolean;
  /** The first token that is a time; none is, where there are none. */
  readonly firstTime: number;
  /** [layer, head] of those that words are found by. */
  readonly heads: readonly (readonly [number, number])[];
  readonly medianWidth: number;
  readonly plan: AnswerPlan;
  /** What stands before the opening, when this was said before. */
  before(said: readonly number[]): number[];
}

const fallbacks = [0, 0.2, 0.4, 0.6, 0.8, 1];

export function taskOf(op: string, model: SpeechModel, tokenizer: SpeechTokenizer, options: TranscribeOptions): Task {
  const noTimes = options.no_timestamps_token_id;
  const times = options.return_timestamps ?? noTimes !== undefined;
  if (times) required(op, options, 'no_timestamps_token_id');
  return {
    hasTimes: times !== false,
    hasWords: times === 'word',
    isConditioned: options.condition_on_prev_tokens ?? false,
    firstTime: noTimes === undefined ? Number.POSITIVE_INFINITY : noTimes + 1,
    heads: headsOf(op, model, options),
    medianWidth: model.config.median_filter_width ?? 7,
    plan: planOf(op, model, tokenizer, options, times),
    before: contextOf(op, model, tokenizer, options),
  };
}

function planOf(
  op: string,
  model: SpeechModel,
  tokenizer: SpeechTokenizer,
  options: TranscribeOptions,
  times: boolean | 'word',
): AnswerPlan {
  const { no_timestamps_token_id: noTimes, suppress_tokens, begin_suppress_tokens } = options;
  const { max_target_positions: places } = model.config;
  const temperatures = [options.temperature ?? fallbacks].flat();
  if (temperatures.length === 0 || temperatures.some((value) => !(value >= 0 && value < Number.POSITIVE_INFINITY))) {
    throw new ValueError(`${op}: temperature: expected numbers from 0, at least one, got [${temperatures.join(', ')}]`);
  }
  const threshold = (value: number | null | undefined, standard: number) => (value === undefined ? standard : value);
  const noSpeech = threshold(options.no_speech_threshold, 0.6);
  return {
    eos: required(op, options, 'eos_token_id'),
    start: required(op, options, 'decoder_start_token_id'),
    noTimes: times ? noTimes! : null,
    latestFirstTime: options.max_initial_timestamp_index ?? null,
    noSpeech: noSpeech === null || noTimes === undefined ? null : noTimes - 1, // the token before it, in every Whisper
    temperatures,
    thresholds: {
      compression: threshold(options.compression_ratio_threshold, 2.4),
      logprob: threshold(options.logprob_threshold, -1),
      noSpeech,
    },
    beams: options.num_beams ?? 1,
    places,
    // Words are found in a pass over the text with another opening and an end, for which there has to be place, too.
    maxNewTokens: Math.min(options.max_new_tokens ?? Math.floor(places / 2), times === 'word' ? places - 6 : places),
    generation: { suppress_tokens, begin_suppress_tokens },
    rng: options.rng ?? new Rng(0),
    signal: options.signal,
    decode: (ids) => tokenizer.decode(ids),
  };
}

function headsOf(
  op: string,
  { config }: SpeechModel,
  { alignment_heads: heads }: TranscribeOptions,
): readonly (readonly [number, number])[] {
  const { decoder_layers: layers, decoder_attention_heads: count } = config;
  const wrong = heads?.find(([layer, head]) => layer >= layers || head >= count);
  if (wrong)
    throw new ValueError(`${op}: alignment_heads: expected heads of ${layers} layers with ${count} each, got [${wrong.join(', ')}]`);
  if (heads && heads.length > 0) return heads;
  const upper = Array.from({ length: layers - Math.floor(layers / 2) }, (_, i) => Math.floor(layers / 2) + i);
  return upper.flatMap((layer) => Array.from({ length: count }, (_, head) => [layer, head] as const));
}

function contextOf(op: string, { config }: SpeechModel, tokenizer: SpeechTokenizer, options: TranscribeOptions): Task['before'] {
  const { condition_on_prev_tokens: isConditioned, prompt, eos_token_id: eos } = options;
  // Tokenizers put special tokens around a text, which are no part of it.
  const first = prompt ? Array.from(tokenizer.encode(` ${prompt.trim()}`).ids).filter((id) => id < eos!) : [];
  const opening = options.prev_sot_token_id ?? options.suppress_tokens?.at(-2);
  if (opening === undefined && (first.length > 0 || isConditioned)) {
    throw new ValueError(`${op}: prev_sot_token_id: expected the id that earlier text begins with, got none`);
  }
  const most = Math.floor(config.max_target_positions / 2) - 1;
  return (said) => {
    const shown = [...first, ...(isConditioned ? said : [])].slice(-most);
    return shown.length > 0 ? [opening!, ...shown] : [];
  };
}
