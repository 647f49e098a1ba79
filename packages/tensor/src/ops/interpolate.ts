import { isFloat } from '../dtype.js';
import { DTypeError, ShapeError, ValueError } from '../errors.js';
import { show } from '../shape.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { tensor } from './create.js';
import { indexSelect } from './indexing.js';
import { fewTaps, resample, type Taps } from './resample.js';
import { type PerAxis, perAxis } from './window.js';

export interface InterpolateOptions {
  /** The new lengths of the last axes, one number for both. Either this or `scale`. */
  size?: PerAxis;
  /** Factors of the lengths, which are rounded down; positions are computed with the factors as they are. */
  scale?: PerAxis;
  /** `'nearest'` if left out. */
  mode?: 'nearest' | 'nearest-exact' | 'linear' | 'bilinear' | 'bicubic';
  /** True: the first and last elements stay where they are. False, the default: the outer edges of the two do. */
  alignCorners?: boolean;
  /** True widens the filter where lengths shrink, as Pillow does; for `'bilinear'` and `'bicubic'`. */
  antialias?: boolean;
}

/**
 * x at new lengths of its last one or two axes, each on its own. With s = old / new length (or 1 / scale), result i lies at
 * p = s·(i + ½) - ½ on the old axis, or at i·(old - 1) / (new - 1) with `alignCorners`, and is
 *
 * - `'nearest'`: x[⌊s·i⌋]; `'nearest-exact'`: x[⌊s·(i + ½)⌋], the nearest indeed;
 * - `'linear'` (one axis) and `'bilinear'` (two): (1 - t)·x[⌊p⌋] + t·x[⌊p⌋ + 1] with t = p - ⌊p⌋, p not below 0;
 * - `'bicubic'`: Σ w(p - j)·x[j] over the four nearest j, with Keys' w for a = -¾: (a + 2)|d|³ - (a + 3)d² + 1 up to |d| = 1,
 *   a|d|³ - 5a·d² + 8a|d| - 4a up to 2;
 * - with `antialias`: Σ f((j + ½ - s·(i + ½)) / max(s, 1))·x[j] over all j within the filter, divided by the sum of the f: f is the triangle
 *   1 - |d| for `'bilinear'`, Keys' function with a = -½ for `'bicubic'`.
 *
 * Elements beyond an end are those at the end. x is [N, C, L] or [N, C, H, W], of a float type, for `'nearest'` and `'nearest-exact'` of any;
 * the result [N, C, ...new lengths]. `torch.nn.functional.interpolate`; Keys, "Cubic convolution interpolation for digital image
 * processing", 1981. Throws a ShapeError for other ranks, a ValueError for options that do not go together or lengths below 1.
 *
 * @example
 * interpolate(tensor([[[1, 2, 3]]]), { size: 5 }); // [[[1, 1, 2, 2, 3]]]
 * interpolate(tensor([[[1, 2, 3]]]), { scale: 2, mode: 'linear' }); // [[[1, 1.25, 1.75, 2.25, 2.75, 3]]]
 * interpolate(tensor([[[[1, 2], [3, 4]]]]), { size: [2, 3], mode: 'bilinear', alignCorners: true }); // [[[[1, 1.5, 2], [3, 3.5, 4]]]]
 */
export function interpolate(x: Tensor, options: InterpolateOptions): Tensor {
  const { mode = 'nearest', alignCorners = false, antialias = false } = options;
  checkTensor('interpolate', 'x', x);
  check(x, options);
  const input = x.shape.slice(2);
  const sizes = sizesOf(input, options);
  const scales = options.scale === undefined ? null : factors(options.scale, input.length);
  return sizes.reduce((y, to, i) => {
    const [from, axis] = [input[i]!, 2 + i];
    const scale = scales ? 1 / scales[i]! : from / to;
    if (mode === 'nearest' || mode === 'nearest-exact')
      return indexSelect(y, axis, tensor(nearest(from, to, scale, mode), { backend: x.backend }));
    const corners = to > 1 ? (from - 1) / (to - 1) : 0;
    const step = alignCorners ? corners : scale;
    if (antialias) return resample(y, axis, filtered(from, to, step, mode === 'bicubic'));
    return resample(y, axis, between(from, to, { step, shift: alignCorners ? 0 : 0.5, cubic: mode === 'bicubic' }));
  }, x);
}

function check(x: Tensor, { size, scale, mode = 'nearest', alignCorners, antialias }: InterpolateOptions): void {
  const wanted = mode === 'linear' ? [3] : mode === 'bilinear' || mode === 'bicubic' ? [4] : mode.startsWith('nearest') ? [3, 4] : [];
  if (wanted.length === 0) {
    throw new ValueError(`interpolate: mode: expected 'nearest', 'nearest-exact', 'linear', 'bilinear' or 'bicubic', got '${mode}'`);
  }
  if (!wanted.includes(x.rank) || x.shape.slice(2).includes(0)) {
    const shapes = wanted.map((rank) => (rank === 3 ? '[N, C, L]' : '[N, C, H, W]')).join(' or ');
    throw new ShapeError(`interpolate: x: expected ${shapes} for mode '${mode}', without empty axes after C, got ${show(x.shape)}`);
  }
  if (!mode.startsWith('nearest') && !isFloat(x.dtype))
    throw new DTypeError(`interpolate: x: expected a float type for mode '${mode}', got ${x.dtype}`);
  if ((size === undefined) === (scale === undefined))
    throw new ValueError(`interpolate: expected either size or scale, got ${size === undefined ? 'neither' : 'both'}`);
  if (alignCorners && mode.startsWith('nearest'))
    throw new ValueError(`interpolate: alignCorners: goes with interpolation only, not with '${mode}'`);
  if (antialias && mode !== 'bilinear' && mode !== 'bicubic')
    throw new ValueError(`interpolate: antialias: goes with 'bilinear' and 'bicubic' only, not with '${mode}'`);
}

function sizesOf(input: readonly number[], { size, scale }: InterpolateOptions): number[] {
  if (size !== undefined) return perAxis('interpolate', 'size', size, input.length, 1);
  const sizes = factors(scale!, input.length).map((factor, i) => Math.floor(input[i]! * factor));
  if (sizes.some((n) => n < 1)) throw new ValueError(`interpolate: scale: ${JSON.stringify(scale)} leaves nothing of ${show(input)}`);
  return sizes;
}

function factors(scale: PerAxis, axes: number): number[] {
  const given = typeof scale === 'number' ? [scale] : scale;
  const list = given.length === 1 ? Array.from({ length: axes }, () => given[0]!) : [...given];
  if (list.length !== axes || !list.every((s) => Number.isFinite(s) && s > 0)) {
    throw new ValueError(`interpolate: scale: expected one positive number or ${axes} of them, got ${JSON.stringify(scale)}`);
  }
  return list;
}

/** Positions are rounded to float32 where PyTorch rounds them, which decides at the borders between two elements. */
function nearest(from: number, to: number, scale: number, mode: 'nearest' | 'nearest-exact'): Int32Array {
  const step = Math.fround(scale);
  const place = (i: number) => {
    if (mode === 'nearest-exact') return Math.floor(Math.fround((i + 0.5) * step));
    if (to === from) return i;
    return to === 2 * from ? i >> 1 : Math.floor(Math.fround(i * step));
  };
  return Int32Array.from({ length: to }, (_, i) => Math.min(place(i), from - 1));
}

/** Result i from the two or four elements around step·(i + shift) - shift. */
function between(from: number, to: number, { step, shift, cubic }: { step: number; shift: number; cubic: boolean }): Taps {
  const offsets = cubic ? [-1, 0, 1, 2] : [0, 1];
  const places = offsets.map(() => new Int32Array(to));
  const weights = offsets.map(() => new Float64Array(to));
  for (let i = 0; i < to; i++) {
    const exact = step * (i + shift) - shift;
    const at = cubic ? exact : Math.max(0, exact);
    const j = Math.min(Math.floor(at), from - 1);
    offsets.forEach((offset, t) => {
      const distance = at - j - offset;
      places[t]![i] = Math.min(from - 1, Math.max(0, j + offset));
      weights[t]![i] = cubic ? keys(distance, -0.75) : triangle(distance);
    });
  }
  return { from, places, weights };
}

/** Result i from all elements within the reach of the filter around step·(i + ½), weights adding up to 1. */
function filtered(from: number, to: number, step: number, cubic: boolean): Taps {
  const stretch = Math.max(1, step);
  const reach = (cubic ? 2 : 1) * stretch;
  const rows = Array.from({ length: to }, (_, i) => {
    const center = step * (i + 0.5);
    const first = Math.max(0, Math.trunc(center - reach + 0.5));
    const end = Math.min(from, Math.trunc(center + reach + 0.5));
    const weights = Array.from({ length: Math.max(0, end - first) }, (_, j) => {
      const distance = (first + j + 0.5 - center) / stretch;
      return cubic ? keys(distance, -0.5) : triangle(distance);
    });
    const total = weights.reduce((sum, w) => sum + w, 0);
    return weights.map((w, j) => [first + j, w / (total || 1)] as const);
  });
  return fewTaps(from, rows);
}

function triangle(distance: number): number {
  return Math.max(0, 1 - Math.abs(distance));
}

/** Keys' piecewise cubic; continuous with its first derivative for every `a`. */
function keys(distance: number, a: number): number {
  const d = Math.abs(distance);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}
