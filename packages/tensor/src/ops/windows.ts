import { recordView } from '../autograd.js';
import { ValueError } from '../errors.js';
import { normalizeAxis, show } from '../shape.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { arange } from './create.js';
import { type Place, placedView } from './placed-view.js';
import { scatterRows } from './rows.js';
import { reshape } from './view.js';

/**
 * All windows of `size` elements along `axis`, `step` apart, as a new last axis. A view: overlapping windows share their elements.
 *
 * y[..., i, ..., j] = x[..., i · step + j, ...]: [..., N, ...] to [..., ⌊(N - size) / step⌋ + 1, ..., size]. Any dtype. Its gradient is the
 * sum over the windows that an element is in. (The kernel `unfold` of a backend is another thing: the columns of a convolution.)
 * Throws a ShapeError for an axis out of range, a ValueError for a size beyond N or a step below 1.
 * Source: torch.Tensor.unfold; numpy.lib.stride_tricks.sliding_window_view has no step.
 *
 * @example
 * slidingWindowView(tensor([0, 1, 2, 3]), 0, 2); // [[0, 1], [1, 2], [2, 3]]
 * slidingWindowView(tensor([0, 1, 2, 3, 4]), 0, 3, 2); // [[0, 1, 2], [2, 3, 4]]
 */
export function slidingWindowView(x: Tensor, axis: number, size: number, step = 1): Tensor {
  const op = 'slidingWindowView';
  checkTensor(op, 'x', x);
  const at = normalizeAxis(op, axis, x.rank);
  const n = x.shape[at]!;
  if (!Number.isInteger(size) || size < 0 || size > n) {
    throw new ValueError(`${op}: size: expected an integer from 0 to ${n} on axis ${at} of ${show(x.shape)}, got ${size}`);
  }
  if (!Number.isInteger(step) || step < 1) throw new ValueError(`${op}: step: expected a positive integer, got ${step}`);
  const shape = [...x.shape.with(at, Math.floor((n - size) / step) + 1), size];
  const place: Place = (strides) => ({ offset: 0, strides: [...strides.with(at, step * strides[at]!), strides[at]!] });
  if (step >= size) return placedView(op, x, shape, place);
  return recordView(op, x, shape, place(x.strides).strides, x.offset, (dy) => [
    () => {
      const places = reshape(arange(0, x.size, 1, { backend: x.backend, dtype: 'int32' }), x.shape);
      const windows = reshape(slidingWindowView(places, at, size, step), [dy.size]);
      return reshape(scatterRows(reshape(dy, [dy.size]), windows, [x.size]), x.shape);
    },
  ]);
}
