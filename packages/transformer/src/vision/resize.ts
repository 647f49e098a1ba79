import { ValueError } from '@multihead/tensor';
import { filters, precisionBits, type Resampling, resamplings, type Weights, weightsOf } from './filters.js';
import { type ByteImage, type Channels, type CheckedImage, channelsOf, checkSize, clamped, type ImagePixels } from './image.js';

export interface ResizeOptions {
  width: number;
  height: number;
  /** `bilinear` if left out. */
  resample?: Resampling;
}

/**
 * The image in another size, byte for byte as Pillow's `Image.resize` gives it: out[y, x] = Σ wʸ Σ wˣ in, first along rows, then along columns, rounded
 * after each, by filters that stretch when the image shrinks. Alpha is multiplied in before and taken out after, but for `nearest`.
 * Takes bytes of 1 to 4 channels, and gives as many.
 *
 * @throws ValueError for data of another length than the size tells, for floats, sizes that are no integers from 1, or more than 2²⁶ pixels.
 * @example
 * const small = resize({ data: new Uint8Array(4 * 4 * 3), width: 4, height: 4 }, { width: 2, height: 3, resample: 'bicubic' });
 * small.data.length; // 18
 * @see https://github.com/python-pillow/Pillow/blob/main/src/libImaging/Resample.c
 */
export function resize(image: ImagePixels, { width, height, resample = 'bilinear' }: ResizeOptions): ByteImage {
  const channels = channelsOf('resize', 'image', image);
  if (image.data instanceof Float32Array) throw new ValueError('resize: image.data: expected bytes, got a Float32Array');
  checkSize('resize', 'options', { width, height });
  checkSize('resize', 'options', { width, height: image.height }); // what lies between the two passes
  if (!resamplings.includes(resample)) {
    throw new ValueError(`resize: resample: expected ${resamplings.join(', ')}, got ${JSON.stringify(resample)}`);
  }
  return resized({ data: clamped(image.data), width: image.width, height: image.height, channels }, width, height, resample);
}

/** The same for an image that has been checked. */
export function resized(image: CheckedImage, width: number, height: number, resample: Resampling): ByteImage {
  if (image.width === width && image.height === height) return { ...image, data: new Uint8ClampedArray(image.data) };
  if (resample === 'nearest') return nearest(image, width, height);
  const filter = filters[resample];
  const alpha = image.channels % 2 === 0;
  let made: CheckedImage = alpha ? premultiplied(image) : image;
  if (width !== made.width) made = alongRows(made, weightsOf(made.width, width, filter));
  if (height !== made.height) made = alongColumns(made, weightsOf(made.height, height, filter));
  return alpha ? straight(made) : (made as ByteImage); // one of the passes has made it
}

/** Where each pixel of the result lies in the source. Steps are added up, as Pillow does: their rounding errors decide some pixels. */
function places(from: number, to: number): Int32Array {
  const step = from / to;
  let at = step * 0.5;
  return Int32Array.from({ length: to }, () => {
    const place = Math.trunc(at);
    at += step;
    return place;
  });
}

function nearest({ data, channels, ...from }: CheckedImage, width: number, height: number): ByteImage {
  const [columns, rows] = [places(from.width, width), places(from.height, height)];
  const made = new Uint8ClampedArray(width * height * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (rows[y]! * from.width + columns[x]!) * channels;
      for (let c = 0; c < channels; c++) made[(y * width + x) * channels + c] = data[at + c]!;
    }
  }
  return { data: made, width, height, channels };
}

const half = 1 << (precisionBits - 1);

function alongRows({ data, width: from, height, channels }: CheckedImage, { starts, counts, values, size }: Weights): ByteImage {
  const width = starts.length;
  const made = new Uint8ClampedArray(width * height * channels);
  for (let y = 0; y < height; y++) {
    const row = y * from;
    for (let x = 0; x < width; x++) {
      const [first, count, weights] = [row + starts[x]!, counts[x]!, x * size];
      for (let c = 0; c < channels; c++) {
        let sum = half;
        for (let j = 0; j < count; j++) sum += Math.imul(data[(first + j) * channels + c]!, values[weights + j]!);
        made[(y * width + x) * channels + c] = sum >> precisionBits;
      }
    }
  }
  return { data: made, width, height, channels };
}

function alongColumns({ data, width, channels }: CheckedImage, { starts, counts, values, size }: Weights): ByteImage {
  const height = starts.length;
  const stride = width * channels;
  const made = new Uint8ClampedArray(height * stride);
  const sums = new Int32Array(stride);
  for (let y = 0; y < height; y++) {
    sums.fill(half);
    for (let j = 0; j < counts[y]!; j++) {
      const [row, weight] = [(starts[y]! + j) * stride, values[y * size + j]!];
      for (let x = 0; x < stride; x++) sums[x]! += Math.imul(data[row + x]!, weight);
    }
    for (let x = 0; x < stride; x++) made[y * stride + x] = sums[x]! >> precisionBits;
  }
  return { data: made, width, height, channels };
}

/** Colours times alpha, so that what cannot be seen does not shine through. */
function premultiplied({ data, channels, ...size }: CheckedImage): ByteImage {
  return { ...size, channels, data: perColour(data, channels, (colour, alpha) => {
    const product = colour * alpha + 128;
    return ((product >> 8) + product) >> 8; // product / 255, rounded
  }) }; // biome-ignore format: one expression
}

function straight({ data, channels, ...size }: CheckedImage): ByteImage {
  const divide = (colour: number, alpha: number) => (alpha === 0 || alpha === 255 ? colour : Math.floor((255 * colour) / alpha));
  return { ...size, channels, data: perColour(data, channels, divide) };
}

function perColour(
  data: Uint8ClampedArray,
  channels: Channels,
  change: (colour: number, alpha: number) => number,
): Uint8ClampedArray<ArrayBuffer> {
  const made = new Uint8ClampedArray(data);
  for (let i = channels - 1; i < data.length; i += channels) {
    for (let c = 1; c < channels; c++) made[i - c] = change(data[i - c]!, data[i]!);
  }
  return made;
}
