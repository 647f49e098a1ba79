import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { AudioError, decodeAudio, decodeFlac, decodeWav, encodeWav } from '@multihead/transformer/audio';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const folder = new URL('./fixtures/audio/', import.meta.url);
/** Made by `flac` 1.5: every kind of subframe, every layout of two channels, unused bits, 8 to 32 bits. */
const flacs = readdirSync(folder).map((name) => [name, new Uint8Array(readFileSync(new URL(name, folder)))] as const);
const channelsOf = (flac: Uint8Array) => 1 + ((flac[20]! >> 1) & 7);
const bitsOf = (flac: Uint8Array) => 1 + (((flac[20]! & 1) << 4) | (flac[21]! >> 4));

/** Where the first frame is, behind all blocks of metadata. */
function framesOf(flac: Uint8Array): number {
  for (let at = 4; ; ) {
    const isLast = flac[at]! >= 128;
    at += 4 + (flac[at + 1]! << 16) + (flac[at + 2]! << 8) + flac[at + 3]!;
    if (isLast) return at;
  }
}

describe('decodeFlac', () => {
  it.each(flacs.filter(([, flac]) => bitsOf(flac) <= 24))('%s has the samples that its MD5 is of', (_, flac) => {
    const [channels, bits] = [channelsOf(flac), bitsOf(flac)];
    const each = Array.from({ length: channels }, (_, channel) => decodeFlac(flac, { channel }).samples);
    const width = Math.ceil(bits / 8);
    const raw = Buffer.alloc(each[0]!.length * channels * width);
    each.forEach((samples, c) => {
      for (const [i, x] of samples.entries()) raw.writeIntLE(Math.round(x * 2 ** (bits - 1)), (i * channels + c) * width, width);
    });
    expect(createHash('md5').update(raw).digest('hex')).toBe(Buffer.from(flac.subarray(26, 42)).toString('hex'));
  });

  it('32 bits, of which differences have 33', () => {
    const flac = flacs.find(([name]) => name === 'stereo-32.flac')![1];
    const left = decodeFlac(flac, { channel: 0 });
    const right = decodeFlac(flac, { channel: 1 }).samples;
    expect(left.sampleRate).toBe(8000);
    for (let i = 0; i < 400; i++) {
      expect(left.samples[i]).toBeCloseTo(0.9 * Math.sin(0.03 * i), 6);
      expect(right[i]).toBeCloseTo((i % 50 === 0 ? 1 : -1) * 0.9 * Math.sin(0.03 * i), 5);
    }
  });

  it('several channels become their mean', () => {
    const flac = flacs.find(([name]) => name === 'three-channels.flac')![1];
    const each = [0, 1, 2].map((channel) => decodeFlac(flac, { channel }).samples);
    const { samples } = decodeFlac(flac);
    for (const [i, x] of samples.entries()) expect(x).toBeCloseTo((each[0]![i]! + each[1]![i]! + each[2]![i]!) / 3, 6);
    expect(() => decodeFlac(flac, { channel: 3 })).toThrow('decodeFlac: channel: expected one from 0 to 2, got 3');
  });

  it.each(flacs)('%s, cut off anywhere, is an AudioError', (_, flac) => {
    for (let length = 0; length < flac.length; length += 7) expect(() => decodeFlac(flac.subarray(0, length))).toThrow(AudioError);
  });

  it.each(flacs)('%s, with any byte of a frame changed, is an AudioError', (_, flac) => {
    fc.assert(
      fc.property(fc.integer({ min: framesOf(flac), max: flac.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const damaged = Uint8Array.from(flac);
        damaged[at]! ^= change;
        expect(() => decodeFlac(damaged)).toThrow(AudioError);
      }),
      { numRuns: 150 },
    );
  });
});

/** A WAV file with these samples as they are written. */
function wav(code: number, bits: number, channels: number, data: Uint8Array, { extensible = false, size = data.length } = {}): Uint8Array {
  const format = Buffer.alloc(extensible ? 40 : 16);
  format.writeUInt16LE(extensible ? 0xfffe : code, 0);
  format.writeUInt16LE(channels, 2);
  format.writeUInt32LE(8000, 4);
  format.writeUInt32LE((8000 * channels * bits) / 8, 8);
  format.writeUInt16LE((channels * bits) / 8, 12);
  format.writeUInt16LE(bits, 14);
  if (extensible) {
    format.writeUInt16LE(22, 16);
    format.writeUInt16LE(code, 24);
  }
  const chunk = (tag: string, body: Uint8Array, length = body.length) => {
    const head = Buffer.alloc(8);
    head.write(tag);
    head.writeUInt32LE(length, 4);
    return Buffer.concat([head, body, Buffer.alloc(body.length % 2)]);
  };
  const body = Buffer.concat([Buffer.from('WAVE'), chunk('LIST', Buffer.from('odd')), chunk('fmt ', format), chunk('data', data, size)]);
  return new Uint8Array(Buffer.concat([chunk('RIFF', body)]));
}

const bytesOf = (numbers: ArrayBufferView) => new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
const int24 = (values: number[]) => Uint8Array.from(values.flatMap((x) => [x & 255, (x >> 8) & 255, (x >> 16) & 255]));

describe('decodeWav', () => {
  const cases: [string, Uint8Array, number[]][] = [
    ['8 bits', wav(1, 8, 1, Uint8Array.of(0, 128, 255)), [-1, 0, 127 / 128]],
    ['16 bits', wav(1, 16, 1, bytesOf(Int16Array.of(-32768, 1, 32767))), [-1, 2 ** -15, 32767 / 32768]],
    ['24 bits', wav(1, 24, 1, int24([-(2 ** 23), 3, 2 ** 23 - 1])), [-1, 3 * 2 ** -23, 1 - 2 ** -23]],
    ['32 bits', wav(1, 32, 1, bytesOf(Int32Array.of(-(2 ** 31), 2 ** 30))), [-1, 0.5]],
    ['floats', wav(3, 32, 1, bytesOf(Float32Array.of(-0.25, 1.5))), [-0.25, 1.5]],
    ['doubles', wav(3, 64, 1, bytesOf(Float64Array.of(-0.25, 0.125))), [-0.25, 0.125]],
    // The ends and the middle of the two laws, by the tables of G.711.
    ['the µ-law', wav(7, 8, 1, Uint8Array.of(0x00, 0x80, 0xff, 0x7f)), [-32124 / 32768, 32124 / 32768, 0, 0]],
    ['the A-law', wav(6, 8, 1, Uint8Array.of(0x2a, 0xaa, 0xd5, 0x55)), [-32256 / 32768, 32256 / 32768, 8 / 32768, -8 / 32768]],
    ['the extensible form', wav(1, 24, 1, int24([2 ** 22]), { extensible: true }), [0.5]],
    ['two channels', wav(1, 16, 2, bytesOf(Int16Array.of(16384, 0, -16384, -16384))), [0.25, -0.5]],
    ['a length of 0, as in a stream', wav(1, 16, 1, bytesOf(Int16Array.of(16384)), { size: 0 }), [0.5]],
    ['the largest length, as in a stream', wav(1, 16, 1, bytesOf(Int16Array.of(16384)), { size: 0xffffffff }), [0.5]],
  ];
  it.each(cases)('%s', (_, bytes, expected) => {
    const { samples, sampleRate } = decodeAudio(bytes);
    expect(sampleRate).toBe(8000);
    expect(Array.from(samples, (x) => x + 0)).toEqual(expected.map((x) => Math.fround(x) + 0)); // no -0
  });

  it('one channel of several', () => {
    const bytes = wav(1, 16, 2, bytesOf(Int16Array.of(16384, 0, -16384, 8192)));
    expect(Array.from(decodeWav(bytes, { channel: 1 }).samples)).toEqual([0, 0.25]);
  });

  it('what encodeWav writes comes back within a step of 16 bits', () => {
    const samples = Float32Array.of(0, 0.123456, -0.9, 1, -1, 2);
    const back = decodeWav(encodeWav({ samples, sampleRate: 11025 }));
    expect(back.sampleRate).toBe(11025);
    for (const [i, x] of back.samples.entries()) expect(Math.abs(x - Math.max(-1, Math.min(1, samples[i]!)))).toBeLessThan(2 ** -15 + 1e-9);
  });

  const good = wav(1, 16, 1, bytesOf(Int16Array.of(1, 2, 3, 4)));
  it.each([
    ['nothing', new Uint8Array(0), 'expected WAV or FLAC'],
    ['another file', new TextEncoder().encode('ID3 and so on, an MP3'), 'got "ID3 "'],
    ['RIFF of pictures', new TextEncoder().encode('RIFF0000WEBPVP8 '), 'begins with RIFF and WAVE'],
    ['a cut off file', good.subarray(0, good.length - 3), 'expected 8 bytes, got 5: the file is cut off'],
    ['no data', good.subarray(0, 48), 'expected a chunk "data", got none'],
    ['no samples', wav(1, 16, 1, new Uint8Array(1)), 'expected at least one sample'],
    ['an unknown format', wav(0x55, 16, 1, new Uint8Array(4)), 'got 16 bits of the format 85'],
    ['a wrong size of samples', wav(1, 12, 2, new Uint8Array(12)), 'got 12 bits'],
    ['samples that are no numbers', wav(3, 32, 1, bytesOf(Float32Array.of(0, Number.NaN))), 'expected finite samples, got NaN at 1'],
  ])('%s is refused', (_, bytes, message) => {
    expect(() => decodeAudio(bytes)).toThrow(AudioError);
    expect(() => decodeAudio(bytes)).toThrow(message);
  });

  it('any bytes are sound or an AudioError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(good.length), (noise, at) => {
        const bytes = Uint8Array.from([...good.subarray(0, at), ...noise]);
        try {
          decodeAudio(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(AudioError);
        }
      }),
    );
  });
});
