import { ShapeError, ValueError } from '../errors.js';
import { normalizeAxis, show } from '../shape.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { tensor } from './create.js';
import { indexSelect } from './indexing.js';
import { expand, reshape, unsqueeze } from './view.js';

/* Copies of a tensor, or of its elements, side by side. */

/**
 * `x` laid side by side `reps[i]` times along axis i.
 *
 * y[..., i, ...] = x[..., i mod N, ...]: [..., N, ...] to [..., reps · N, ...]. The shorter of `reps` and the shape gets ones in front, so that
 * new axes may arise. Any dtype.
 * Throws a ValueError for a number that is no integer from 0.
 * Source: numpy.tile, torch.tile; torch.Tensor.repeat is the same with at least one number for each axis.
 *
 * @example
 * tile(tensor([[1, 2]]), [2, 2]); // [[1, 2, 1, 2], [1, 2, 1, 2]]
 * tile(tensor([1, 2]), 2); // [1, 2, 1, 2]
 */
export function tile(x: Tensor, reps: number | readonly number[]): Tensor {
  checkTensor('tile', 'x', x);
  const given = [reps].flat();
  if (given.some((n) => !Number.isInteger(n) || n < 0)) throw new ValueError(`tile: reps: expected integers from 0, got ${show(given)}`);
  const rank = Math.max(x.rank, given.length);
  const fill = (list: readonly number[]) => [...Array<number>(rank - list.length).fill(1), ...list];
  const [shape, times] = [fill(x.shape), fill(given)];
  const apart = reshape(x, shape.flatMap((n) => [1, n])); // biome-ignore format: one call
  const copies = expand(apart, shape.flatMap((n, i) => [times[i]!, n])); // biome-ignore format: one call
  return reshape(copies, shape.map((n, i) => n * times[i]!)); // biome-ignore format: one call
}

/**
 * Each element, or each slice along `axis`, several times in a row.
 *
 * `repeats` is one number for all or a number for each: [..., N, ...] to [..., Σ repeatsᵢ, ...]. Without an axis, the elements row by row are
 * repeated, to one dimension. Any dtype.
 * Throws a ShapeError for an axis out of range or numbers for another length than that of the axis, a ValueError for a number that is no
 * integer from 0.
 * Source: torch.repeat_interleave, numpy.repeat.
 *
 * @example
 * repeatInterleave(tensor([1, 2]), 2); // [1, 1, 2, 2]
 * repeatInterleave(tensor([[1, 2, 3]]), [0, 1, 2], 1); // [[2, 3, 3]]
 */
export function repeatInterleave(x: Tensor, repeats: number | readonly number[], axis?: number): Tensor {
  const op = 'repeatInterleave';
  checkTensor(op, 'x', x);
  if (axis === undefined) return repeatInterleave(reshape(x, [x.size]), repeats, 0);
  const at = normalizeAxis(op, axis, x.rank);
  if ([repeats].flat().some((n) => !Number.isInteger(n) || n < 0)) {
    throw new ValueError(`${op}: repeats: expected integers from 0, got ${show([repeats].flat())}`);
  }
  const n = x.shape[at]!;
  if (typeof repeats === 'number') {
    const wider = unsqueeze(x, at + 1);
    return reshape(expand(wider, wider.shape.with(at + 1, repeats)), x.shape.with(at, n * repeats));
  }
  if (repeats.length !== n) {
    throw new ShapeError(`${op}: repeats: expected ${n} numbers for axis ${at} of ${show(x.shape)}, got ${repeats.length}`);
  }
  const ids = Int32Array.from(repeats.flatMap((times, i) => Array<number>(times).fill(i)));
  return indexSelect(x, at, tensor(ids, { backend: x.backend }));
}
