import type { Rng } from '@multihead/tensor';
import { languages } from './phonemes.js';
import { chunkLength, idOf, timeId, wordIds } from './tokens.js';
import { drawSpeaker, noiseOf, sampleRate, say } from './voice.js';

/*
 * Recordings: somebody says numbers, some at a time with pauses between, in noise. When each word begins and ends is known.
 */

export interface SpokenWord {
  readonly tokens: readonly string[];
  /** Seconds. */
  readonly start: number;
  readonly end: number;
}

export interface Recording {
  readonly language: string;
  readonly samples: Float32Array;
  /** Words that are said in one go. */
  readonly segments: readonly (readonly SpokenWord[])[];
}

const between = (rng: Rng, low: number, high: number) => low + (high - low) * rng.uniform();
const pick = <T>(rng: Rng, items: readonly T[]): T => items[Math.floor(rng.uniform() * items.length)]!;

/**
 * A recording of so many seconds: the last words begin before its end, and may be cut off by it. With `isWhole` nothing is cut off; with `hasTail` it begins with
 * the end of a word that was said before.
 */
export function record(seconds: number, rng: Rng, { isWhole = false, hasTail = false } = {}): Recording {
  const language = pick(rng, Object.keys(languages));
  const speaker = drawSpeaker(rng);
  const samples = new Float32Array(Math.round(seconds * sampleRate));
  const loudness = 0.1 * 10 ** between(rng, -0.7, 0.3);
  const segments: SpokenWord[][] = [];
  if (hasTail) {
    const word = levelled(say(pick(rng, languages[language]!), speaker, rng), loudness);
    mix(samples, word.subarray(-Math.round(between(rng, 0.01, 0.1) * sampleRate)), 0);
  }
  for (let at = between(rng, hasTail ? 0.35 : 0, 0.9); at < seconds; at += between(rng, 0.35, 0.9)) {
    const segment: SpokenWord[] = [];
    for (let left = 1 + Math.floor(4 * rng.uniform()); left > 0; left--) {
      const tokens = pick(rng, languages[language]!);
      const word = levelled(say(tokens, speaker, rng), loudness * between(rng, 0.8, 1.25));
      const end = at + word.length / sampleRate;
      if (isWhole && end > seconds - 0.05) break;
      mix(samples, word, Math.round(at * sampleRate));
      segment.push({ tokens, start: at, end });
      at = end + between(rng, 0.03, 0.12);
    }
    if (segment.length === 0) break;
    segments.push(segment);
    at = segment.at(-1)!.end;
  }
  addNoise(samples, loudness * 10 ** between(rng, -2.2, -1), rng);
  return { language, samples, segments };
}

/** A recording in which nobody speaks. */
export function silence(seconds: number, rng: Rng): Float32Array {
  const samples = new Float32Array(Math.round(seconds * sampleRate));
  addNoise(samples, 10 ** between(rng, -4, -1), rng);
  return samples;
}

function levelled(word: Float32Array, loudness: number): Float32Array {
  const power = word.reduce((sum, x) => sum + x * x, 0) / word.length;
  return word.map((x) => (x * loudness) / Math.sqrt(power));
}

function mix(samples: Float32Array, word: Float32Array, at: number): void {
  for (let i = 0; i < word.length && at + i < samples.length; i++) samples[at + i]! += word[i]!;
}

/** Noise that falls off to high frequencies, more or less. */
function addNoise(samples: Float32Array, level: number, rng: Rng): void {
  const colour = between(rng, 0, 0.9);
  const noise = noiseOf(rng);
  let last = 0;
  for (let i = 0; i < samples.length; i++) {
    last = colour * last + (1 - colour) * noise();
    samples[i]! += 1.7 * level * last;
  }
}

/** What a model is trained on: a window of sound, and what it shall write. */
export interface Example {
  /** No more than a window. */
  readonly samples: Float32Array;
  readonly ids: readonly number[];
  /** How many ids are only shown, not learned. */
  readonly shown: number;
}

/**
 * A window as transcribing meets it: it begins in a pause, and may end in the middle of words; of those it writes when they begin, and nothing more. Some
 * are written without times, some behind what was said before, and in some nobody speaks.
 */
export function drawExample(rng: Rng): Example {
  const start = idOf('<|startoftranscript|>');
  const end = idOf('<|endoftext|>');
  if (rng.uniform() < 0.05) return { samples: silence(chunkLength, rng), ids: [start, idOf('<|nospeech|>'), end], shown: 1 };
  const isShort = rng.uniform() < 0.25;
  const hasTimes = rng.uniform() < 0.7;
  const seconds = isShort ? between(rng, 1, chunkLength) : chunkLength;
  const { language, samples, segments } = record(seconds, rng, { isWhole: isShort || !hasTimes, hasTail: rng.uniform() < 0.3 });
  const before = rng.uniform() < 0.15 ? [idOf('<|startofprev|>'), ...Array.from({ length: 1 + Math.floor(6 * rng.uniform()) }, () => wordIds(pick(rng, languages[language]!))).flat()] : []; // biome-ignore format: one row
  const opening = [start, idOf(`<|${language}|>`), idOf('<|transcribe|>')];
  const ids = [...before, ...opening, ...(hasTimes ? timed(segments, seconds) : untimed(segments)), end];
  return { samples, ids, shown: before.length + 1 };
}

function timed(segments: Recording['segments'], seconds: number): number[] {
  return segments.flatMap((segment) => {
    const [first, last] = [segment[0]!, segment.at(-1)!];
    if (last.end > seconds) return [timeId(first.start)];
    return [timeId(first.start), ...segment.flatMap(({ tokens }) => wordIds(tokens)), timeId(last.end)];
  });
}

function untimed(segments: Recording['segments']): number[] {
  return [idOf('<|notimestamps|>'), ...segments.flat().flatMap(({ tokens }) => wordIds(tokens))];
}
