import { encode as encodePng } from 'fast-png';
import jpeg from 'jpeg-js';
import { describe, expect, it } from 'vitest';
import { decodeImage } from './decode.js';
import { orientationOf, upright } from './orientation.js';

describe('decodeImage', () => {
  it.each([1, 2, 3, 4] as const)('reads PNGs of %i channels, byte for byte', (channels) => {
    const data = Uint8Array.from({ length: 5 * 3 * channels }, (_, i) => (i * 37) % 256);
    expect(decodeImage(encodePng({ data, width: 5, height: 3, channels }))).toEqual({ data, width: 5, height: 3 });
  });

  it('reads PNGs of 16 bits by their upper eight', () => {
    const data = Uint16Array.from([0, 256, 65535, 513]);
    expect([...decodeImage(encodePng({ data, width: 2, height: 2, channels: 1, depth: 16 })).data]).toEqual([0, 1, 255, 2]);
  });

  it('reads PNGs of one bit, made by Pillow', () => {
    const file = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAoAAAACAQAAAABJGnB9AAAADklEQVR4nGOY5MB0mAEABWwBmMyiCPsAAAAASUVORK5CYII=', 'base64');
    const image = decodeImage(file);
    const bits = [1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1];
    expect(image).toEqual({ data: Uint8Array.from(bits.flatMap((bit) => [255 * bit, 255 * bit, 255 * bit])), width: 10, height: 2 });
  });

  it('reads JPEGs as RGB', () => {
    const data = new Uint8Array(4 * 16 * 16).fill(255);
    for (let i = 0; i < 16 * 16; i++) data.set([200, 100, 50], i * 4);
    const image = decodeImage(jpeg.encode({ data, width: 16, height: 16 }, 95).data);
    expect(image.data.length).toBe(3 * 16 * 16);
    for (const [i, value] of image.data.entries()) expect(Math.abs(value - [200, 100, 50][i % 3]!)).toBeLessThan(6);
  });

  it.each([
    [new Uint8Array(), 'expected a PNG or a JPEG, got 0 bytes'],
    [Uint8Array.of(0x47, 0x49, 0x46, 0x38, 0x39), 'that begin with 47494638'],
    [Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a), ''],
    [Uint8Array.of(0xff, 0xd8, 0xff), ''],
  ])('refuses what is none, or not whole (%#)', (file, message) => {
    expect(() => decodeImage(file)).toThrow(message);
  });
});

describe('orientation', () => {
  /** A JPEG's beginning that tells of an orientation. */
  const withExif = (value: number, little: boolean) => {
    const tiff = new DataView(new ArrayBuffer(26));
    tiff.setUint16(0, little ? 0x4949 : 0x4d4d);
    tiff.setUint16(2, 42, little);
    tiff.setUint32(4, 8, little);
    tiff.setUint16(8, 1, little);
    tiff.setUint16(10, 0x0112, little);
    tiff.setUint16(12, 3, little);
    tiff.setUint32(14, 1, little);
    tiff.setUint16(18, value, little);
    const other = [0xff, 0xe0, 0, 4, 1, 2];
    return Uint8Array.from([
      0xff,
      0xd8,
      ...other,
      0xff,
      0xe1,
      0,
      34,
      0x45,
      0x78,
      0x69,
      0x66,
      0,
      0,
      ...new Uint8Array(tiff.buffer),
      0xff,
      0xda,
      0,
      2,
    ]);
  };

  it.each([1, 3, 6, 8])('%i is found in either byte order', (value) => {
    expect([orientationOf(withExif(value, true)), orientationOf(withExif(value, false))]).toEqual([value, value]);
  });

  it('is 1 where nothing tells, or nothing that can be', () => {
    expect(orientationOf(withExif(9, true))).toBe(1);
    expect(orientationOf(Uint8Array.of(0xff, 0xd8, 0xff, 0xda, 0, 2))).toBe(1);
    const whole = withExif(6, true);
    for (let n = 0; n < whole.length; n++) expect([1, 6]).toContain(orientationOf(whole.subarray(0, n)));
  });

  // What the camera saw as    1 2 3    lies in the file turned or mirrored.
  //                           4 5 6
  it.each([
    [1, 3, [1, 2, 3, 4, 5, 6]],
    [2, 3, [3, 2, 1, 6, 5, 4]],
    [3, 3, [6, 5, 4, 3, 2, 1]],
    [4, 3, [4, 5, 6, 1, 2, 3]],
    [5, 2, [1, 4, 2, 5, 3, 6]],
    [6, 2, [3, 6, 2, 5, 1, 4]],
    [7, 2, [6, 3, 5, 2, 4, 1]],
    [8, 2, [4, 1, 5, 2, 6, 3]],
  ])('%i is set upright', (orientation, width, stored) => {
    const made = upright({ data: Uint8Array.from(stored), width, height: 6 / width }, orientation);
    expect(made).toEqual({ data: Uint8Array.of(1, 2, 3, 4, 5, 6), width: 3, height: 2 });
  });
});
