import { liveTensors, ShapeError, ValueError } from '@multihead/tensor';
import { ConfigError } from '@multihead/transformer/load';
import { extractFeatures, logMel, readFeatureExtractorConfig } from '@multihead/transformer/speech';
import { describe, expect, it } from 'vitest';

/** The definition, in float64: windows, sums of cosines, triangles, logarithms. */
function defined(samples: Float32Array, { bands, n, hop, rate }: { bands: number; n: number; hop: number; rate: number }): number[] {
  const half = Math.floor(n / 2);
  const mirrored = (at: number) => samples[at < 0 ? -at : at >= samples.length ? 2 * (samples.length - 1) - at : at]!;
  const mel = (f: number) => (f < 1000 ? (3 * f) / 200 : 15 + (27 * Math.log(f / 1000)) / Math.log(6.4));
  const hertz = (m: number) => (m < 15 ? (200 * m) / 3 : 1000 * 6.4 ** ((m - 15) / 27));
  const edge = (i: number) => hertz((mel(8000) * i) / (bands + 1));
  const rows = Array.from({ length: bands }, () => [] as number[]);
  for (let frame = 0; frame < Math.floor((samples.length + 2 * half - n) / hop); frame++) {
    const windowed = Array.from({ length: n }, (_, i) => mirrored(frame * hop - half + i) * Math.sin((Math.PI * i) / n) ** 2);
    const power = Array.from({ length: half + 1 }, (_, k) => {
      const at = (part: (x: number) => number) => windowed.reduce((sum, x, i) => sum + x * part((2 * Math.PI * k * i) / n), 0);
      return at(Math.cos) ** 2 + at(Math.sin) ** 2;
    });
    for (const [band, row] of rows.entries()) {
      const [low, middle, high] = [edge(band), edge(band + 1), edge(band + 2)];
      const sum = power.reduce((total, p, k) => {
        const f = (Math.floor(rate / 2) * k) / half;
        return total + p * Math.max(0, Math.min((f - low) / (middle - low), (high - f) / (high - middle))) * (2 / (high - low));
      }, 0);
      row.push(Math.log10(Math.max(sum, 1e-10)));
    }
  }
  const flat = rows.flat();
  const top = Math.max(...flat);
  return flat.map((x) => (Math.max(x, top - 8) + 4) / 4);
}

const sound = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(0.1 * i + 2e-5 * i * i) * 0.5 + (((i * 7919) % 101) / 101 - 0.5) * 0.01); // biome-ignore format: one row

describe('logMel', () => {
  it.each([
    { bands: 80, n: 400, hop: 160, rate: 16000, length: 2000 },
    { bands: 128, n: 400, hop: 160, rate: 16000, length: 1111 },
    { bands: 40, n: 256, hop: 100, rate: 16000, length: 900 },
    { bands: 20, n: 210, hop: 80, rate: 22050, length: 500 }, // 2 · 3 · 5 · 7
    { bands: 8, n: 134, hop: 50, rate: 8000, length: 300 }, // 2 · 67
    { bands: 8, n: 97, hop: 40, rate: 16000, length: 200 }, // a prime
  ])('$n samples a window, $bands bands, is its definition', ({ length, ...sizes }) => {
    const samples = sound(length);
    const found = logMel(samples, { feature_size: sizes.bands, n_fft: sizes.n, hop_length: sizes.hop, sampling_rate: sizes.rate });
    const wanted = defined(samples, sizes);
    expect(found.frames * found.bands).toBe(wanted.length);
    // Half a step of float32 at 1.
    for (const [i, x] of found.data.entries()) expect(Math.abs(x - wanted[i]!)).toBeLessThan(2e-7);
  });

  it('silence is one number, the lowest', () => {
    const { data } = logMel(new Float32Array(1600));
    expect(new Set(data)).toEqual(new Set([-1.5]));
  });

  it('refuses what is no sound', () => {
    expect(() => logMel([0, 1] as unknown as Float32Array)).toThrow(
      'logMel: samples: expected a Float32Array, got an object of the class Array',
    );
    expect(() => logMel(new Float64Array(500) as unknown as Float32Array)).toThrow('got an object of the class Float64Array');
    expect(() => logMel(new Float32Array(0))).toThrow('expected at least one, got none');
    expect(() => logMel(Float32Array.of(0, 1, Number.NaN))).toThrow('expected finite numbers, got NaN at 2 of 3');
    expect(() => logMel(new Float32Array(200))).toThrow(ShapeError);
  });
});

const config = readFeatureExtractorConfig({ feature_size: 8, chunk_length: 1, return_attention_mask: true });
const dataOf = async (sounds: Parameters<typeof extractFeatures>[0], over = {}, options = {}) => {
  const { input_features: x, attention_mask: mask } = await extractFeatures(sounds, { ...config, ...over }, options);
  const found = { shape: x.shape, data: Float32Array.from(await x.data()), seen: mask && Array.from(await mask.data()) };
  x.dispose();
  mask?.dispose();
  return found;
};

describe('extractFeatures', () => {
  it('fills up with padding_value, and cuts off', async () => {
    const samples = sound(4000);
    const whole = new Float32Array(16000);
    whole.set(samples);
    const found = await dataOf(samples);
    expect(found.shape).toEqual([1, 8, 100]);
    expect(found.data).toEqual(logMel(whole, { feature_size: 8 }).data);
    expect(found.seen).toEqual(Array.from({ length: 100 }, (_, t) => (t < 25 ? 1 : 0)));
    expect((await dataOf(samples, { padding_value: 0.5 })).data).toEqual(logMel(whole.map((x, i) => (i < 4000 ? x : 0.5)), { feature_size: 8 }).data); // biome-ignore format: one row
    expect((await dataOf(sound(20000))).data).toEqual(logMel(sound(16000), { feature_size: 8 }).data);
    expect(liveTensors()).toBe(0);
  });

  it('a batch: to the longest, to a multiple, to a length', async () => {
    const two = [sound(4000), sound(2500)];
    const longest = await dataOf(two, {}, { padding: 'longest' });
    expect(longest.shape).toEqual([2, 8, 25]);
    expect(longest.data.subarray(0, 200)).toEqual(logMel(two[0]!, { feature_size: 8 }).data);
    expect(longest.seen!.slice(25)).toEqual(Array.from({ length: 25 }, (_, t) => (t < 16 ? 1 : 0)));
    // 4,000 samples become 4,096, and a mask has as many places as there are frames.
    expect((await dataOf(two, {}, { padding: 'longest', pad_to_multiple_of: 1024 })).shape).toEqual([2, 8, 25]);
    expect((await dataOf(two, {}, { max_length: 3000 })).shape).toEqual([2, 8, 18]);
    expect((await dataOf(sound(20000), {}, { padding: 'longest', truncation: false })).shape).toEqual([1, 8, 125]);
    expect((await dataOf([sound(320), sound(320)], {}, { padding: false })).shape).toEqual([2, 8, 2]);
    await expect(dataOf(two, {}, { padding: false })).rejects.toThrow(
      'expected one length after padding and truncation, got 4000 and 2500',
    );
    expect((await dataOf(sound(20000), {}, { truncation: false })).shape).toEqual([1, 8, 125]); // longer than max_length stays so
    await expect(dataOf([])).rejects.toThrow(ValueError);
    await expect(dataOf(two, {}, { max_length: 0.5 })).rejects.toThrow('max_length: expected an integer above 0, got 0.5');
  });

  it('do_normalize gives what is heard mean 0 and variance 1, and padding stays padding', async () => {
    const samples = sound(4000).map((x) => 3 * x + 1);
    const mean = samples.reduce((sum, x) => sum + x, 0) / 4000;
    const deviation = Math.sqrt(samples.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 4000 + 1e-7);
    const normed = Float32Array.from({ length: 16000 }, (_, i) => (i < 4000 ? (samples[i]! - mean) / deviation : 0));
    const wanted = logMel(normed, { feature_size: 8 }).data;
    const found = await dataOf(samples, { do_normalize: true });
    for (const [i, x] of found.data.entries()) expect(x).toBeCloseTo(wanted[i]!, 5);
  });

  it('a sound at another rate is resampled', async () => {
    const tone = (rate: number) => Float32Array.from({ length: rate / 2 }, (_, i) => Math.sin((2 * Math.PI * 1000 * i) / rate));
    const [a, b] = [await dataOf(tone(16000)), await dataOf({ samples: tone(44100), sampleRate: 44100 })];
    const loud = (data: Float32Array) => Array.from({ length: 8 }, (_, band) => data[band * 100 + 20]!);
    for (const [band, x] of loud(a.data).entries()) expect(Math.abs(x - loud(b.data)[band]!)).toBeLessThan(x > 0.5 ? 1e-4 : 0.8);
    await expect(dataOf({ samples: tone(16000), sampleRate: 0.5 })).rejects.toThrow('sampleRate: expected an integer above 0, got 0.5');
    await expect(dataOf({ samples: tone(16000), sampleRate: '16000' as unknown as number })).rejects.toThrow('got "16000"');
  });

  it('stops when it is told to', async () => {
    await expect(dataOf(sound(4000), {}, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
  });
});

describe('readFeatureExtractorConfig', () => {
  it('takes what transformers writes, 4 and 5', () => {
    const old = { chunk_length: 30, feature_extractor_type: 'WhisperFeatureExtractor', feature_size: 80, hop_length: 160, mel_filters: [[0]], n_fft: 400, n_samples: 480000, nb_max_frames: 3000, padding_side: 'right', padding_value: 0.0, processor_class: 'WhisperProcessor', return_attention_mask: false, sampling_rate: 16000 }; // biome-ignore format: a file
    expect(readFeatureExtractorConfig(old)).toEqual(readFeatureExtractorConfig({}));
    const { mel_filters: _, ...rest } = { ...old, feature_size: 128, dither: 0.0 };
    expect(readFeatureExtractorConfig({ feature_extractor: rest, processor_class: 'WhisperProcessor' }).feature_size).toBe(128);
  });

  it('names every key that it cannot take', () => {
    const wrong = () => readFeatureExtractorConfig({ feature_size: 0, n_fft: '400', dither: 0.1, padding_side: 'left', fmin: 20 });
    expect(wrong).toThrow(ConfigError);
    for (const key of ['feature_size', 'n_fft', 'dither', 'padding_side', 'fmin']) expect(wrong).toThrow(new RegExp(`^  ${key}: `, 'm'));
    expect(() => readFeatureExtractorConfig(null)).toThrow('preprocessor_config.json: expected an object, got null');
  });
});
