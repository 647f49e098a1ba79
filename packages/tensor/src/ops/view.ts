import { apply, broadcastView, contiguous, noGradient, recordView } from '../autograd.js';
import { ShapeError } from '../errors.js';
import { normalizeAxes, normalizeAxis, reshapeStrides, type Shape, sameShape, show, sizeOf } from '../shape.js';
import { checkTensor, type Tensor } from '../tensor.js';

/* The same elements under another shape or with their axes in another order, and as another type. */

/**
 * The same elements, row by row, under another shape. A view where the layout allows it, else a copy.
 *
 * One length may be -1 and follows from the others. Any dtype.
 * Throws a ShapeError if the shape does not hold exactly the elements of `x`.
 * Source: torch.reshape.
 *
 * @example
 * reshape(tensor([0, 1, 2, 3, 4, 5]), [2, -1]); // [[0, 1, 2], [3, 4, 5]]
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  checkTensor('reshape', 'x', x);
  const to = inferred('reshape: shape', shape, x.size, () => show(x.shape));
  if (sameShape(to, x.shape)) return x;
  const strides = reshapeStrides(x.shape, x.strides, to);
  if (!strides) return reshape(contiguous(x), to);
  return recordView('reshape', x, to, strides, x.offset, (dy) => [reshape(dy, x.shape)]);
}

/** `shape` with its -1, if it has one, replaced by what makes it hold `size` elements. */
function inferred(argument: string, shape: Shape, size: number, of: () => string): number[] {
  const unknown = shape.indexOf(-1);
  const known = shape.reduce((product, n) => (n === -1 ? product : product * n), 1);
  const to = shape.map((n, i) => (i === unknown && known > 0 ? size / known : n));
  if (to.some((n) => !Number.isInteger(n) || n < 0) || sizeOf(to) !== size) {
    throw new ShapeError(`${argument}: ${show(shape)} does not hold the ${size} elements of ${of()}`);
  }
  return to;
}

/**
 * Axes `from` … `to` merged into one; a scalar becomes [1]. A view where the layout allows it.
 *
 * [..., nᵢ, …, nⱼ, ...] to [..., nᵢ · … · nⱼ, ...]. Any dtype.
 * Throws a ShapeError for an axis out of range or a `from` behind `to`.
 * Source: torch.flatten.
 *
 * @example
 * flatten(tensor([[0, 1], [2, 3]])); // [0, 1, 2, 3]
 */
export function flatten(x: Tensor, from = 0, to = -1): Tensor {
  checkTensor('flatten', 'x', x);
  const rank = Math.max(1, x.rank);
  const [a, b] = [normalizeAxis('flatten', from, rank), normalizeAxis('flatten', to, rank)];
  if (a > b) throw new ShapeError(`flatten: from: expected an axis up to ${b}, where ${show(x.shape)} is to end, got ${a}`);
  return reshape(x, [...x.shape.slice(0, a), sizeOf(x.shape.slice(a, b + 1)), ...x.shape.slice(b + 1)]);
}

/**
 * One axis split into several. A view.
 *
 * [..., N, ...] to [..., n₀, n₁, …, ...] with N = n₀ · n₁ · …; one of the sizes may be -1 and follows from the others. Any dtype.
 * Throws a ShapeError for an axis out of range, no sizes, or sizes that do not hold exactly N elements.
 * Source: torch.unflatten.
 *
 * @example
 * unflatten(tensor([[0, 1, 2, 3]]), 1, [2, -1]); // [[[0, 1], [2, 3]]]
 */
export function unflatten(x: Tensor, axis: number, sizes: Shape): Tensor {
  checkTensor('unflatten', 'x', x);
  const at = normalizeAxis('unflatten', axis, x.rank);
  if (sizes.length === 0) throw new ShapeError(`unflatten: sizes: expected at least one for axis ${at} of ${show(x.shape)}, got none`);
  const parts = inferred('unflatten: sizes', sizes, x.shape[at]!, () => `axis ${at} of ${show(x.shape)}`);
  return reshape(x, x.shape.toSpliced(at, 1, ...parts));
}

/**
 * `x` without the axes of length 1, or without those of them that are named. A view.
 *
 * [..., 1, ...] to [..., ...]. A named axis of another length stays. Any dtype.
 * Throws a ShapeError for an axis that is out of range or named twice.
 * Source: torch.squeeze.
 *
 * @example
 * squeeze(tensor([[[0], [1]]])); // [0, 1]
 * squeeze(tensor([[[0], [1]]]), 0); // [[0], [1]]
 */
export function squeeze(x: Tensor, axes?: number | readonly number[]): Tensor {
  checkTensor('squeeze', 'x', x);
  const drop = new Set(normalizeAxes('squeeze', axes, x.rank).filter((axis) => x.shape[axis] === 1));
  return reshape(x, x.shape.filter((_, i) => !drop.has(i))); // biome-ignore format: one call
}

/**
 * `x` with new axes of length 1 at the places `axes` of the result. A view.
 *
 * [..., ...] to [..., 1, ...]; negative places count from the end of the result. Any dtype.
 * Throws a ShapeError for a place that is out of range or named twice.
 * Source: torch.unsqueeze; for several axes numpy.expand_dims.
 *
 * @example
 * unsqueeze(tensor([0, 1]), -1); // [[0], [1]]
 * unsqueeze(tensor([0, 1]), [0, 2]); // [[[0], [1]]]
 */
export function unsqueeze(x: Tensor, axes: number | readonly number[]): Tensor {
  checkTensor('unsqueeze', 'x', x);
  const shape = [...x.shape];
  for (const at of normalizeAxes('unsqueeze', axes, x.rank + [axes].flat().length)) shape.splice(at, 0, 1);
  return reshape(x, shape);
}

/**
 * Axes in a new order: result axis i is axis `axes[i]` of `x`. A view.
 *
 * y[iₐ, i_b, …] = x[i₀, i₁, …] for axes [a, b, …]. Any dtype.
 * Throws a ShapeError unless each axis is named once.
 * Source: torch.permute.
 *
 * @example
 * permute(tensor([[[0, 1], [2, 3]]]), [1, 2, 0]); // [[[0], [1]], [[2], [3]]]
 */
export function permute(x: Tensor, axes: readonly number[]): Tensor {
  checkTensor('permute', 'x', x);
  const order = axes.map((axis) => normalizeAxis('permute', axis, x.rank));
  if (order.length !== x.rank || new Set(order).size !== x.rank) {
    throw new ShapeError(`permute: axes: expected each axis of ${show(x.shape)} once, got ${show(axes)}`);
  }
  const inverse = order.map((_, i) => order.indexOf(i));
  const pick = (from: readonly number[]) => order.map((axis) => from[axis]!);
  return recordView('permute', x, pick(x.shape), pick(x.strides), x.offset, (dy) => [permute(dy, inverse)]);
}

/**
 * Two axes exchanged, by default the last two. A view.
 *
 * yᵢⱼ = xⱼᵢ: [..., M, N] to [..., N, M]. Any dtype.
 * Throws a ShapeError for an axis out of range.
 * Source: torch.transpose.
 *
 * @example
 * transpose(tensor([[0, 1, 2], [3, 4, 5]])); // [[0, 3], [1, 4], [2, 5]]
 */
export function transpose(x: Tensor, a = -2, b = -1): Tensor {
  checkTensor('transpose', 'x', x);
  const order = Array.from({ length: x.rank }, (_, i) => i);
  const [i, j] = [normalizeAxis('transpose', a, x.rank), normalizeAxis('transpose', b, x.rank)];
  [order[i], order[j]] = [order[j]!, order[i]!];
  return permute(x, order);
}

/**
 * The axes `source` moved to the places `destination` of the result; the others keep their order. A view.
 *
 * [A, B, C] with axis 0 moved to 2 is [B, C, A]. Any dtype.
 * Throws a ShapeError for an axis that is out of range or named twice, or lists of two lengths.
 * Source: torch.movedim, numpy.moveaxis.
 *
 * @example
 * movedim(tensor([[[0, 1], [2, 3]]]), 0, -1); // [[[0], [1]], [[2], [3]]]
 */
export function movedim(x: Tensor, source: number | readonly number[], destination: number | readonly number[]): Tensor {
  checkTensor('movedim', 'x', x);
  const [from, to] = [source, destination].map((axes) => {
    normalizeAxes('movedim', axes, x.rank); // none twice
    return [axes].flat().map((axis) => normalizeAxis('movedim', axis, x.rank));
  }) as [number[], number[]];
  if (from.length !== to.length) {
    throw new ShapeError(`movedim: destination: expected ${from.length} axes as in source ${show(from)}, got ${show(to)}`);
  }
  const rest = [...x.shape.keys()].filter((axis) => !from.includes(axis));
  return permute(x, x.shape.map((_, i) => (to.includes(i) ? from[to.indexOf(i)]! : rest.shift()!))); // biome-ignore format: one call
}

/**
 * `x` repeated along axes of length 1, and along new axes in front, to `shape`. A view.
 *
 * y[..., i, ...] = x[..., 0, ...]: [..., 1, ...] to [..., N, ...]; -1 keeps a length. Any dtype.
 * Throws a ShapeError where another length than 1 would have to change.
 * Source: torch.Tensor.expand.
 *
 * @example
 * expand(tensor([[0], [1]]), [-1, 3]); // [[0, 0, 0], [1, 1, 1]]
 */
export function expand(x: Tensor, shape: Shape): Tensor {
  checkTensor('expand', 'x', x);
  const lead = shape.length - x.rank;
  return broadcastView('expand', x, shape.map((n, i) => (n === -1 && i >= lead ? x.shape[i - lead]! : n))); // biome-ignore format: one call
}

/**
 * The elements as another type.
 *
 * Float to int32 cuts the fraction off, anything to bool is `≠ 0`, bool to a number is 0 or 1; the shape stays. Gradients pass between
 * float types only. Throws a DTypeError if the backend does not have the type.
 * Source: torch.Tensor.to.
 *
 * @example
 * cast(tensor([1.7, -1.7, 0]), 'int32'); // [1, -1, 0]
 * cast(tensor([1.7, -1.7, 0]), 'bool'); // [true, true, false]
 */
export function cast(x: Tensor, dtype: Tensor['dtype']): Tensor {
  checkTensor('cast', 'x', x);
  if (x.dtype === dtype) return x;
  const dense = contiguous(x);
  const smooth = x.dtype.startsWith('float') && dtype.startsWith('float');
  return apply(
    'cast',
    { dense },
    x.shape,
    dtype,
    (out, { kernels }) => kernels.cast(out, dense.buffer),
    smooth ? (dy) => [() => cast(dy, x.dtype)] : noGradient,
  );
}
