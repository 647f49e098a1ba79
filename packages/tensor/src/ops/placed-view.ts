import { compute, record, recordView } from '../autograd.js';
import type { View } from '../backend.js';
import { contiguousStrides, type Shape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';

/*
 * Views that show each element at most once: pieces, every second element, a reversed axis, a diagonal. Such a view and what puts its
 * elements back into an array of the whole shape are each other's adjoints.
 */

/** Where the view has its elements, in an array that has the given strides. */
export type Place = (strides: readonly number[]) => View;

/** The view of `x` that has `shape` and lies at `place`. */
export function placedView(op: string, x: Tensor, shape: Shape, place: Place): Tensor {
  const { offset, strides } = place(x.strides);
  // Nothing lies nowhere: the place of an empty view may be outside the buffer.
  const start = sizeOf(shape) === 0 ? x.offset : x.offset + offset;
  return recordView(op, x, shape, strides, start, (dy) => [() => embed(op, dy, x.shape, place)]);
}

/** `x` at `place` in an array of `shape` that has `value` everywhere else. */
export function embed(op: string, x: Tensor, shape: Shape, place: Place, value = 0): Tensor {
  const out = compute(x.backend, shape, x.dtype, (buffer, { kernels }) => {
    kernels.fill(buffer, value);
    kernels.copy(x.shape, buffer, place(contiguousStrides(shape)), x.buffer, { offset: x.offset, strides: x.strides });
  });
  return record(op, out, shape, [x], (dy) => [() => placedView(op, dy, x.shape, place)]);
}
