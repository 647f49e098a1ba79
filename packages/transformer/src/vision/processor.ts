import {
  type Checkpoint,
  CheckpointError,
  type CheckpointSource,
  checkpointOf,
  type OpenOptions,
  readJson,
} from '../loading/checkpoint.js';
import {
  ConfigError,
  describe,
  type Field,
  flag,
  integer,
  isObject,
  list,
  number,
  oneOf,
  positive,
  readConfig,
  refuse,
} from '../loading/config.js';
import { mostPixels } from './image.js';

/*
 * What a checkpoint says of how images are made its inputs: preprocessor_config.json, read as strictly as config.json. The result has the keys
 * of the file, so that it can be written as one.
 */

export interface HeightWidth {
  height: number;
  width: number;
}

/** How images become pixels for a model; its keys are those of preprocessor_config.json. */
export interface ImageProcessor {
  /** Of which model's processor the defaults are: ViTImageProcessor, DeiTImageProcessor or CLIPImageProcessor. */
  image_processor_type: string;
  do_resize: boolean;
  /** This size; or the shorter side this long, and the longer one so that the shape stays. */
  size: HeightWidth | { shortest_edge: number };
  /** Pillow's number of a filter: 0 nearest, 1 lanczos, 2 bilinear, 3 bicubic, 4 box, 5 hamming. */
  resample: number;
  do_center_crop: boolean;
  crop_size: HeightWidth;
  do_rescale: boolean;
  rescale_factor: number;
  do_normalize: boolean;
  /** Of one channel or of three; so many channels come out. */
  image_mean: number[];
  image_std: number[];
  /** Changes nothing: images become as many channels as image_mean has, where Python refuses those with more or fewer. */
  do_convert_rgb: boolean;
}

interface Standard extends Pick<ImageProcessor, 'resample' | 'do_center_crop' | 'do_convert_rgb' | 'image_mean' | 'image_std'> {
  size: number;
  /** What a size that is one number means: both sides, or the shorter one. */
  square: boolean;
}

const half = [0.5, 0.5, 0.5];
const vit: Standard = {
  size: 224,
  square: true,
  resample: 2,
  do_center_crop: false,
  do_convert_rgb: false,
  image_mean: half,
  image_std: half,
};

const standards: Readonly<Record<string, Standard>> = {
  ViT: vit,
  DeiT: { ...vit, size: 256, resample: 3, do_center_crop: true },
  CLIP: {
    size: 224,
    square: false,
    resample: 3,
    do_center_crop: true,
    do_convert_rgb: true,
    image_mean: [0.48145466, 0.4578275, 0.40821073],
    image_std: [0.26862954, 0.26130258, 0.27577711],
  },
};

/** Keys that change nothing of the pixels: where Python computes, and what it once wrote. */
const ignored = [
  'feature_extractor_type',
  'image_processor_type',
  'default_to_square',
  'return_tensors',
  'device',
  'disable_grouping',
  '_valid_processor_keys',
  'image_seq_length',
];

/**
 * How images are made the inputs of a ViT, a DeiT or a CLIP, from the content of preprocessor_config.json (or of the processor_config.json that it is
 * a part of), checked: missing keys have transformers' defaults for its `image_processor_type`, sizes may be one number, two, or an object.
 *
 * @throws ConfigError that lists every value and every key that it cannot take.
 * @example
 * const processor = readImageProcessor({ image_processor_type: 'CLIPImageProcessor', size: 32, crop_size: 32 });
 * processor.size; // { shortest_edge: 32 }
 * @see https://huggingface.co/docs/transformers/main_classes/image_processor
 */
export function readImageProcessor(json: unknown): ImageProcessor {
  const content = isObject(json) && isObject(json.image_processor) ? json.image_processor : json;
  const { type, standard } = standardOf(content);
  const square = isObject(content) && typeof content.default_to_square === 'boolean' ? content.default_to_square : standard.square;
  return readConfig<ImageProcessor>(isObject(content) ? { ...content, image_processor_type: type } : content, {
    file: 'preprocessor_config.json',
    modelTypes: [type],
    fields: {
      image_processor_type: oneOf([type], type),
      do_resize: set(flag(true)),
      size: set(sizeOf(standard.size, square)),
      resample: set(integer(standard.resample, { min: 0, max: 5 })),
      do_center_crop: set(flag(standard.do_center_crop)),
      crop_size: set(sizeOf(224, true)) as Field<HeightWidth>,
      do_rescale: set(flag(true)),
      rescale_factor: set(number(1 / 255)),
      do_normalize: set(flag(true)),
      image_mean: set(perChannel(standard.image_mean, number(0))),
      image_std: set(perChannel(standard.image_std, positive(1))),
      do_convert_rgb: set(flag(standard.do_convert_rgb)),
    },
    ignored,
    only: { do_pad: [false], data_format: ['channels_first'], input_data_format: [], pad_size: [], use_square_size: [false] },
    check: ({ image_mean: mean, image_std: std, crop_size }) => [
      mean.length !== std.length && `image_std: expected ${mean.length} numbers, as many as image_mean has, got ${std.length}`,
      'shortest_edge' in crop_size && 'crop_size: expected a height and a width, got shortest_edge',
    ],
  });
}

/**
 * The same from a checkpoint: a folder, a site, a repository of the hub or files, as `load` takes them.
 *
 * @throws CheckpointError if it has neither file, ConfigError as readImageProcessor.
 * @example
 * const processor = await loadImageProcessor('google/vit-base-patch16-224');
 */
export async function loadImageProcessor(source: CheckpointSource, options: OpenOptions = {}): Promise<ImageProcessor> {
  const checkpoint: Checkpoint = checkpointOf(source);
  for (const file of ['preprocessor_config.json', 'processor_config.json']) {
    const json = await readJson(checkpoint, file, options);
    if (json !== null) return readImageProcessor(json);
  }
  throw new CheckpointError(`${checkpoint.name}: expected preprocessor_config.json or processor_config.json, got neither`);
}

function standardOf(json: unknown): { type: string; standard: Standard } {
  const { image_processor_type: now, feature_extractor_type: old } = isObject(json) ? json : {};
  const name = now ?? old;
  const [, model] = typeof name === 'string' ? (/^(\w+?)(?:ImageProcessor(?:Fast|Pil)?|FeatureExtractor)$/.exec(name) ?? []) : [];
  if (isObject(json) && (model === undefined || !Object.hasOwn(standards, model))) {
    const known = Object.keys(standards).map((key) => `${key}ImageProcessor`);
    throw new ConfigError(
      `preprocessor_config.json: image_processor_type: expected ${known.join(' or ')}, got ${describe(name)}${name === undefined ? '; add the one that it is meant for' : ''}`,
    );
  }
  return model === undefined
    ? { type: 'ViTImageProcessor', standard: vit }
    : { type: `${model}ImageProcessor`, standard: standards[model]! };
}

/** null is a missing key. */
function set<T>(field: Field<T>): Field<T> {
  return (value) => field(value ?? undefined);
}

/** One number, [height, width], { height, width } or { shortest_edge }. */
function sizeOf(standard: number, square: boolean): Field<ImageProcessor['size']> {
  const side = integer(standard, { min: 1, max: 2 ** 15 });
  return (value = standard) => {
    if (typeof value === 'number') return square ? { height: side(value), width: side(value) } : { shortest_edge: side(value) };
    if (Array.isArray(value) && value.length === 2) return within(side(value[0] ?? null), side(value[1] ?? null));
    const given = isObject(value) ? Object.fromEntries(Object.entries(value).filter(([, length]) => length !== null)) : {};
    const keys = Object.keys(given).sort().join();
    if (keys === 'height,width') return within(side(given.height), side(given.width));
    if (keys === 'shortest_edge') return { shortest_edge: side(given.shortest_edge) };
    return refuse('a number, { height, width } or { shortest_edge }');
  };
}

function within(height: number, width: number): HeightWidth {
  return height * width <= mostPixels ? { height, width } : refuse(`at most ${mostPixels} pixels`);
}

/** A number for all channels, or a list of one or three. */
function perChannel(standard: number[], field: Field<number>): Field<number[]> {
  return (value = standard) => {
    const values = typeof value === 'number' ? [value, value, value] : value;
    if (!Array.isArray(values) || (values.length !== 1 && values.length !== 3)) return refuse('a number, or a list of 1 or 3');
    return list(field)(values);
  };
}
