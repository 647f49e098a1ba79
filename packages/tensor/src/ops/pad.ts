import { ShapeError, ValueError } from '../errors.js';
import { show } from '../shape.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { concat } from './join.js';
import { embed } from './placed-view.js';
import { checkValue } from './rows.js';
import { flip, slice } from './slice.js';
import { expand } from './view.js';

/** What stands in the new places: one value, the elements mirrored at the border, the border itself, or those of the other end. */
export type PadMode = 'constant' | 'reflect' | 'edge' | 'wrap';

export interface PadOptions {
  mode?: PadMode;
  /** What `constant` fills with; 0 if left out. */
  value?: number;
}

/**
 * `x` with new elements before and after it along its last axes.
 *
 * `pads` has a pair [before, after] for each of the last axes, in their order: [..., N, ...] to [..., before + N + after, ...]. A negative
 * number cuts elements off. Of [a, b, c], padded by [2, 2], `constant` makes 0 0 a b c 0 0, `reflect` c b a b c b a, `edge` a a a b c c c,
 * and `wrap` b c a b c a b. Any dtype.
 * Throws a ShapeError for more pairs than axes or where more would be cut off than there is, a ValueError for pads that are no integers or
 * that ask for more elements than there are (`reflect`: N - 1 on either side; `wrap`: N; `edge`: one must be there), a DTypeError for a
 * value that the type cannot hold.
 * Source: numpy.pad; the limits are those of torch.nn.functional.pad.
 *
 * @example
 * pad(tensor([1, 2, 3]), [[2, 1]]); // [0, 0, 1, 2, 3, 0]
 * pad(tensor([1, 2, 3]), [[2, 1]], { mode: 'reflect' }); // [3, 2, 1, 2, 3, 2]
 * pad(tensor([1, 2, 3]), [[-1, 1]], { value: 9 }); // [2, 3, 9]
 */
export function pad(x: Tensor, pads: readonly (readonly [before: number, after: number])[], options: PadOptions = {}): Tensor {
  checkTensor('pad', 'x', x);
  const { mode = 'constant', value = 0 } = options;
  const lead = x.rank - pads.length;
  if (lead < 0) throw new ShapeError(`pad: pads: expected at most ${x.rank} pairs for ${show(x.shape)}, got ${pads.length}`);
  if (pads.some((pair) => pair.length !== 2 || !pair.every(Number.isInteger))) {
    throw new ValueError(`pad: pads: expected pairs of integers, got [${pads.map(show).join(', ')}]`);
  }
  const full = x.shape.map((_, axis) => pads[axis - lead] ?? ([0, 0] as const));
  const cropped = crop(x, full);
  const positive = full.map((pair) => pair.map((n) => Math.max(0, n)) as [number, number]);
  if (mode === 'constant') return filled(cropped, positive, value);
  return positive.reduce((y, [before, after], axis) => (before + after === 0 ? y : bordered(mode, y, axis, before, after)), cropped);
}

function crop(x: Tensor, pads: readonly (readonly [number, number])[]): Tensor {
  return pads.reduce((y, pair, axis) => {
    const [first, last] = pair.map((n) => Math.max(0, -n)) as [number, number];
    const n = x.shape[axis]!;
    if (first + last === 0) return y;
    if (first + last > n)
      throw new ShapeError(`pad: pads: ${show(pair)} cuts off more than the ${n} elements of axis ${axis} of ${show(x.shape)}`);
    return slice(y, axis, first, n - last);
  }, x);
}

function filled(x: Tensor, pads: readonly (readonly [number, number])[], value: number): Tensor {
  checkValue('pad', 'value', value, x.dtype);
  const shape = x.shape.map((n, axis) => pads[axis]![0] + n + pads[axis]![1]);
  const offsetOf = (strides: readonly number[]) => pads.reduce((offset, [before], axis) => offset + before * strides[axis]!, 0);
  return embed('pad', x, shape, (strides) => ({ offset: offsetOf(strides), strides }), value);
}

/** How a mode fills `count` places before and after `x`, and how many it can fill beside `n` elements. */
interface Border {
  limit(n: number): number;
  before(x: Tensor, axis: number, count: number): Tensor;
  after(x: Tensor, axis: number, count: number): Tensor;
}

const borders: Readonly<Record<Exclude<PadMode, 'constant'>, Border>> = {
  reflect: {
    limit: (n) => Math.max(0, n - 1),
    before: (x, axis, count) => slice(x, axis, count, 0, -1),
    after: (x, axis, count) => flip(slice(x, axis, -1 - count, -1), axis),
  },
  edge: {
    limit: (n) => (n > 0 ? Number.POSITIVE_INFINITY : 0),
    before: (x, axis, count) => expand(slice(x, axis, 0, 1), x.shape.with(axis, count)),
    after: (x, axis, count) => expand(slice(x, axis, -1), x.shape.with(axis, count)),
  },
  wrap: {
    limit: (n) => n,
    before: (x, axis, count) => slice(x, axis, -count),
    after: (x, axis, count) => slice(x, axis, 0, count),
  },
};

function bordered(mode: Exclude<PadMode, 'constant'>, x: Tensor, axis: number, before: number, after: number): Tensor {
  if (!Object.hasOwn(borders, mode)) throw new ValueError(`pad: mode: expected constant, reflect, edge or wrap, got ${mode}`);
  const border = borders[mode];
  const limit = border.limit(x.shape[axis]!);
  if (before > limit || after > limit) {
    const there = `axis ${axis} of ${show(x.shape)}`;
    throw new ValueError(`pad: pads: ${mode} fills at most ${limit} places on either side of ${there}, got ${show([before, after])}`);
  }
  const pieces = [x];
  if (before > 0) pieces.unshift(border.before(x, axis, before));
  if (after > 0) pieces.push(border.after(x, axis, after));
  return concat(pieces, axis);
}
