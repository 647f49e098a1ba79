import { ValueError } from '@multihead/tensor';

/*
 * Another sampling rate. Each sample of the result is a sum of those around it, weighted by a sinc under a Kaiser window: the sound as a continuous
 * function, without what is above half of the lower rate. Of the libraries on npm, libsamplerate's port weighs over a megabyte and the small ones
 * interpolate without a filter that deserves the name.
 */

/** Zero crossings of the sinc on each side, the form of the window, and where the filter is at one half, as a share of half the lower rate. */
const reach = 48;
const beta = 9.6;
const cutoff = 0.945;
/** Table entries between two zero crossings. A straight line between two of them is off by 4 · 10⁻⁷ at most. */
const resolution = 1024;

/** The modified Bessel function I₀. */
function bessel(x: number): number {
  let sum = 1;
  for (let term = 1, k = 1; term > 1e-12 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/** Half of the filter, which is even, from 0 to `reach` zero crossings, and one more entry. */
function kernelOf(): Float64Array {
  const scale = bessel(beta);
  return Float64Array.from({ length: reach * resolution + 2 }, (_, i) => {
    const x = i / resolution;
    if (x >= reach) return 0;
    const sinc = x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
    return (sinc * bessel(beta * Math.sqrt(1 - (x / reach) ** 2))) / scale;
  });
}

export interface ResampleOptions {
  /** Stops between two blocks; the promise rejects with the signal's reason. */
  signal?: AbortSignal;
  onProgress?: (progress: { done: number; of: number }) => void;
}

/**
 * A sound at another sampling rate: y_i = Σ_j x_j · h(i · from/to - j), h a sinc under a Kaiser window that is 0 from half of the lower rate on. There
 * are ⌈samples · to / from⌉ samples, and before the first and behind the last one there is silence. Sines up to 0.88 of half the lower rate are right
 * within 2 · 10⁻⁵, and those that it cannot hold, from 1.01 of it on, are 95 dB lower: tests hold it to that. Gives the event loop a turn a few times a second.
 *
 * @throws ValueError for rates that are no integers from 1 to 768,000; the signal's reason when aborted.
 * @example
 * const slower = await resample(new Float32Array(44100), 44100, 16000);
 * slower.length; // 16000
 * // Smith, "Digital Audio Resampling Home Page", 2002.
 */
export async function resample(samples: Float32Array, from: number, to: number, options: ResampleOptions = {}): Promise<Float32Array> {
  const { signal, onProgress } = options;
  checkRate('from', from);
  checkRate('to', to);
  signal?.throwIfAborted();
  if (from === to) return Float32Array.from(samples);
  const out = new Float32Array(Math.ceil((samples.length * to) / from));
  const fill = resampler(samples, from, to);
  const block = 16384;
  for (let at = 0; at < out.length; at += block) {
    const done = Math.min(out.length, at + block);
    fill(out, at, done);
    onProgress?.({ done, of: out.length });
    if (done < out.length) await new Promise((resolve) => setTimeout(resolve, 0));
    signal?.throwIfAborted();
  }
  return out;
}

/** Of one place between two samples of the source: the weights of the samples around it, from `first` before it on. */
interface Phase {
  readonly first: number;
  readonly weights: Float64Array;
}

function resampler(samples: Float32Array, from: number, to: number): (out: Float32Array, start: number, end: number) => void {
  const kernel = kernelOf();
  const width = Math.min(1, to / from) * cutoff; // zero crossings per sample of the source
  const span = reach / width;
  const phaseOf = (rest: number): Phase => {
    const first = Math.ceil(rest - span);
    const weights = Float64Array.from({ length: Math.floor(rest + span) - first + 1 }, (_, j) => {
      const place = Math.abs(first + j - rest) * width * resolution;
      const index = Math.trunc(place);
      return width * (kernel[index]! + (place - index) * (kernel[index + 1]! - kernel[index]!));
    });
    return { first, weights };
  };
  // 44,100 to 16,000 has 160 phases, and most pairs of rates have few; those of the others are not kept.
  const phases = new Map<number, Phase>();
  const phaseAt = (key: number): Phase => {
    const phase = phases.get(key) ?? phaseOf(key / to);
    if (phases.size < 1024) phases.set(key, phase);
    return phase;
  };
  return (out, start, end) => {
    for (let i = start; i < end; i++) {
      const { first, weights } = phaseAt((i * from) % to);
      const base = Math.floor((i * from) / to) + first;
      const until = Math.min(weights.length, samples.length - base);
      let sum = 0;
      for (let j = Math.max(0, -base); j < until; j++) sum += samples[base + j]! * weights[j]!;
      out[i] = sum;
    }
  };
}

export function checkRate(name: string, rate: number): void {
  if (!(Number.isInteger(rate) && rate >= 1 && rate <= 768_000)) {
    throw new ValueError(`resample: ${name}: expected a sampling rate, an integer from 1 to 768000, got ${String(rate)}`);
  }
}
