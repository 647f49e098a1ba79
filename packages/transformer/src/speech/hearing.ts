import { type Backend, getBackend, parameters, tensor, ValueError } from '@multihead/tensor';
import { analysed, atRate, type FeatureExtractorConfig, readFeatureExtractorConfig, type SpeechInput } from './feature-extractor.js';
import { framesIn, melAnalysis, scaled } from './log-mel.js';
import type { SpeechModel } from './model.js';
import { WindowMemory } from './window-memory.js';

/*
 * A sound that is heard window by window. One that fits into a window is filled up with silence. Of a longer one there is one spectrogram, so that all windows
 * are measured by the same loudest place, and the last window is filled up with zeros. Both as in transformers.
 */

export interface Hearing {
  /** Seconds. */
  readonly duration: number;
  /** Frames of sound, and of a window. */
  readonly frames: number;
  readonly windowFrames: number;
  /** Seconds of a frame. */
  readonly frame: number;
  /** What the model makes of the window that begins at a frame. It is the caller's to dispose. */
  window(from: number): WindowMemory;
}

/** The features that a model was made for, if nothing else is said: those of every Whisper, as many bands and seconds as the model has. */
export function featuresOf(
  op: string,
  { num_mel_bins, max_source_positions }: SpeechModel['config'],
  given?: FeatureExtractorConfig,
): FeatureExtractorConfig {
  const features = given ?? { ...readFeatureExtractorConfig({ feature_size: num_mel_bins }), chunk_length: max_source_positions / 50 };
  if (features.feature_size !== num_mel_bins) {
    throw new ValueError(`${op}: features: feature_size: expected the model's num_mel_bins, ${num_mel_bins}, got ${features.feature_size}`);
  }
  const frames = framesIn(features.chunk_length * features.sampling_rate, features);
  if (frames !== 2 * max_source_positions) {
    throw new ValueError(`${op}: features: expected chunks of ${2 * max_source_positions} frames, as the model takes them, got ${frames}`);
  }
  return features;
}

export async function hear(
  op: string,
  model: SpeechModel,
  sound: SpeechInput,
  { features: given, signal }: { features?: FeatureExtractorConfig; signal?: AbortSignal },
): Promise<Hearing> {
  const features = featuresOf(op, model.config, given);
  const { sampling_rate: rate, hop_length: hop, feature_size: bands } = features;
  const samples = await atRate(op, sound, rate, signal);
  const windowFrames = 2 * model.config.max_source_positions;
  const isShort = samples.length <= windowFrames * hop;
  const whole = isShort ? filledUp(samples, windowFrames * hop, features.padding_value) : samples;
  const analysis = melAnalysis(op, whole, features);
  const data = scaled(await analysed(analysis, { signal }));
  const backend = backendOf(model);
  const window = (from: number): WindowMemory => {
    const chunk = new Float32Array(bands * windowFrames);
    const until = Math.min(analysis.frames, from + windowFrames);
    for (let band = 0; band < bands; band++) {
      chunk.set(data.subarray(band * analysis.frames + from, band * analysis.frames + until), band * windowFrames);
    }
    const input = tensor(chunk, { shape: [1, bands, windowFrames], backend });
    try {
      return new WindowMemory(model, input);
    } finally {
      input.dispose();
    }
  };
  const frames = isShort ? Math.ceil(samples.length / hop) : analysis.frames;
  return { duration: samples.length / rate, frames, windowFrames, frame: hop / rate, window };
}

function filledUp(samples: Float32Array, length: number, value: number): Float32Array {
  const filled = new Float32Array(length).fill(value);
  filled.set(samples);
  return filled;
}

function backendOf(model: object): Backend {
  return parameters(model)[0]?.backend ?? getBackend();
}
