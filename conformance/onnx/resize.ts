import * as t from '@multihead/tensor';
import { notBuilt } from '../suite.js';
import { type Call, op, type Table } from './call.js';

/* Resizing. ONNX has many ways to find the place in the old picture; ours are PyTorch's. */

type Mode = 'nearest' | 'nearest-exact' | 'linear' | 'bilinear' | 'bicubic';

/** What `interpolate` is asked for, for the axes after the first two. */
interface Plan {
  readonly sizes: readonly number[];
  readonly scales: readonly number[] | null;
}

const missing = (what: string) => notBuilt(`Resize ${what} (extra tier)`);

/** The sizes or the factors by axis; only the axes after the first two may change. */
function planOf(c: Call, x: t.Tensor): Plan {
  const axes = c.has('axes') ? c.numbers('axes').map((axis) => (axis < 0 ? axis + x.rank : axis)) : [...x.shape.keys()];
  const of = (numbers: readonly number[], axis: number, rest: number) => (axes.includes(axis) ? numbers[axes.indexOf(axis)] : rest);
  const given = c.has('scales') && c.numbers('scales').length > 0 ? c.numbers('scales') : null;
  const scales = given && [...x.shape.keys()].map((axis) => of(given, axis, 1));
  const sizes = x.shape.map((n, axis) => (scales ? Math.floor(n * scales[axis]) : of(c.numbers('sizes'), axis, n)));
  if (sizes.some((n, axis) => axis < 2 && n !== x.shape[axis])) throw missing('of the first two axes');
  return { sizes: sizes.slice(2), scales: scales?.slice(2) ?? null };
}

/** Whether a new pixel lies half-way between two old ones, where rounding goes another way than ours. */
function ties({ sizes, scales }: Plan, lengths: readonly number[]): boolean {
  return sizes.some((n, axis) =>
    [...Array(n).keys()].some((i) => Number.isInteger((i + 0.5) / (scales ? scales[axis] : n / lengths[axis]))),
  );
}

function nearest(c: Call, plan: Plan, lengths: readonly number[]): Mode {
  const [transform, rounding] = [
    c.text<string>('coordinate_transformation_mode', 'half_pixel'),
    c.text<string>('nearest_mode', 'round_prefer_floor'),
  ];
  if (transform === 'asymmetric' && rounding === 'floor') return 'nearest';
  if (transform === 'half_pixel' && rounding === 'round_prefer_ceil') return 'nearest-exact';
  if (transform === 'half_pixel' && rounding === 'round_prefer_floor' && !ties(plan, lengths)) return 'nearest-exact';
  throw missing(`to the nearest pixel: ${transform}, ${rounding}`);
}

function resize(c: Call): t.Tensor {
  const x = c.tensor('x');
  const [mode, transform] = [c.text<string>('mode', 'nearest'), c.text<string>('coordinate_transformation_mode', 'half_pixel')];
  if (c.text('keep_aspect_ratio_policy', 'stretch') !== 'stretch') throw missing('that keeps the aspect ratio');
  const plan = planOf(c, x);
  const lengths = x.shape.slice(2);
  const size = plan.scales ? { scale: plan.scales } : { size: plan.sizes };
  if (mode === 'nearest') return t.interpolate(x, { ...size, mode: nearest(c, plan, lengths) });
  const usual =
    transform === 'half_pixel' || transform === 'align_corners' || (transform === 'pytorch_half_pixel' && plan.sizes.every((n) => n > 1));
  if (!usual) throw missing(`with ${transform}`);
  if (transform === 'align_corners' && lengths.some((n, axis) => !Number.isInteger(n * (plan.scales?.[axis] ?? 1)))) {
    throw missing('with align_corners to a length that is not whole');
  }
  const antialias = c.flag('antialias');
  // What lies beyond an end is the element there, and nothing with a wider filter; ONNX has a switch for that.
  if (c.flag('exclude_outside') !== antialias) throw missing(`with antialias ${antialias} and exclude_outside ${!antialias}`);
  if (mode === 'cubic' && c.number('cubic_coeff_a', -0.75) !== (antialias ? -0.5 : -0.75)) throw missing('with another cubic');
  const smooth = mode === 'cubic' ? 'bicubic' : lengths.length === 1 ? 'linear' : 'bilinear';
  return t.interpolate(x, { ...size, mode: smooth, alignCorners: transform === 'align_corners', antialias });
}

export const resizes: Table = {
  Resize: op('x roi scales sizes', resize),
};
