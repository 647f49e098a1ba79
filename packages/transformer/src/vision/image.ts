import { ValueError } from '@multihead/tensor';

/*
 * Images as they come out of any decoder: pixels row by row, channels last. An ImageData of a canvas is one, and so is what PNG and JPEG decoders
 * for Node give. How many channels there are follows from the length.
 */

/** Pixels row by row, channels last: grey, grey and alpha, RGB, or RGBA, as many as the length of `data` tells. */
export interface ImagePixels {
  /** Bytes; or floats, from 0 to 1, or whole numbers from 0 to 255. */
  readonly data: Uint8Array | Uint8ClampedArray | Float32Array;
  readonly width: number;
  readonly height: number;
}

export type Channels = 1 | 2 | 3 | 4;

/** An image of bytes as `resize` makes it: an ImageData takes its data, if there are four channels. */
export interface ByteImage {
  data: Uint8ClampedArray<ArrayBuffer>;
  width: number;
  height: number;
  channels: Channels;
}

/** Bytes that belong together with what is told of them. */
export type CheckedImage = Omit<ByteImage, 'data'> & { data: Uint8ClampedArray };

/** No picture that a model is shown has more, and what has would be allocated. */
export const mostPixels = 2 ** 26;

/** The channels of an image. Throws a ValueError for one whose sizes and data do not belong together. */
export function channelsOf(op: string, name: string, image: ImagePixels): Channels {
  const { data, width, height } = (image ?? {}) as ImagePixels;
  const isKnown = data instanceof Uint8Array || data instanceof Uint8ClampedArray || data instanceof Float32Array;
  if (!isKnown) {
    const got = (data as object | undefined)?.constructor?.name ?? String(data);
    throw new ValueError(`${op}: ${name}.data: expected a Uint8Array, a Uint8ClampedArray or a Float32Array, got ${got}`);
  }
  checkSize(op, name, { width, height });
  const channels = data.length / (width * height);
  if (![1, 2, 3, 4].includes(channels)) {
    throw new ValueError(`${op}: ${name}.data: expected 1 to 4 values for each of ${width} × ${height} pixels, got ${data.length} values`);
  }
  return channels as Channels;
}

/** Throws a ValueError for sides that are no image's. */
export function checkSize(op: string, name: string, { width, height }: { width: number; height: number }): void {
  for (const [side, length] of Object.entries({ width, height })) {
    if (!Number.isInteger(length) || length < 1) {
      throw new ValueError(`${op}: ${name}.${side}: expected an integer from 1, got ${String(length)}`);
    }
  }
  if (width * height > mostPixels) {
    throw new ValueError(`${op}: ${name}: expected at most ${mostPixels} pixels, got ${width} × ${height}`);
  }
}

/**
 * The image with one or three channels, as Pillow's `convert('L')` and `convert('RGB')` have it: alpha is left out, not blended with anything,
 * grey is repeated, and the grey of a colour is (19595 R + 38470 G + 7471 B) / 65536, rounded.
 */
export function withChannels<T extends Uint8ClampedArray | Float32Array>(data: T, from: Channels, to: 1 | 3): T {
  if (from === to) return data;
  const pixels = data.length / from;
  const made = new (data.constructor as new (length: number) => T)(pixels * to);
  const colours = from >= 3;
  const round = data instanceof Float32Array ? (x: number) => x : Math.floor;
  const bias = data instanceof Float32Array ? 0 : 0x8000;
  for (let i = 0; i < pixels; i++) {
    const at = i * from;
    if (to === 3) {
      for (let c = 0; c < 3; c++) made[i * 3 + c] = data[colours ? at + c : at]!;
    } else {
      made[i] = colours ? round((19595 * data[at]! + 38470 * data[at + 1]! + 7471 * data[at + 2]! + bias) / 65536) : data[at]!;
    }
  }
  return made;
}

/** The bytes of `data`, not copied where they are there. */
export function clamped(data: Uint8Array | Uint8ClampedArray): Uint8ClampedArray {
  return data instanceof Uint8ClampedArray ? data : new Uint8ClampedArray(data.buffer, data.byteOffset, data.byteLength);
}
