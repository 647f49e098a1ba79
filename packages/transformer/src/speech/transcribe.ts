import { type Rng, ValueError } from '@multihead/tensor';
import { alignWords } from './alignment.js';
import { type Answer, answerOf } from './answer.js';
import { type DetectLanguageOptions, languagesIn } from './detect-language.js';
import type { SpeechInput } from './feature-extractor.js';
import type { SpeechGenerationConfig } from './generation-config.js';
import { type Hearing, hear } from './hearing.js';
import type { SpeechModel, SpeechTokenizer } from './model.js';
import { languageOf, openingOf } from './opening.js';
import { cutWindow } from './segments.js';
import { type Task, taskOf } from './task.js';
import type { WindowMemory } from './window-memory.js';
import { type SpokenWord, wordsOfSpans } from './word-timing.js';

/*
 * Sound to text, window by window: what is said in each, when, and where the next one begins. After openai/whisper and transformers' long form.
 */

/** generation_config.json, and what is no part of it. */
export interface TranscribeOptions extends DetectLanguageOptions {
  /** Text that every window is shown, as if it had been said before: names, spellings. */
  prompt?: string;
  /** Temperatures above 0 draw from it. */
  rng?: Rng;
  onProgress?: (progress: { seconds: number; of: number }) => void;
}

/** Something that was said in one go. */
export interface SpeechSegment {
  /** Seconds. */
  start: number;
  end: number;
  text: string;
  /** With the tokens of times. */
  ids: readonly number[];
  /** With `return_timestamps: 'word'`. */
  words?: SpokenWord[];
  /** What the window's answer was drawn at; 0 is not drawn. */
  temperature: number;
  /** Of the window's answer: the mean of ln p of its tokens. */
  avgLogprob: number;
  compressionRatio: number;
  /** How likely it is that nobody speaks in the window. */
  noSpeechProb: number;
}

export interface Transcription {
  text: string;
  /** By its code; null for a model of one language. */
  language: string | null;
  /** Seconds. */
  duration: number;
  segments: SpeechSegment[];
}

/**
 * What is said in a sound of any length, from a Whisper: text, language, segments and, with `return_timestamps: 'word'`, when each word is said. The sound is heard in windows of
 * the model's length; each begins where the last finished segment of the one before ends. Language and task are those that are asked for, or found out.
 * An answer that repeats itself (`compression_ratio_threshold`, 2.4, of its text) or is unlikely (`logprob_threshold`, -1) is drawn again at the next
 * `temperature` of [0, 0.2, … 1]; one that is unlikely where probably nobody speaks (`no_speech_threshold`, 0.6) is left out. `null` switches a threshold off.
 * Words are found in the attention of `alignment_heads` by dynamic time warping.
 *
 * @throws ValueError for samples that are not finite, none or no Float32Array, features or options that do not fit the model, ids that
 * generation_config.json lacks; the signal's reason when aborted.
 * @example
 * const generation = readSpeechGenerationConfig(await readJson(checkpoint, 'generation_config.json'));
 * const features = readFeatureExtractorConfig(await readJson(checkpoint, 'preprocessor_config.json'));
 * const { text, segments } = await transcribe(model, tokenizer, decodeAudio(bytes), { ...generation, features, return_timestamps: 'word' });
 * // Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022.
 */
export async function transcribe(
  model: SpeechModel,
  tokenizer: SpeechTokenizer,
  sound: SpeechInput,
  options: TranscribeOptions,
): Promise<Transcription> {
  const steps = segmentsOf('transcribe', model, tokenizer, sound, options);
  for (;;) {
    const step = await steps.next();
    if (step.done) return step.value;
  }
}

/**
 * `transcribe`, segment by segment as they are found. What the iterator returns at its end is the whole. Nothing is left behind when it is left early.
 *
 * @example
 * for await (const { start, text } of transcribeSegments(model, tokenizer, sound, generation)) console.log(start.toFixed(1), text);
 */
export function transcribeSegments(
  model: SpeechModel,
  tokenizer: SpeechTokenizer,
  sound: SpeechInput,
  options: TranscribeOptions,
): AsyncGenerator<SpeechSegment, Transcription, void> {
  return segmentsOf('transcribeSegments', model, tokenizer, sound, options);
}

async function* segmentsOf(
  op: string,
  model: SpeechModel,
  tokenizer: SpeechTokenizer,
  sound: SpeechInput,
  options: TranscribeOptions,
): AsyncGenerator<SpeechSegment, Transcription, void> {
  const { signal, onProgress } = options;
  signal?.throwIfAborted();
  const task = taskOf(op, model, tokenizer, options);
  const hearing = await hear(op, model, sound, options);
  const { duration, frames, windowFrames, frame } = hearing;
  if (frames > windowFrames && !task.hasTimes) {
    const most = (windowFrames * frame).toFixed(0);
    throw new ValueError(
      `${op}: return_timestamps: expected true, as the sound is longer than ${most} s and windows move by times, got false`,
    );
  }
  const all: SpeechSegment[] = [];
  const said: number[] = [];
  let language = languageOf(op, options);
  let lastSpeech = 0;
  for (let at = 0; at < frames; ) {
    signal?.throwIfAborted();
    const window = hearing.window(at);
    try {
      if (language === null && isMultilingual(options)) language = (await languagesIn(op, window, options))[0]!.language;
      const opening = openingOf(op, options, language, task.hasTimes);
      const prefix = [...task.before(said), ...opening];
      const answer = await answerOf(window, prefix, task.plan);
      const found = answer.isSilent
        ? { segments: [], advance: windowFrames }
        : await segmentsIn(window, answer, { at, lastSpeech, language, untimed: openingOf(op, options, language, false) }, hearing, task);
      for (const segment of found.segments) {
        lastSpeech = segment.end;
        said.push(...segment.ids);
        all.push(segment);
        yield segment;
      }
      if (!task.isConditioned || answer.temperature >= 0.5) said.length = 0; // what was guessed would be repeated
      at += found.advance;
    } finally {
      window.dispose();
    }
    onProgress?.({ seconds: Math.min(duration, at * frame), of: duration });
  }
  const text = task.plan.decode(all.flatMap(({ ids }) => ids.filter((id) => id < task.plan.eos)));
  return { text, language, duration, segments: all };
}

function isMultilingual({ is_multilingual, lang_to_id }: SpeechGenerationConfig): boolean {
  return is_multilingual !== false && lang_to_id !== undefined;
}

/** Where a window is, and what was found out before it. */
interface Place {
  /** Its first frame. */
  readonly at: number;
  /** Where the last segment ended, in seconds. */
  readonly lastSpeech: number;
  readonly language: string | null;
  /** What an answer without times begins with. */
  readonly untimed: readonly number[];
}

/** The segments of a window, and how many frames the next one is away. */
async function segmentsIn(
  window: WindowMemory,
  answer: Answer,
  { at, lastSpeech, language, untimed }: Place,
  { duration, frames, windowFrames, frame }: Hearing,
  task: Task,
): Promise<{ segments: SpeechSegment[]; advance: number }> {
  const { firstTime, plan } = task;
  const steps = Math.ceil(Math.min(windowFrames, frames - at) / 2);
  const cut = cutWindow(answer.ids, firstTime, steps);
  const [offset, step] = [at * frame, 2 * frame];
  const texts = cut.segments
    .map((segment) => ({ ...segment, text: segment.ids.filter((id) => id < plan.eos) }))
    .filter(({ text }) => plan.decode(text).trim() !== '');
  const { temperature, avgLogprob, compressionRatio, noSpeechProb } = answer;
  const segments: SpeechSegment[] = texts.map(({ start, end, ids, text }) => ({
    start: Math.min(duration, offset + start * step),
    end: Math.min(duration, offset + end * step),
    text: plan.decode(text),
    ids,
    temperature,
    avgLogprob,
    compressionRatio,
    noSpeechProb,
  }));
  if (!task.hasWords) return { segments, advance: 2 * cut.advance };
  const aligned = await alignWords(
    window,
    texts.flatMap(({ text }) => text),
    { prefix: untimed, eos_token_id: plan.eos, heads: task.heads, steps, medianWidth: task.medianWidth, decode: plan.decode, language },
  );
  const spans = segments.map(({ start, end }, i) => ({ start, end, tokens: texts[i]!.text.length }));
  const words = wordsOfSpans(spans, aligned, { offset, step, last: lastSpeech });
  const timed = segments.map((segment, i) => ({ ...segment, start: spans[i]!.start, end: spans[i]!.end, words: words[i]! }));
  // The last word is a better place to go on from than the time that was written, unless it is not half as far: windows have to get on.
  const last = Math.round((timed.at(-1)?.end ?? 0) / frame) - at;
  return { segments: timed, advance: cut.isUnfinished && last >= cut.advance ? last : 2 * cut.advance };
}
