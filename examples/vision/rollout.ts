import { scope } from '@multihead/tensor';
import { attentionRollout, inspect } from '@multihead/transformer/inspect';
import { type ImagePixels, type ImageProcessor, preprocess, resize } from '@multihead/transformer/vision';
import type { ViTForImageClassification } from '@multihead/transformer/vit';

/* What the class vector looked at, through all layers, and pictures of it. */

/** How much of each patch has come to the class vector, row by row; together less than 1, since part of it is its own. */
export async function rollout(model: ViTForImageClassification, processor: ImageProcessor, image: ImagePixels): Promise<Float32Array> {
  using _ = scope();
  const look = inspect(model, preprocess([image], processor), { attention: true });
  const rolled = attentionRollout(look); // [1, T, T]
  return Float32Array.from(await rolled.data()).slice(1, rolled.shape[2]); // of the class vector, without itself
}

/** How much of `flow` comes from a square of the image: patches count by how much of them lies in it. */
export function shareWithin(flow: ArrayLike<number>, side: number, { x, y, size }: { x: number; y: number; size: number }): number {
  const across = Math.sqrt(flow.length);
  const patch = side / across;
  const overlap = (from: number, at: number) => Math.max(0, Math.min(from + size, at + patch) - Math.max(from, at)) / patch;
  let [within, all] = [0, 0];
  for (let i = 0; i < flow.length; i++) {
    all += flow[i]!;
    within += flow[i]! * overlap(x, (i % across) * patch) * overlap(y, Math.floor(i / across) * patch);
  }
  return within / all;
}

/** The image, and under it the same as bright as it was looked at: RGB, `scale` times as large. */
export function drawn(image: ImagePixels, flow: ArrayLike<number>, scale: number): ImagePixels {
  const [width, height] = [image.width * scale, image.height * scale];
  const shown = resize(image, { width, height, resample: 'nearest' });
  const most = Math.max(...Array.from(flow));
  const across = Math.sqrt(flow.length);
  const bytes = Uint8Array.from(flow, (share) => Math.round((255 * share) / most));
  const light = resize({ data: bytes, width: across, height: across }, { width, height, resample: 'bicubic' }).data;
  const data = new Uint8Array(2 * height * width * 3);
  const channels = shown.channels;
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) {
      const pixel = shown.data[i * channels + (channels < 3 ? 0 : c)]!;
      data[i * 3 + c] = pixel;
      // What was looked at glows in amber, on a picture that is dark elsewhere.
      data[(width * height + i) * 3 + c] = Math.min(255, pixel * (0.2 + 0.8 * (light[i]! / 255)) + light[i]! * [0.75, 0.4, 0][c]!);
    }
  }
  return { data, width, height: 2 * height };
}

/** RGB images of one size beside one another, with a gap between. */
export function beside(images: readonly ImagePixels[], gap: number): ImagePixels {
  const [{ width, height }] = images as [ImagePixels];
  const whole = images.length * (width + gap) - gap;
  const data = new Uint8Array(whole * height * 3).fill(255);
  for (const [i, image] of images.entries()) {
    for (let y = 0; y < height; y++) data.set(image.data.subarray(y * width * 3, (y + 1) * width * 3), (y * whole + i * (width + gap)) * 3);
  }
  return { data, width: whole, height };
}
