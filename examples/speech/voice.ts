import type { Rng } from '@multihead/tensor';
import { type Phoneme, phonemes, pronunciations } from './phonemes.js';

/* Says words: a pulse train and noise through resonators whose frequencies move from phoneme to phoneme, as in Klatt's synthesiser of 1980. */

export const sampleRate = 16000;

/** Who speaks. */
export interface Speaker {
  /** Hz. */
  readonly pitch: number;
  /** Of the throat: formants are multiplied by it. */
  readonly size: number;
  readonly speed: number;
}

export function drawSpeaker(rng: Rng): Speaker {
  const between = (low: number, high: number) => low + (high - low) * rng.uniform();
  return { pitch: between(85, 230), size: between(0.92, 1.12), speed: between(0.85, 1.2) };
}

/** Numbers from -1 to 1, evenly distributed: xorshift, a tenth of what it costs to draw each of millions from an `Rng`. */
export function noiseOf(rng: Rng): () => number {
  let state = 1 + Math.floor(rng.uniform() * 0x7fff_fffe);
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state / 2 ** 31;
  };
}

/** The samples of one word, of one token or several. */
export function say(tokens: readonly string[], { pitch, size, speed }: Speaker, rng: Rng): Float32Array {
  const parts = tokens.flatMap((token) => pronunciations[token]!.split(' ').map((name) => phonemes[name]!));
  const lengths = parts.map(({ duration }) => Math.round((sampleRate * duration * (0.85 + 0.3 * rng.uniform())) / speed));
  const total = lengths.reduce((sum, n) => sum + n, 0);
  const out = new Float32Array(total);
  const throat = [resonator(), resonator(), resonator()] as const;
  const mouth = resonator();
  const hissing = noiseOf(rng);
  let phase = rng.uniform();
  let at = 0;
  for (const [i, part] of parts.entries()) {
    const next = parts[i + 1];
    for (let j = 0; j < lengths[i]!; j++, at++) {
      const progress = j / lengths[i]!;
      if (j % 40 === 0) {
        for (const [k, f] of formantsAt(part, next, progress).entries()) throat[k]!.tune(f * size, 60 + 40 * k);
        if (part.noise) mouth.tune(Math.min(7500, part.noise.at * size), 0.25 * part.noise.at);
      }
      phase += (pitch * (1.08 - (0.16 * at) / total)) / sampleRate; // falls a little
      const isPulse = phase >= 1;
      if (isPulse) phase -= 1;
      const hum = throat.reduce((x, { step }) => step(x), isPulse ? 1 : 0);
      const fade = Math.min(1, j / 80, (lengths[i]! - j) / 80);
      const noise = part.noise ? 0.3 * part.noise.level * fade * mouth.step(hissing()) : 0;
      out[at] = part.voice * (part.voice < 1 ? 0.4 + 0.6 * fade : 1) * hum + noise;
    }
  }
  for (let i = 0; i < Math.min(120, total); i++) {
    out[i]! *= i / 120;
    out[total - 1 - i]! *= i / 120;
  }
  return out;
}

const neutral = [500, 1500, 2500] as const;

/** Formants move to those of the next phoneme in the last third of one. */
function formantsAt(part: Phoneme, next: Phoneme | undefined, progress: number): number[] {
  const from = part.formants ?? next?.formants ?? neutral;
  const to = part.glide ?? from;
  const target = next?.formants ?? to;
  const late = Math.max(0, progress - 0.67) * 1.5; // to half of the way
  return from.map((f, k) => (f + (to[k]! - f) * progress) * (1 - late) + target[k]! * late);
}

/** A resonance of two poles, with a height of about 1 at its frequency. */
function resonator(): { tune(frequency: number, width: number): void; step: (x: number) => number } {
  let [a, b, c, y1, y2] = [1, 0, 0, 0, 0];
  return {
    tune(frequency, width) {
      const r = Math.exp((-Math.PI * width) / sampleRate);
      b = 2 * r * Math.cos((2 * Math.PI * frequency) / sampleRate);
      c = -r * r;
      a = 1 - b - c;
    },
    step(x) {
      const y = a * x + b * y1 + c * y2;
      y2 = y1;
      y1 = y;
      return y;
    },
  };
}
