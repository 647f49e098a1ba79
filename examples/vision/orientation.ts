import type { ImagePixels } from '@multihead/transformer/vision';

/* Which way up a camera was held: a number from 1 to 8 in the EXIF data of a JPEG. Decoders leave it to who calls them. */

const exif = 0xe1;
const startOfScan = 0xda;

/** The orientation that a JPEG tells of; 1, which is upright, where it tells of none that can be read. */
export function orientationOf(file: Uint8Array): number {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  for (let at = 2; at + 4 <= file.length && file[at] === 0xff && file[at + 1] !== startOfScan; at += 2 + view.getUint16(at + 2)) {
    const isExif = file[at + 1] === exif && at + 10 <= file.length && view.getUint32(at + 4) === 0x45786966; // 'Exif'
    if (isExif)
      return fromTiff(new DataView(file.buffer, file.byteOffset + at + 10, Math.min(view.getUint16(at + 2) - 8, file.length - at - 10)));
  }
  return 1;
}

/** The tag 0x0112 of the first directory. */
function fromTiff(view: DataView): number {
  if (view.byteLength < 8) return 1;
  const little = view.getUint16(0) === 0x4949;
  const start = view.getUint32(4, little);
  if (start + 2 > view.byteLength) return 1;
  for (let i = 0; i < view.getUint16(start, little); i++) {
    const entry = start + 2 + 12 * i;
    if (entry + 12 > view.byteLength) return 1;
    if (view.getUint16(entry, little) !== 0x0112) continue;
    const found = view.getUint16(entry + 8, little);
    return found >= 1 && found <= 8 ? found : 1;
  }
  return 1;
}

/** Where in the source the pixel (x, y) of the upright image is: `w` and `h` are the source's last column and row. */
const sources: Readonly<Record<number, (x: number, y: number, w: number, h: number) => readonly [number, number]>> = {
  2: (x, y, w) => [w - x, y],
  3: (x, y, w, h) => [w - x, h - y],
  4: (x, y, _, h) => [x, h - y],
  5: (x, y) => [y, x],
  6: (x, y, _, h) => [y, h - x],
  7: (x, y, w, h) => [w - y, h - x],
  8: (x, y, w) => [w - y, x],
};

/** The image turned and mirrored so that it stands upright. */
export function upright(image: ImagePixels, orientation: number): ImagePixels {
  const from = sources[orientation];
  if (!from) return image;
  const [width, height] = orientation >= 5 ? [image.height, image.width] : [image.width, image.height];
  const channels = image.data.length / (width * height);
  const data = new Uint8Array(image.data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [column, row] = from(x, y, image.width - 1, image.height - 1);
      const at = (row * image.width + column) * channels;
      for (let c = 0; c < channels; c++) data[(y * width + x) * channels + c] = image.data[at + c]!;
    }
  }
  return { data, width, height };
}
