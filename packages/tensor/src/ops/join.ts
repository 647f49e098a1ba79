import { compute, record } from '../autograd.js';
import { DTypeError, ShapeError, ValueError } from '../errors.js';
import { contiguousStrides, normalizeAxis, show } from '../shape.js';
import { checkTensor, commonBackend, type Tensor } from '../tensor.js';
import { runningTotals, slice } from './slice.js';
import { reshape, unsqueeze } from './view.js';

/* Tensors put side by side. */

/**
 * The tensors one after the other along `axis`.
 *
 * [..., n₀, ...], [..., n₁, ...] … to [..., Σ nᵢ, ...]; all other axes are equal. One dtype, any.
 * Throws a ValueError for no tensors, a ShapeError for an axis out of range or lengths that differ, a DTypeError for two dtypes.
 * Source: torch.cat, numpy.concatenate.
 *
 * @example
 * concat([tensor([[0, 1]]), tensor([[2, 3], [4, 5]])]); // [[0, 1], [2, 3], [4, 5]]
 */
export function concat(tensors: readonly Tensor[], axis = 0): Tensor {
  return joined('concat', tensors, axis);
}

function joined(op: string, tensors: readonly Tensor[], axis: number): Tensor {
  const first = tensors[0];
  if (tensors.length === 0) throw new ValueError(`${op}: tensors: expected at least one, got none`);
  checkTensor(op, 'tensors[0]', first);
  const at = normalizeAxis(op, axis, first.rank);
  tensors.forEach((x, i) => {
    checkTensor(op, `tensors[${i}]`, x);
    const pair = `tensors[${i}] is ${x.dtype} ${show(x.shape)}, tensors[0] ${first.dtype} ${show(first.shape)}`;
    if (x.dtype !== first.dtype) throw new DTypeError(`${op}: ${pair}: expected one dtype`);
    if (x.rank !== first.rank || x.shape.some((n, d) => d !== at && n !== first.shape[d]))
      throw new ShapeError(`${op}: ${pair}: expected equal shapes but for axis ${at}`);
  });
  const backend = commonBackend(op, Object.fromEntries(tensors.map((x, i) => [`tensors[${i}]`, x])));
  const starts = runningTotals(tensors.map((x) => x.shape[at]!));
  const shape = first.shape.with(at, starts.at(-1)!);
  const strides = contiguousStrides(shape);
  const out = compute(backend, shape, first.dtype, (buffer, { kernels }) => {
    tensors.forEach((x, i) => {
      const offset = starts[i]! * strides[at]!;
      kernels.copy(x.shape, buffer, { offset, strides }, x.buffer, { offset: x.offset, strides: x.strides });
    });
  });
  return record(op, out, shape, tensors, (dy) => tensors.map((_x, i) => () => slice(dy, at, starts[i]!, starts[i + 1]!)));
}

/**
 * The tensors side by side along a new axis.
 *
 * K tensors of [..., ...] to [..., K, ...], with the new axis at `axis` of the result. One dtype, any. `unbind` is its inverse.
 * Throws a ValueError for no tensors, a ShapeError for an axis out of range or shapes that differ, a DTypeError for two dtypes.
 * Source: torch.stack.
 *
 * @example
 * stack([tensor([0, 1]), tensor([2, 3])]); // [[0, 1], [2, 3]]
 * stack([tensor([0, 1]), tensor([2, 3])], -1); // [[0, 2], [1, 3]]
 */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  tensors.forEach((x, i) => {
    checkTensor('stack', `tensors[${i}]`, x);
    const first = tensors[0]!;
    if (show(x.shape) !== show(first.shape)) {
      throw new ShapeError(`stack: tensors[${i}] is ${show(x.shape)}, tensors[0] ${show(first.shape)}: expected equal shapes`);
    }
  });
  const at = normalizeAxis('stack', axis, 1 + (tensors[0]?.rank ?? 0));
  return joined('stack', tensors.map((x) => unsqueeze(x, at)), at); // biome-ignore format: one call
}

/**
 * The elements moved on by `shifts` along `axes`; those that leave at one end come back in at the other.
 *
 * y[..., (i + shift) mod N, ...] = x[..., i, ...]; the shape stays. Any dtype. Without axes, the elements row by row are moved.
 * Throws a ShapeError for an axis out of range, a ValueError unless there is one whole shift for each axis.
 * Source: torch.roll.
 *
 * @example
 * roll(tensor([0, 1, 2, 3]), 1); // [3, 0, 1, 2]
 * roll(tensor([[0, 1, 2], [3, 4, 5]]), [1, -1], [0, 1]); // [[4, 5, 3], [1, 2, 0]]
 */
export function roll(x: Tensor, shifts: number | readonly number[], axes?: number | readonly number[]): Tensor {
  checkTensor('roll', 'x', x);
  const by = typeof shifts === 'number' ? [shifts] : shifts;
  if (axes === undefined) {
    if (by.length !== 1) throw new ValueError(`roll: shifts: expected one where no axes are named, got ${show(by)}`);
    return reshape(roll(reshape(x, [x.size]), by, 0), x.shape);
  }
  const along = typeof axes === 'number' ? [axes] : axes;
  if (by.length !== along.length || by.some((shift) => !Number.isInteger(shift))) {
    throw new ValueError(`roll: shifts: expected one integer for each axis of ${show(along)}, got ${show(by)}`);
  }
  return by.reduce((y, shift, i) => rolled(y, shift, normalizeAxis('roll', along[i]!, x.rank)), x);
}

function rolled(x: Tensor, shift: number, axis: number): Tensor {
  const n = x.shape[axis]!;
  const cut = n === 0 ? 0 : (((n - shift) % n) + n) % n;
  return cut === 0 ? x : joined('roll', [slice(x, axis, cut), slice(x, axis, 0, cut)], axis);
}
