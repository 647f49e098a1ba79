import { DTypeError } from '../errors.js';
import { during, isRecording } from '../mode.js';
import { broadcastShapes, broadcastStrides, contiguousStrides } from '../shape.js';
import { checkTensor, commonBackend, type Tensor } from '../tensor.js';
import { tensor } from './create.js';
import { gatherRows } from './rows.js';
import { reshape } from './view.js';

/* Operations that have to see the data before the shape of their result is known: they wait for it, and are asynchronous. */

/**
 * The positions of all elements other than 0, row by row.
 *
 * y[i] = [a, b, …] where x[a, b, …] ≠ 0: x [A, B, …] to [n, rank], int32. `unbind(y, 1)` is what `index` takes. Any dtype; NaN is other
 * than 0. Asynchronous, as n depends on the data. No gradient.
 * Source: torch.nonzero.
 *
 * @example
 * await nonzero(tensor([[0, 5], [7, 0]])); // [[0, 1], [1, 0]]
 */
export async function nonzero(x: Tensor): Promise<Tensor> {
  checkTensor('nonzero', 'x', x);
  const { backend, shape } = x;
  const data = await x.data();
  const found: number[] = [];
  data.forEach((value, i) => {
    if (value !== 0) found.push(i);
  });
  const strides = contiguousStrides(shape);
  const positions = found.flatMap((i) => strides.map((stride, axis) => Math.floor(i / stride) % shape[axis]!));
  return tensor(Int32Array.from(positions), { shape: [found.length, shape.length], backend });
}

/**
 * The elements where a mask is true, row by row.
 *
 * [...] and a bool mask that broadcasts with it to [n]. Any dtype. Asynchronous, as n depends on the mask. An element gets the gradients of
 * all places that it was taken to.
 * Throws a DTypeError unless the mask is bool, a ShapeError if the shapes do not broadcast.
 * Source: torch.masked_select.
 *
 * @example
 * await maskedSelect(tensor([1, 2, 3]), tensor([true, false, true])); // [1, 3]
 */
export async function maskedSelect(x: Tensor, mask: Tensor): Promise<Tensor> {
  commonBackend('maskedSelect', { x, mask });
  if (mask.dtype !== 'bool') throw new DTypeError(`maskedSelect: mask: expected bool, got ${mask.dtype}`);
  const shape = broadcastShapes('maskedSelect', x.shape, mask.shape);
  const recording = isRecording(); // noGrad ends before the wait does
  const seen = await mask.data();
  const [from, at] = [x, mask].map((t) => broadcastStrides(t.shape, contiguousStrides(t.shape), shape)) as [number[], number[]];
  const places: number[] = [];
  const walk = (axis: number, place: number, maskPlace: number): void => {
    if (axis < shape.length) {
      for (let i = 0; i < shape[axis]!; i++) walk(axis + 1, place + i * from[axis]!, maskPlace + i * at[axis]!);
    } else if (seen[maskPlace] !== 0) places.push(place);
  };
  walk(0, 0, 0);
  return during({ recording }, () => {
    const ids = tensor(Int32Array.from(places), { backend: x.backend });
    return gatherRows('maskedSelect', reshape(x, [x.size]), ids);
  });
}
