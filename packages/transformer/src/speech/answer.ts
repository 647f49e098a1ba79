import type { Rng, Tensor } from '@multihead/tensor';
import { beamSearch } from '../generation/beam-search.js';
import { generate } from '../generation/generate.js';
import { logSumExp, softmaxOf } from '../generation/processors/scores.js';
import type { GenerateOptions } from '../generation/start.js';
import { compressionRatio } from './compression.js';
import { timestampRules } from './timestamps.js';
import type { WindowMemory } from './window-memory.js';

/*
 * What is said in a window: the likeliest answer, and where it looks wrong, because it repeats itself or is unlikely, drawn ones at higher and higher
 * temperatures, as openai/whisper does it.
 */

export interface Answer {
  /** Without what the decoder began with, and without the end. */
  readonly ids: readonly number[];
  readonly text: string;
  readonly temperature: number;
  /** The mean of ln p, the end included, before temperature. */
  readonly avgLogprob: number;
  readonly compressionRatio: number;
  /** How likely it is that nobody speaks. */
  readonly noSpeechProb: number;
  /** Whether the thresholds say that nobody does. */
  readonly isSilent: boolean;
}

/** All that does not change from window to window. */
export interface AnswerPlan {
  readonly eos: number;
  /** null where no times are written. */
  readonly noTimes: number | null;
  readonly latestFirstTime: number | null;
  /** The token that says that nobody speaks; null if that is not asked. */
  readonly noSpeech: number | null;
  readonly start: number;
  readonly temperatures: readonly number[];
  readonly thresholds: { readonly compression: number | null; readonly logprob: number | null; readonly noSpeech: number | null };
  readonly beams: number;
  /** Places of the decoder. */
  readonly places: number;
  readonly maxNewTokens: number;
  readonly generation: Pick<GenerateOptions, 'suppress_tokens' | 'begin_suppress_tokens'>;
  readonly rng: Rng;
  readonly signal?: AbortSignal;
  decode(ids: readonly number[]): string;
}

export async function answerOf(window: WindowMemory, prefix: readonly number[], plan: AnswerPlan): Promise<Answer> {
  const { thresholds, temperatures, eos } = plan;
  const noSpeechProb = await noSpeechIn(window, prefix, plan);
  let answer: Answer | null = null;
  for (const temperature of temperatures) {
    const { ids, avgLogprob } = await write(window.reader, window.memory, prefix, temperature, plan);
    const text = plan.decode(ids.filter((id) => id < eos));
    const ratio = await compressionRatio(text);
    const isUnlikely = thresholds.logprob !== null && avgLogprob < thresholds.logprob;
    const isSilent = thresholds.noSpeech !== null && noSpeechProb > thresholds.noSpeech && (thresholds.logprob === null || isUnlikely);
    answer = { ids, text, temperature, avgLogprob, compressionRatio: ratio, noSpeechProb, isSilent };
    const isLoop = thresholds.compression !== null && ratio > thresholds.compression;
    if (isSilent || !(isUnlikely || isLoop)) break;
  }
  return answer!;
}

async function noSpeechIn(window: WindowMemory, prefix: readonly number[], { noSpeech, start }: AnswerPlan): Promise<number> {
  if (noSpeech === null) return 0;
  const scores = await window.scoresAfter(prefix.slice(0, prefix.lastIndexOf(start) + 1));
  return softmaxOf(scores)[noSpeech] ?? 0;
}

async function write(
  reader: WindowMemory['reader'],
  memory: Tensor,
  prefix: readonly number[],
  temperature: number,
  plan: AnswerPlan,
): Promise<{ ids: number[]; avgLogprob: number }> {
  const { eos, noTimes, latestFirstTime, beams, rng, signal } = plan;
  const isDrawn = temperature > 0;
  const rules = noTimes === null ? [] : [timestampRules({ no_timestamps_token_id: noTimes, eos_token_id: eos, max_initial_timestamp_index: latestFirstTime }, prefix.length)]; // biome-ignore format: one row
  const options: GenerateOptions = {
    ...plan.generation,
    eos_token_id: eos,
    pad_token_id: eos,
    decoder_ids: prefix,
    max_new_tokens: Math.min(plan.maxNewTokens, plan.places - prefix.length),
    processors: rules,
    signal,
    ...(isDrawn && { do_sample: true, temperature, top_k: 0, rng: rng.fork() }),
  };
  if (beams > 1 && !isDrawn) {
    const [[best]] = (await beamSearch(reader, memory, { ...options, num_beams: beams })) as [[{ sequence: number[]; score: number }]];
    return { ids: best.sequence.slice(prefix.length).filter((id) => id !== eos), avgLogprob: best.score };
  }
  const ids: number[] = [];
  let sum = 0;
  for await (const {
    ids: [id],
    scores: [scores],
  } of generate(reader, memory, options)) {
    // As it would be at a temperature of 1.
    const likely = isDrawn ? scores!.map((x) => x * temperature) : scores!;
    sum += likely[id!]! - logSumExp(likely);
    if (id !== eos) ids.push(id!);
  }
  return { ids, avgLogprob: sum / (ids.length + 1) };
}
