import { type Backend, type Tensor, tensor, ValueError } from '@multihead/tensor';
import { resamplings } from './filters.js';
import { type Channels, channelsOf, clamped, type ImagePixels, mostPixels, withChannels } from './image.js';
import type { HeightWidth, ImageProcessor } from './processor.js';
import { resized } from './resize.js';

/* Images as a model wants them: of one size, cropped, scaled, normalised, channels first. */

export interface PreprocessOptions {
  /** Where the pixels go; the default backend if left out. A model takes those that are on its own. */
  backend?: Backend;
}

/** An image on its way: bytes, or floats. */
type Stage = { data: Uint8ClampedArray | Float32Array; width: number; height: number; channels: 1 | 3 };

/**
 * Images as float32 pixels [B, C, H, W] for a model: made RGB, resized, cropped at the middle, x · rescale_factor, (x - image_mean) / image_std, as
 * the processor says. C is the length of image_mean, 3 or 1. The bits are those of transformers' processors on Pillow and NumPy.
 *
 * @throws ValueError for no image at all, data of another length than the sizes tell, values that are no pixels, floats from 0 to 1 that would be
 * scaled once more, images that come out in different sizes, or more than 2²⁶ pixels.
 * @example
 * const sizes = readImageProcessor({ image_processor_type: 'ViTImageProcessor', size: 32 });
 * const photo = { data: new Uint8ClampedArray(4 * 60 * 40), width: 60, height: 40 }; // or an ImageData
 * preprocess([photo], sizes).shape; // [1, 3, 32, 32]
 */
export function preprocess(images: readonly ImagePixels[], processor: ImageProcessor, { backend }: PreprocessOptions = {}): Tensor {
  if (!Array.isArray(images) || images.length === 0) {
    throw new ValueError(`preprocess: images: expected a list of at least one, got ${Array.isArray(images) ? 'none' : typeof images}`);
  }
  let made: { pixels: Float32Array; height: number; width: number } | undefined;
  const channels = processor.image_mean.length as 1 | 3;
  for (const [i, image] of images.entries()) {
    const name = `images[${i}]`;
    const { data, width, height } = shaped(name, stageOf(name, image, channels, processor), processor);
    made ??= { pixels: new Float32Array(images.length * channels * height * width), height, width };
    if (made.height !== height || made.width !== width) {
      throw new ValueError(
        `preprocess: ${name}: expected ${made.height} × ${made.width} pixels like images[0], got ${height} × ${width}; do_center_crop or a size of height and width makes them one size`,
      );
    }
    write(made.pixels.subarray(i * channels * height * width), data, processor);
  }
  const { pixels, height, width } = made!;
  return tensor(pixels, { shape: [images.length, channels, height, width], backend }); // [B, C, H, W]
}

/** The image checked, with as many channels as the model has. */
function stageOf(name: string, image: ImagePixels, channels: 1 | 3, { do_rescale }: ImageProcessor): Stage {
  const from: Channels = channelsOf('preprocess', name, image);
  const { width, height } = image;
  if (!(image.data instanceof Float32Array)) return { data: withChannels(clamped(image.data), from, channels), width, height, channels };
  const data = withChannels(image.data, from, channels);
  const [least, greatest] = [data.reduce((a, b) => Math.min(a, b)), data.reduce((a, b) => Math.max(a, b))]; // NaN where there is one
  if (!(least >= 0 && greatest <= 255)) {
    throw new ValueError(
      `preprocess: ${name}.data: expected floats from 0 to 1 or whole numbers from 0 to 255, got ${least} to ${greatest}`,
    );
  }
  if (do_rescale && greatest <= 1 && greatest > 0) {
    throw new ValueError(
      `preprocess: ${name}.data: floats from 0 to 1 would be multiplied by rescale_factor once more; give { ...processor, do_rescale: false }, or bytes`,
    );
  }
  return { data, width, height, channels };
}

/** Resized and cropped. */
function shaped(name: string, image: Stage, { do_resize, size, resample, do_center_crop, crop_size }: ImageProcessor): Stage {
  let made = image;
  if (do_resize) {
    const { height, width } = 'shortest_edge' in size ? shortestEdge(image, size.shortest_edge) : size;
    if (Math.max(height, image.height) * width > mostPixels) {
      throw new ValueError(
        `preprocess: ${name}: expected at most ${mostPixels} pixels, got ${height} × ${width} of ${image.height} × ${image.width}`,
      );
    }
    made = resizedStage(name, image, { height, width }, resample);
  }
  return do_center_crop ? centerCrop(made, crop_size) : made;
}

/** The shorter side as long as asked, the longer one rounded down. */
function shortestEdge({ height, width }: HeightWidth, edge: number): HeightWidth {
  const longer = Math.floor((edge * Math.max(height, width)) / Math.min(height, width));
  return width <= height ? { height: longer, width: edge } : { height: edge, width: longer };
}

/** Floats are resized as bytes, as transformers does it: those from 0 to 1 times 255, cut off, and divided again. */
function resizedStage(name: string, { data, ...image }: Stage, { height, width }: HeightWidth, resample: number): Stage {
  const filter = resamplings[resample]!;
  if (!(data instanceof Float32Array)) return resized({ ...image, data }, width, height, filter) as Stage;
  const whole = data.every((x) => Math.abs(x - Math.trunc(x)) <= 1e-8 + 1e-5 * Math.abs(Math.trunc(x)));
  if (!whole && data.some((x) => x > 1)) {
    throw new ValueError(`preprocess: ${name}.data: expected floats from 0 to 1 or whole numbers from 0 to 255, got fractions above 1`);
  }
  const bytes = Uint8ClampedArray.from(data, (x) => Math.trunc(whole ? x : Math.fround(x * 255)));
  const made = resized({ ...image, data: bytes }, width, height, filter);
  const back = whole ? made.data : Float32Array.from(made.data, (x) => x * (1 / 255));
  return { data: back, width, height, channels: image.channels };
}

/** The middle of the image; where it is smaller than that, black around it, the odd pixel above and to the left. */
function centerCrop({ data, ...image }: Stage, { height, width }: HeightWidth): Stage {
  const { channels } = image;
  const top = Math.floor((image.height - height) / 2);
  const left = Math.floor((image.width - width) / 2);
  const made =
    data instanceof Float32Array ? new Float32Array(height * width * channels) : new Uint8ClampedArray(height * width * channels);
  const [from, to] = [Math.max(left, 0), Math.min(left + width, image.width)];
  for (let y = 0; y < height; y++) {
    const row = y + top;
    if (row < 0 || row >= image.height) continue;
    const source = data.subarray((row * image.width + from) * channels, (row * image.width + to) * channels);
    made.set(source, (y * width + from - left) * channels);
  }
  return { data: made, height, width, channels };
}

/** Scaled and normalised in float32, channels first. */
function write(pixels: Float32Array, data: Uint8ClampedArray | Float32Array, processor: ImageProcessor): void {
  const { image_mean, image_std, do_rescale, rescale_factor, do_normalize } = processor;
  const channels = image_mean.length;
  const plane = data.length / channels;
  for (let c = 0; c < channels; c++) {
    const [mean, std] = [Math.fround(image_mean[c]!), Math.fround(image_std[c]!)];
    const normalized = (x: number) => {
      const scaled = do_rescale ? Math.fround(x * rescale_factor) : x;
      return do_normalize ? Math.fround(Math.fround(scaled - mean) / std) : scaled;
    };
    const table = data instanceof Float32Array ? null : Float32Array.from({ length: 256 }, (_, byte) => normalized(byte));
    for (let i = 0; i < plane; i++) {
      const x = data[i * channels + c]!;
      pixels[c * plane + i] = table ? table[x]! : normalized(x);
    }
  }
}
