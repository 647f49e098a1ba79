import { type Backend, ShapeError, type Tensor, tensor, ValueError } from '@multihead/tensor';
import { resample } from '../audio/resample.js';
import type { Sound } from '../audio/sound.js';
import { flag, integer, isObject, number, oneOf, size } from '../loading/config.js';
import { readFields } from './config-file.js';
import { checkSamples, framesIn, type LogMelOptions, type MelAnalysis, melAnalysis, scaled } from './log-mel.js';

/*
 * Sounds as a model wants them: at its sampling rate, all of one length, as spectrograms. What transformers' WhisperFeatureExtractor does, with its names.
 */

/** preprocessor_config.json of a Whisper. */
export interface FeatureExtractorConfig extends Required<LogMelOptions> {
  /** Seconds that a model takes at a time. */
  chunk_length: number;
  /** What stands behind a sound that is too short. */
  padding_value: number;
  /** Makes each sound have mean 0 and variance 1. */
  do_normalize: boolean;
  return_attention_mask: boolean;
}

const ignored =
  `feature_extractor_type image_processor_type processor_class tokenizer_class n_samples nb_max_frames mel_filters transformers_version
  _processor_class auto_map`.split(/\s+/);

/**
 * The content of preprocessor_config.json, checked; missing keys have transformers' defaults. What transformers 5 writes, processor_config.json with a
 * `feature_extractor` in it, is taken, too. Throws a ConfigError that lists every value and every key that it cannot take.
 *
 * @example
 * readFeatureExtractorConfig({ feature_size: 128, chunk_length: 30 }).n_fft; // 400
 */
export function readFeatureExtractorConfig(json: unknown): FeatureExtractorConfig {
  const inner = isObject(json) && isObject(json.feature_extractor) ? json.feature_extractor : json;
  const {
    feature_extractor_type: _,
    dither: __,
    padding_side: ___,
    ...config
  } = readFields(
    'preprocessor_config.json',
    inner,
    {
      feature_size: size(80),
      sampling_rate: size(16000),
      hop_length: size(160),
      chunk_length: integer(30, { min: 1, max: 36000 }),
      n_fft: integer(400, { min: 2, max: 2 ** 16 }),
      padding_value: number(0),
      do_normalize: flag(false),
      return_attention_mask: flag(false),
      // Not built with other values: noise on the sound, and padding before it.
      dither: oneOf([0], 0),
      padding_side: oneOf(['right'], 'right'),
      feature_extractor_type: oneOf(['WhisperFeatureExtractor'], 'WhisperFeatureExtractor'),
    },
    ignored,
  );
  return config;
}

export interface ExtractOptions {
  /** To what length: `max_length`, that of the longest sound of the batch, or none, for sounds of one length. `max_length` if left out. */
  padding?: 'max_length' | 'longest' | false;
  /** Samples; chunk_length seconds if left out. */
  max_length?: number;
  /** Whether longer sounds are cut off at `max_length`; true if left out. */
  truncation?: boolean;
  pad_to_multiple_of?: number;
  backend?: Backend;
  signal?: AbortSignal;
  onProgress?: (progress: { done: number; of: number }) => void;
}

/** Features for a model, by transformers' names. They are the caller's to dispose. */
export interface SpeechFeatures {
  /** float32 [B, bands, frames]. */
  input_features: Tensor;
  /** int32 [B, frames], 1 where there is sound; if the config has `return_attention_mask`. */
  attention_mask?: Tensor;
}

/** A sound, or samples at the model's own rate. */
export type SpeechInput = Float32Array | Sound;

/**
 * Features of one sound or several, as transformers' WhisperFeatureExtractor makes them: resampled if their rate is another one, cut off or filled up
 * to one length, made a log-mel spectrogram each: float32 [B, feature_size, frames], a frame for each hop_length of samples.
 *
 * @throws ValueError for samples that are not finite, none, or no Float32Array; ShapeError where sounds would not be of one length; the signal's
 * reason when aborted.
 * @example
 * const { input_features } = await extractFeatures(decodeAudio(bytes), readFeatureExtractorConfig(json));
 * input_features.shape; // [1, 80, 3000]
 * // Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022.
 */
export async function extractFeatures(
  sounds: SpeechInput | readonly SpeechInput[],
  config: FeatureExtractorConfig,
  options: ExtractOptions = {},
): Promise<SpeechFeatures> {
  const op = 'extractFeatures';
  const { signal, onProgress, backend } = options;
  const list = Array.isArray(sounds) ? (sounds as readonly SpeechInput[]) : [sounds as SpeechInput];
  if (list.length === 0) throw new ValueError(`${op}: sounds: expected at least one, got none`);
  const raw: Float32Array[] = [];
  for (const sound of list) raw.push(await atRate(op, sound, config.sampling_rate, signal));
  const { padded, lengths } = ofOneLength(op, raw, config, options);
  if (config.do_normalize) for (const [i, samples] of padded.entries()) normalize(samples, lengths[i]!, config.padding_value);
  const frames = framesIn(padded[0]!.length, config);
  const perSound = config.feature_size * frames;
  const data = new Float32Array(padded.length * perSound);
  for (const [i, samples] of padded.entries()) {
    const analysis = melAnalysis(op, samples, config);
    const of = frames * padded.length;
    const report = (done: number) => onProgress?.({ done: i * frames + done, of });
    data.set(scaled(await analysed(analysis, { signal, report })), i * perSound);
  }
  const inputFeatures = tensor(data, { shape: [padded.length, config.feature_size, frames], backend });
  if (!config.return_attention_mask) return { input_features: inputFeatures };
  // One sample in hop_length, as many as there are frames.
  const seen = lengths.flatMap((length) => Array.from({ length: frames }, (_, t) => (t * config.hop_length < length ? 1 : 0)));
  return { input_features: inputFeatures, attention_mask: tensor(Int32Array.from(seen), { shape: [padded.length, frames], backend }) };
}

/** All frames of a spectrogram, not yet scaled, with turns for the event loop between some seconds of sound. */
export async function analysed(
  { bands, frames, fill }: MelAnalysis,
  { signal, report }: { signal?: AbortSignal; report?: (done: number) => void },
): Promise<Float32Array> {
  signal?.throwIfAborted();
  const data = new Float32Array(bands * frames);
  const block = 2000;
  for (let from = 0; from < frames; from += block) {
    const done = Math.min(frames, from + block);
    fill(data, from, done);
    report?.(done);
    if (done === frames) break;
    await new Promise((resolve) => setTimeout(resolve, 0));
    signal?.throwIfAborted();
  }
  return data;
}

/** The samples of a sound at the rate that a model wants. */
export async function atRate(op: string, sound: SpeechInput, rate: number, signal?: AbortSignal): Promise<Float32Array> {
  if (sound instanceof Float32Array || typeof sound !== 'object' || sound === null || !('samples' in sound)) {
    checkSamples(op, sound);
    return sound;
  }
  const { samples, sampleRate } = sound;
  checkSamples(op, samples);
  if (!(Number.isInteger(sampleRate) && sampleRate >= 1))
    throw new ValueError(`${op}: sampleRate: expected an integer above 0, got ${JSON.stringify(sampleRate)}`);
  return sampleRate === rate ? samples : resample(samples, sampleRate, rate, { signal });
}

function ofOneLength(
  op: string,
  raw: readonly Float32Array[],
  config: FeatureExtractorConfig,
  options: ExtractOptions,
): { padded: Float32Array[]; lengths: number[] } {
  const { padding = 'max_length', truncation = true, pad_to_multiple_of: multiple = 1 } = options;
  const most = options.max_length ?? config.chunk_length * config.sampling_rate;
  for (const [name, value] of Object.entries({ max_length: most, pad_to_multiple_of: multiple })) {
    if (!(Number.isInteger(value) && value >= 1)) throw new ValueError(`${op}: ${name}: expected an integer above 0, got ${String(value)}`);
  }
  const roundedUp = (length: number) => Math.ceil(length / multiple) * multiple;
  const cut = raw.map((samples) => (truncation ? samples.subarray(0, roundedUp(most)) : samples));
  const longest = Math.max(...cut.map((samples) => samples.length));
  const target = padding === false ? 0 : roundedUp(padding === 'longest' ? longest : most);
  const padded = cut.map((samples) => {
    const whole = new Float32Array(Math.max(target, samples.length)).fill(config.padding_value); // longer ones stay longer, as in transformers
    whole.set(samples);
    return whole;
  });
  const other = padded.find(({ length }) => length !== padded[0]!.length);
  if (other) {
    throw new ShapeError(`${op}: sounds: expected one length after padding and truncation, got ${padded[0]!.length} and ${other.length}`);
  }
  return { padded, lengths: cut.map(({ length }) => length) };
}

/** Mean 0 and variance 1 of the first `length` samples; the others are padding again. */
function normalize(samples: Float32Array, length: number, padding: number): void {
  const real = samples.subarray(0, length);
  const mean = real.reduce((sum, x) => sum + x, 0) / length;
  const variance = real.reduce((sum, x) => sum + (x - mean) ** 2, 0) / length;
  const scale = 1 / Math.sqrt(variance + 1e-7);
  for (let i = 0; i < length; i++) samples[i] = (samples[i]! - mean) * scale;
  samples.fill(padding, length);
}
