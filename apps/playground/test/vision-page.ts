// What vision.test.ts runs in a page: a PNG that the browser decodes, its ImageData through a ViT.
import { dispose, Rng } from '@multihead/tensor';
import { classifyImage, preprocess, readImageProcessor, resize } from '@multihead/transformer/vision';
import { readViTConfig, ViTForImageClassification } from '@multihead/transformer/vit';

export interface VisionReport {
  readonly source: number[];
  readonly resized: number[];
  /** Of the resized bytes as an ImageData again. */
  readonly shown: [number, number];
  readonly pixels: number[];
  readonly labels: { label: string; score: number }[];
}

/** The same everywhere: a model drawn from a seed, and what makes its pixels. */
export const processor = readImageProcessor({ image_processor_type: 'CLIPImageProcessor', size: 9, crop_size: 8 });
export const makeModel = () =>
  new ViTForImageClassification(
    readViTConfig({ image_size: 8, patch_size: 4, hidden_size: 16, intermediate_size: 24, num_hidden_layers: 2, num_attention_heads: 4 }),
    { rng: new Rng(3) },
  );

async function seeImage(png: readonly number[]): Promise<VisionReport> {
  const file = new Blob([Uint8Array.from(png)], { type: 'image/png' });
  // #region canvas
  const bitmap = await createImageBitmap(file); // a File, or the blob of a response; EXIF orientation is seen to
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d')!;
  canvas.drawImage(bitmap, 0, 0);
  const image = canvas.getImageData(0, 0, bitmap.width, bitmap.height);
  // #endregion canvas
  const small = resize(image, { width: 7, height: 5, resample: 'bicubic' });
  const shown = new ImageData(small.data, small.width, small.height);
  const model = makeModel();
  const pixels = preprocess([image], processor);
  const report: VisionReport = {
    source: [...image.data],
    resized: [...small.data],
    shown: [shown.width, shown.height],
    pixels: [...(await pixels.data())],
    labels: (await classifyImage(model, processor, [image]))[0]!,
  };
  pixels.dispose();
  dispose(model);
  return report;
}

Object.assign(globalThis, { seeImage });
