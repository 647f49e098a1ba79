import type { ImagePixels } from '@multihead/transformer/vision';
import { convertIndexedToRgb, decode as decodePng, hasPngSignature } from 'fast-png';
import jpeg from 'jpeg-js';
import { orientationOf, upright } from './orientation.js';

/*
 * Files of pictures as pixels, in Node: PNG by fast-png, JPEG by jpeg-js. In a browser none of this is needed: createImageBitmap decodes, and the
 * ImageData of a canvas is what @multihead/transformer/vision takes.
 */

/** A picture as bytes of one to four channels, upright whatever its EXIF data say of the camera. Throws an Error for another format. */
export function decodeImage(file: Uint8Array): ImagePixels {
  if (hasPngSignature(file)) return fromPng(file);
  if (file[0] === 0xff && file[1] === 0xd8) {
    const { data, width, height } = jpeg.decode(file, { useTArray: true, formatAsRGBA: false, maxMemoryUsageInMB: 1024 });
    return upright({ data, width, height }, orientationOf(file));
  }
  throw new Error(
    `decodeImage: expected a PNG or a JPEG, got ${file.length} bytes that begin with ${Buffer.from(file.subarray(0, 4)).toString('hex')}`,
  );
}

function fromPng(file: Uint8Array): ImagePixels {
  const png = decodePng(file, { checkCrc: true });
  const { width, height, depth } = png;
  if (png.palette) return { data: convertIndexedToRgb(png), width, height };
  if (depth === 16) return { data: Uint8Array.from(png.data, (x) => x >> 8), width, height };
  if (depth < 8) {
    // Greys of 1, 2 or 4 bits are packed as indices are, and these are their colours.
    const greys = Array.from({ length: 2 ** depth }, (_, i) => Array<number>(3).fill(Math.round((255 * i) / (2 ** depth - 1))));
    return { data: convertIndexedToRgb({ ...png, palette: greys as NonNullable<typeof png.palette> }), width, height };
  }
  return { data: png.data as Uint8Array, width, height };
}
