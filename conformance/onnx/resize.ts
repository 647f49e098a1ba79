import * as t from '@multihead/tensor';
import type { Tensor } from '@multihead/tensor';
import { notBuilt } from '../suite.js';
import { type Call, op, type Table } from './call.js';

/* Resizing. ONNX has many ways to find the place in the old picture; ours are PyTorch's. */

/** What `interpolate` is asked for, for the axes after the first two. */
interface Plan {
  readonly sizes: readonly number[];
  readonly scales: readonly number[] | null;
}

const missing = (what: string) => notBuilt(`Resize ${what} (extra tier)`);

/** The sizes or the factors by axis; only the axes after the first two may change. */
function planOf(c: Call, x: Tensor): Plan {
  const axes = c.has('axes') ? c.numbers('axes').map((axis) => (axis < 0 ? axis + x.rank : axis)) : [...x.shape.keys()];
  const of = (numbers: readonly number[], axis: number, rest: number) => (axes.includes(axis) ? numbers[axes.indexOf(axis)] : rest);
  const given = c.has('scales') && c.numbers('scales').length > 0 ? c.numbers('scales') : null;
  const scales = given && [...x.shape.keys()].map((axis) => of(given, axis, 1));
  const sizes = x.shape.map((n, axis) => (scales ? Math.floor(n * scales[axis]) : of(wantedOf(c, x, axes), axis, n)));
  if (sizes.some((n, axis) => axis < 2 && n !== x.shape[axis])) throw missing('of the first two axes');
  return { sizes: sizes.slice(2), scales: scales?.slice(2) ?? null };
}

/** The sizes by axis; with a policy the least or the greatest of their factors serves all of them. */
function wantedOf(c: Call, x: Tensor, axes: readonly number[]): number[] {
  const [wanted, policy] = [c.numbers('sizes'), c.text<string>('keep_aspect_ratio_policy', 'stretch')];
  if (policy === 'stretch') return wanted;
  const factors = wanted.map((n, i) => n / x.shape[axes[i]]);
  const factor = policy === 'not_larger' ? Math.min(...factors) : Math.max(...factors);
  return axes.map((axis) => Math.round(factor * x.shape[axis]));
}

/** Whether a new pixel lies half-way between two old ones. */
function ties({ sizes, scales }: Plan, lengths: readonly number[]): boolean {
  return sizes.some((n, axis) => [...Array(n).keys()].some((i) => Number.isInteger((i + 0.5) / (scales?.[axis] ?? n / lengths[axis]))));
}

/** Half-way we round up, and ONNX down if not told otherwise, which is the same seen in a mirror. */
function nearest(c: Call, x: Tensor, plan: Plan): Tensor {
  const transform = c.text<string>('coordinate_transformation_mode', 'half_pixel');
  const rounding = c.text<string>('nearest_mode', 'round_prefer_floor');
  const size = sizeOf(plan);
  if (transform === 'asymmetric' && rounding === 'floor') return t.interpolate(x, { ...size, mode: 'nearest' });
  const down = rounding === 'round_prefer_floor';
  if (transform !== 'half_pixel' || !(down || rounding === 'round_prefer_ceil'))
    throw missing(`to the nearest pixel: ${transform}, ${rounding}`);
  if (!down || !ties(plan, x.shape.slice(2))) return t.interpolate(x, { ...size, mode: 'nearest-exact' });
  if (plan.scales) throw missing('to the nearest pixel by factors, half-way downwards');
  const axes = [...x.shape.keys()].slice(2);
  return t.flip(t.interpolate(t.flip(x, axes), { ...size, mode: 'nearest-exact' }), axes);
}

const sizeOf = ({ sizes, scales }: Plan) => (scales ? { scale: scales } : { size: sizes });

function resize(c: Call): Tensor {
  const x = c.tensor('x');
  const [mode, transform] = [c.text<string>('mode', 'nearest'), c.text<string>('coordinate_transformation_mode', 'half_pixel')];
  const plan = planOf(c, x);
  const lengths = x.shape.slice(2);
  if (mode === 'nearest') return nearest(c, x, plan);
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
  return t.interpolate(x, { ...sizeOf(plan), mode: smooth, alignCorners: transform === 'align_corners', antialias });
}

/** The predecessor of Resize. */
function upsample(c: Call): Tensor {
  if (c.text('mode', 'nearest') !== 'nearest') throw notBuilt('Upsample, linear (extra tier)');
  return t.interpolate(c.tensor('x'), { ...sizeOf(planOf(c, c.tensor('x'))), mode: 'nearest' });
}

export const resizes: Table = {
  Upsample: op('x scales', upsample),
  Resize: op('x roi scales sizes', resize),
};
