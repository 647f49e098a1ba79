import { resample } from '@multihead/transformer/audio';
import { describe, expect, it } from 'vitest';

const sine = (frequency: number, rate: number, seconds = 0.25) =>
  Float32Array.from({ length: Math.round(rate * seconds) }, (_, i) => Math.sin((2 * Math.PI * frequency * i) / rate));

/** The greatest difference from `expected`, away from the ends, where there is silence beyond the sound. */
function worst(samples: Float32Array, expected: (i: number) => number): number {
  const margin = Math.ceil(samples.length / 5);
  let most = 0;
  for (let i = margin; i < samples.length - margin; i++) most = Math.max(most, Math.abs(samples[i]! - expected(i)));
  return most;
}

describe.each([
  [44100, 16000],
  [48000, 16000],
  [8000, 16000],
  [22050, 16000],
  [16000, 44100],
  [44099, 16000], // 16,000 phases
])('%i to %i Hz', (from, to) => {
  const half = Math.min(from, to) / 2;

  it.each([0.01, 0.2, 0.5, 0.8, 0.88])('a sine at %f of half the lower rate is that sine within 2 · 10⁻⁵', async (share) => {
    const frequency = share * half;
    const found = await resample(sine(frequency, from), from, to);
    expect(found).toHaveLength(Math.ceil((Math.round(from * 0.25) * to) / from));
    expect(worst(found, (i) => Math.sin((2 * Math.PI * frequency * i) / to))).toBeLessThan(2e-5);
  });

  it('a sine that it cannot hold is 95 dB lower', async () => {
    for (const share of [1.01, 1.2, 1.35]) {
      if (to > from || share * half > from / 2) continue;
      const found = await resample(sine(share * half, from), from, to);
      expect(worst(found, () => 0)).toBeLessThan(10 ** (-95 / 20));
    }
  });
});

it('the same rate is a copy', async () => {
  const samples = Float32Array.of(1, -2, 3);
  const same = await resample(samples, 16000, 16000);
  expect(same).toEqual(samples);
  expect(same).not.toBe(samples);
});

it('lengths are rounded up, down to a single sample', async () => {
  expect(await resample(Float32Array.of(1), 48000, 16000)).toHaveLength(1);
  expect(await resample(new Float32Array(0), 48000, 16000)).toHaveLength(0);
  expect(await resample(new Float32Array(44101), 44100, 16000)).toHaveLength(16001);
});

it('rates that are none are named', async () => {
  for (const rate of [0, -1, 0.5, Number.NaN, 1e9, '16000' as unknown as number]) {
    await expect(resample(new Float32Array(1), rate, 16000)).rejects.toThrow(`resample: from: expected a sampling rate, an integer from 1 to 768000, got ${rate}`); // biome-ignore format: one row
  }
});

it('tells how far it is, and stops', async () => {
  const controller = new AbortController();
  const seen: number[] = [];
  const options = {
    signal: controller.signal,
    onProgress: ({ done, of }: { done: number; of: number }) => {
      seen.push(done / of);
      if (seen.length === 2) controller.abort(new Error('enough'));
    },
  };
  await expect(resample(new Float32Array(200_000), 44100, 48000, options)).rejects.toThrow('enough');
  expect(seen).toHaveLength(2);
});
