import { readFileSync } from 'node:fs';
import { cpu, liveTensors } from '@multihead/tensor';
import { ConfigError, files } from '@multihead/transformer/load';
import {
  type ImageProcessor,
  loadImageProcessor,
  preprocess,
  type Resampling,
  readImageProcessor,
  resize,
} from '@multihead/transformer/vision';
import { describe, expect, it, test } from 'vitest';

/* Bytes and pixels against Pillow's and NumPy's: fixtures/pillow.json says with which versions it was made. */

interface Golden {
  resize: { resample: Resampling; channels: number; width: number; height: number; to: [number, number]; data: string; out: string }[];
  preprocess: {
    name: string;
    processor: ImageProcessor;
    width: number;
    height: number;
    data?: string;
    floats?: string;
    shape: number[];
    out: string;
  }[];
}

const golden: Golden = JSON.parse(readFileSync(new URL('./fixtures/pillow.json', import.meta.url), 'utf8'));
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));
const floatsOf = (text: string) => new Float32Array(bytesOf(text).buffer);
const grey = (width: number, height: number, value = 7) => ({ data: new Uint8Array(width * height).fill(value), width, height });

describe('resize', () => {
  it.each(golden.resize.map((one, i) => ({ i, ...one })))(
    'gives Pillow’s bytes: $i, $resample, $channels channels',
    ({ to, resample, ...one }) => {
      const image = { data: bytesOf(one.data), width: one.width, height: one.height };
      const before = image.data.slice();
      const made = resize(image, { width: to[0], height: to[1], resample });
      expect(Array.from(made.data)).toEqual(Array.from(bytesOf(one.out)));
      expect([made.width, made.height, made.channels]).toEqual([...to, one.channels]);
      expect(image.data).toEqual(before);
    },
  );

  it('takes what a canvas gives, and gives what a canvas takes', () => {
    const made = resize({ data: new Uint8ClampedArray(4 * 6), width: 2, height: 3 }, { width: 1, height: 1 });
    expect(made.data).toBeInstanceOf(Uint8ClampedArray);
    expect(made.data.length).toBe(4);
  });

  it.each([
    [{ ...grey(2, 2), width: 3 }, {}, 'image.data: expected 1 to 4 values for each of 3 × 2 pixels, got 4 values'],
    [{ ...grey(2, 2), data: new Uint8Array(20) }, {}, 'got 20 values'],
    [{ ...grey(1, 1), width: 0 }, {}, 'image.width: expected an integer from 1, got 0'],
    [{ ...grey(1, 1), height: Number.NaN }, {}, 'image.height: expected an integer from 1, got NaN'],
    [{ ...grey(1, 1), width: 2 ** 20, height: 2 ** 20 }, {}, 'expected at most 67108864 pixels'],
    [{ ...grey(1, 1), data: [1] }, {}, 'image.data: expected a Uint8Array, a Uint8ClampedArray or a Float32Array, got Array'],
    [{ ...grey(1, 1), data: undefined }, {}, 'got undefined'],
    [{ ...grey(1, 1), data: new Float32Array(1) }, {}, 'expected bytes, got a Float32Array'],
    [{ ...grey(1, 1), data: new Uint16Array(1) }, {}, 'got Uint16Array'],
    [grey(1, 1), { width: 1e9 }, 'expected at most 67108864 pixels, got 1000000000 × 1'],
    [grey(1, 1), { width: -1 }, 'options.width: expected an integer from 1, got -1'],
    [grey(1, 1), { height: 1.5 }, 'options.height: expected an integer from 1, got 1.5'],
    [grey(1, 1), { resample: 'cubic' }, 'resample: expected nearest, lanczos, bilinear, bicubic, box, hamming, got "cubic"'],
  ])('refuses what is no image or no size (%#)', (image, options, message) => {
    expect(() => resize(image as never, { width: 1, height: 1, ...options } as never)).toThrow(message);
  });
});

describe('preprocess', () => {
  it.each(golden.preprocess)('gives the pixels of transformers’ PIL processors: $name', async ({ processor, width, height, ...one }) => {
    const data = one.floats ? floatsOf(one.floats) : bytesOf(one.data!);
    const pixels = preprocess([{ data, width, height }], readImageProcessor(processor));
    expect(pixels.shape).toEqual([1, ...one.shape]);
    expect(Array.from(await pixels.data())).toEqual(Array.from(floatsOf(one.out)));
    pixels.dispose();
  });

  it('makes a batch of images of all sizes, on the backend that it is told', async () => {
    const processor = readImageProcessor({ image_processor_type: 'CLIPImageProcessor', size: 6, crop_size: 6 });
    const images = [grey(20, 9, 10), { data: new Uint8ClampedArray(4 * 7 * 7).fill(200), width: 7, height: 7 }];
    const backend = cpu();
    const batch = preprocess(images, processor, { backend });
    expect(batch.shape).toEqual([2, 3, 6, 6]);
    expect(batch.backend).toBe(backend);
    const data = await batch.data();
    for (const [i, image] of images.entries()) {
      const alone = preprocess([image], processor);
      expect(await alone.data()).toEqual(data.slice(i * 108, (i + 1) * 108));
      alone.dispose();
    }
    batch.dispose();
  });

  const vit = readImageProcessor({ image_processor_type: 'ViTImageProcessor', size: 4 });
  const edge = readImageProcessor({ image_processor_type: 'CLIPImageProcessor', size: 4, do_center_crop: false });
  const floats = (...data: number[]) => ({ data: Float32Array.from(data), width: data.length, height: 1 });
  it.each([
    [[], vit, 'images: expected a list of at least one, got none'],
    [grey(2, 2), vit, 'images: expected a list of at least one, got object'],
    [[null], vit, 'images[0].data: expected a Uint8Array, a Uint8ClampedArray or a Float32Array, got undefined'],
    [[grey(2, 2), { ...grey(2, 2), width: 3 }], vit, 'images[1].data: expected 1 to 4 values for each of 3 × 2 pixels, got 4 values'],
    [[grey(4, 4), grey(8, 4)], edge, 'images[1]: expected 4 × 4 pixels like images[0], got 4 × 8'],
    [[floats(0.5, 1)], vit, 'floats from 0 to 1 would be multiplied by rescale_factor once more'],
    [[floats(0.5, Number.NaN)], vit, 'expected floats from 0 to 1 or whole numbers from 0 to 255, got NaN to NaN'],
    [[floats(0, -1)], vit, 'got -1 to 0'],
    [[floats(0, Number.POSITIVE_INFINITY)], vit, 'got 0 to Infinity'],
    [[floats(0.5, 100)], vit, 'got fractions above 1'],
    [[grey(1, 2 ** 24)], edge, 'expected at most 67108864 pixels, got 67108864 × 4'],
  ])('refuses what it cannot make pixels of (%#)', (images, processor, message) => {
    expect(() => preprocess(images as never, processor)).toThrow(message);
    expect(liveTensors()).toBe(0);
  });
});

describe('readImageProcessor', () => {
  const read = (json: object) => readImageProcessor({ image_processor_type: 'ViTImageProcessor', ...json });

  test('files of old and of new say the same', () => {
    const today = {
      image_processor_type: 'CLIPImageProcessorFast',
      crop_size: { height: 224, width: 224 },
      data_format: 'channels_first',
      default_to_square: false,
      device: null,
      do_convert_rgb: true,
      do_pad: null,
      do_rescale: true,
      image_mean: [0.48145466, 0.4578275, 0.40821073],
      input_data_format: null,
      resample: 3,
      rescale_factor: 0.00392156862745098,
      size: { shortest_edge: 224 },
    };
    const old = { feature_extractor_type: 'CLIPFeatureExtractor', crop_size: 224, do_center_crop: true, size: 224, resample: 3 };
    expect(readImageProcessor(today)).toEqual(readImageProcessor(old));
    expect(readImageProcessor({ image_processor: today, processor_class: 'CLIPProcessor' })).toEqual(readImageProcessor(old));
    expect(JSON.stringify(readImageProcessor(JSON.parse(JSON.stringify(readImageProcessor(old)))))).toBe(
      JSON.stringify(readImageProcessor(old)),
    );
  });

  test('defaults are those of the type, sizes may be numbers, pairs and objects', () => {
    expect(read({})).toMatchObject({ size: { height: 224, width: 224 }, resample: 2, do_center_crop: false, image_mean: [0.5, 0.5, 0.5] });
    expect(read({ size: [4, 6] }).size).toEqual({ height: 4, width: 6 });
    expect(read({ size: 5, default_to_square: false }).size).toEqual({ shortest_edge: 5 });
    expect(read({ size: null, do_resize: null, do_center_crop: null })).toEqual(read({}));
    expect(read({ image_mean: 0.25, image_std: 2 })).toMatchObject({ image_mean: [0.25, 0.25, 0.25], image_std: [2, 2, 2] });
    expect(readImageProcessor({ image_processor_type: 'DeiTFeatureExtractor' })).toMatchObject({
      size: { height: 256, width: 256 },
      crop_size: { height: 224, width: 224 },
      do_center_crop: true,
      resample: 3,
    });
  });

  it.each([
    [
      { image_processor_type: 'WhisperFeatureExtractor' },
      'expected ViTImageProcessor or DeiTImageProcessor or CLIPImageProcessor, got "WhisperFeatureExtractor"',
    ],
    [{ image_processor_type: '__proto__ImageProcessor' }, 'image_processor_type: expected'],
    [{ image_processor_type: undefined, size: 4 }, 'got nothing; add the one that it is meant for'],
    [{ size: 0 }, 'size: expected an integer from 1 to 32768, got 0'],
    [{ size: { width: 4 } }, 'size: expected a number, { height, width } or { shortest_edge }, got an object of 1 keys'],
    [{ size: { shortest_edge: 4, longest_edge: 8 } }, 'size: expected a number'],
    [{ size: { height: 30000, width: 30000 } }, 'size: expected at most 67108864 pixels'],
    [{ crop_size: { shortest_edge: 4 } }, 'crop_size: expected a height and a width'],
    [{ resample: 6 }, 'resample: expected an integer from 0 to 5, got 6'],
    [{ resample: 'bicubic' }, 'resample: expected an integer'],
    [{ image_mean: [0.5, 0.5] }, 'image_mean: expected a number, or a list of 1 or 3'],
    [{ image_mean: [0.5] }, 'image_std: expected 1 numbers, as many as image_mean has, got 3'],
    [{ image_std: [0, 1, 1] }, 'image_std: expected a number above 0'],
    [{ do_resize: 'yes' }, 'do_resize: expected true or false, got "yes"'],
    [{ rescale_factor: null, do_pad: true }, 'do_pad: true is not supported, only false'],
    [{ do_reduce_labels: true }, 'do_reduce_labels: is not a key'],
  ])('refuses %o', (json, message) => {
    expect(() => read(json)).toThrow(ConfigError);
    expect(() => read(json)).toThrow(message);
    expect(() => read(json)).toThrow('preprocessor_config.json');
  });

  test.each([null, 3, [], 'x'])('refuses %o as a file', (json) => {
    expect(() => readImageProcessor(json)).toThrow('preprocessor_config.json: expected an object');
  });

  test('comes from a checkpoint, under either name', async () => {
    const file = (name: string, json: object) => new File([JSON.stringify(json)], name);
    const json = { image_processor_type: 'ViTImageProcessor', size: 8 };
    for (const list of [[file('preprocessor_config.json', json)], [file('processor_config.json', { image_processor: json })]]) {
      expect(await loadImageProcessor(files(list))).toEqual(read({ size: 8 }));
    }
    await expect(loadImageProcessor(files([file('config.json', {})]))).rejects.toThrow(
      'expected preprocessor_config.json or processor_config.json, got neither',
    );
  });
});
