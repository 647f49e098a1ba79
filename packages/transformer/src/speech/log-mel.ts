import { ShapeError, ValueError } from '@multihead/tensor';
import { powerSpectra } from './fourier.js';
import { melFilters } from './mel-filters.js';

/*
 * What Whisper hears: how loud each of some frequency bands is, a hundred times a second, on a logarithmic scale that ends 80 dB below the loudest.
 */

/** Keys of preprocessor_config.json that shape a spectrogram. */
export interface LogMelOptions {
  /** Frequency bands: 80, or 128 in Whisper large-v3. */
  feature_size?: number;
  sampling_rate?: number;
  /** Samples between two frames. */
  hop_length?: number;
  /** Samples in a window. */
  n_fft?: number;
}

/** A spectrogram: `bands` rows of `frames` numbers. */
export interface Spectrogram {
  readonly data: Float32Array;
  readonly bands: number;
  readonly frames: number;
}

/** Computes frames of log₁₀ of the power in each band, some at a time. `scaled` then makes features of them. */
export interface MelAnalysis {
  readonly bands: number;
  readonly frames: number;
  /** Frames [from, to) into `data`, rows of which are `frames` long. */
  fill(data: Float32Array, from: number, to: number): void;
}

/** How many frames there are of so many samples: of an odd window one ends before the last sample. */
export function framesIn(samples: number, { hop_length: hop = 160, n_fft: n = 400 }: LogMelOptions): number {
  return Math.floor((samples - (n % 2)) / hop);
}

export function melAnalysis(op: string, samples: Float32Array, options: LogMelOptions): MelAnalysis {
  const { feature_size: bands = 80, sampling_rate = 16000, hop_length: hop = 160, n_fft: n = 400 } = options;
  const half = Math.floor(n / 2);
  if (samples.length <= half)
    throw new ShapeError(`${op}: samples: expected more than half a window, ${half}, as the ends are mirrored, got ${samples.length}`);
  const window = Float64Array.from({ length: n }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / n)); // Hann's, periodic
  const bins = 1 + half;
  const filters = melFilters(bands, bins, sampling_rate);
  const spectra = powerSpectra(n);
  const signals = { re: new Float64Array(n), im: new Float64Array(n) };
  const power = [new Float64Array(bins), new Float64Array(bins)] as const;
  const frames = framesIn(samples.length, options);
  const last = samples.length - 1;
  const cut = (frame: number, into: Float64Array) => {
    const first = frame * hop - half; // frames are centred, and the ends are mirrored
    for (let i = 0; i < n; i++) {
      const at = Math.abs(first + i);
      into[i] = samples[at > last ? 2 * last - at : at]! * window[i]!;
    }
  };
  const write = (data: Float32Array, frame: number, spectrum: Float64Array) => {
    for (const [band, { from, weights }] of filters.entries()) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k]! * spectrum[from + k]!;
      data[band * frames + frame] = Math.log10(Math.max(sum, 1e-10));
    }
  };
  const fill = (data: Float32Array, from: number, to: number) => {
    for (let frame = from; frame < to; frame += 2) {
      cut(frame, signals.re);
      if (frame + 1 < to) cut(frame + 1, signals.im);
      spectra(signals, power);
      write(data, frame, power[0]);
      if (frame + 1 < to) write(data, frame + 1, power[1]);
    }
  };
  return { bands, frames, fill };
}

/** In place: nothing more than 8 (80 dB) below the highest, then (x + 4) / 4, which is about -1 to 1. */
export function scaled(data: Float32Array): Float32Array {
  let top = Number.NEGATIVE_INFINITY;
  for (const x of data) if (x > top) top = x;
  for (let i = 0; i < data.length; i++) data[i] = (Math.max(data[i]!, top - 8) + 4) / 4;
  return data;
}

/** Throws a ValueError where a sample is no finite number, or there is none. */
export function checkSamples(op: string, samples: unknown): asserts samples is Float32Array {
  if (!(samples instanceof Float32Array)) throw new ValueError(`${op}: samples: expected a Float32Array, got ${nameOf(samples)}`);
  if (samples.length === 0) throw new ValueError(`${op}: samples: expected at least one, got none`);
  const wrong = samples.findIndex((x) => !Number.isFinite(x));
  if (wrong >= 0) throw new ValueError(`${op}: samples: expected finite numbers, got ${samples[wrong]} at ${wrong} of ${samples.length}`);
}

function nameOf(value: unknown): string {
  return typeof value === 'object' && value !== null ? `an object of the class ${value.constructor?.name ?? 'null'}` : String(value);
}

/**
 * The log-mel spectrogram of a sound, as Whisper's feature extractor makes it but for padding: for windows of Hann's form, n_fft long and hop_length apart,
 * m = log₁₀ max(10⁻¹⁰, filters · |FFT|²), then (max(m, max m - 8) + 4) / 4. The ends of the sound are mirrored, so that frame i is centred at i · hop_length;
 * there are ⌊samples / hop_length⌋ of them (of samples - 1, for an odd n_fft). Filters are Slaney's, from 0 to 8,000 Hz. Computed in float64 on the host, whatever the backend.
 *
 * @throws ValueError for samples that are not finite, none, or not in a Float32Array; ShapeError for fewer than half a window.
 * @example
 * const { bands, frames } = logMel(new Float32Array(16000)); // a second at 16 kHz: 80 bands, 100 frames
 * // Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022.
 */
export function logMel(samples: Float32Array, options: LogMelOptions = {}): Spectrogram {
  checkSamples('logMel', samples);
  const { bands, frames, fill } = melAnalysis('logMel', samples, options);
  const data = new Float32Array(bands * frames);
  fill(data, 0, frames);
  return { data: scaled(data), bands, frames };
}
