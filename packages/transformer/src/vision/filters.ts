/*
 * The filters that images are resized with, as Pillow defines them. When an image shrinks, a filter is stretched by the factor, so that every pixel
 * of the source counts: what others call antialiasing. Weights are integers of 22 bits behind the point, as Pillow's are for bytes.
 */

/** Pillow's names; in `preprocessor_config.json` they are the numbers 0 to 5, in this order. */
export const resamplings = ['nearest', 'lanczos', 'bilinear', 'bicubic', 'box', 'hamming'] as const;

/** How an image is resized. */
export type Resampling = (typeof resamplings)[number];

interface Filter {
  /** How far from its middle a filter reaches, in pixels. */
  readonly support: number;
  readonly weight: (x: number) => number;
}

const sinc = (x: number) => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));

/** Of the cubic of Keys, 1981; OpenCV and PyTorch without antialiasing take -0.75. */
const a = -0.5;
// Pillow has these two in single precision.
const [hamming0, hamming1] = [Math.fround(0.54), Math.fround(0.46)];

export const filters: Readonly<Record<Exclude<Resampling, 'nearest'>, Filter>> = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: {
    support: 1,
    weight: (x) => (Math.abs(x) >= 1 ? 0 : sinc(Math.abs(x)) * (hamming0 + hamming1 * Math.cos(Math.abs(x) * Math.PI))),
  },
  bicubic: {
    support: 2,
    weight: (signed) => {
      const x = Math.abs(signed);
      if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
    },
  },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

export const precisionBits = 32 - 8 - 2;

/** For each pixel of the result, which pixels of the source count, and how much. */
export interface Weights {
  /** The first of them. */
  readonly starts: Int32Array;
  readonly counts: Int32Array;
  /** `size` for each pixel of the result; those behind `counts` are 0. */
  readonly values: Int32Array;
  readonly size: number;
}

/** The weights that make `to` pixels of `from`. */
export function weightsOf(from: number, to: number, { support, weight }: Filter): Weights {
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  const reach = support * stretch;
  const size = Math.ceil(reach) * 2 + 1;
  const [starts, counts, values] = [new Int32Array(to), new Int32Array(to), new Int32Array(to * size)];
  const exact = new Float64Array(size);
  for (let i = 0; i < to; i++) {
    const center = (i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(center - reach + 0.5));
    const count = Math.min(from, Math.trunc(center + reach + 0.5)) - start;
    let sum = 0;
    for (let j = 0; j < count; j++) sum += exact[j] = weight((j + start - center + 0.5) / stretch);
    for (let j = 0; j < count; j++) {
      const share = (sum === 0 ? exact[j]! : exact[j]! / sum) * 2 ** precisionBits;
      values[i * size + j] = Math.trunc(share < 0 ? share - 0.5 : share + 0.5);
    }
    starts[i] = start;
    counts[i] = count;
  }
  return { starts, counts, values, size };
}
