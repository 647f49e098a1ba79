import { apply, broadcastView, contiguous, noGradient, record, recordView } from '../autograd.js';
import { ShapeError, ValueError } from '../errors.js';
import { contiguousStrides, normalizeAxes, normalizeAxis, reshapeStrides, type Shape, sameShape, show, sizeOf } from '../shape.js';
import { checkTensor, commonBackend, type Tensor } from '../tensor.js';
import { compute } from '../autograd.js';

/** The same elements under another shape; one length may be -1. A view where the layout allows it, else a copy. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  checkTensor('reshape', 'x', x);
  const to = inferShape(x, shape);
  if (sameShape(to, x.shape)) return x;
  const strides = reshapeStrides(x.shape, x.strides, to);
  if (!strides) return reshape(contiguous(x), to);
  return recordView('reshape', x, to, strides, x.offset, (dy) => [reshape(dy, x.shape)]);
}

function inferShape(x: Tensor, shape: Shape): number[] {
  const unknown = shape.indexOf(-1);
  const known = shape.reduce((size, n) => (n === -1 ? size : size * n), 1);
  const to = shape.map((n, i) => (i === unknown && known > 0 ? x.size / known : n));
  if (to.some((n) => !Number.isInteger(n) || n < 0) || sizeOf(to) !== x.size) {
    throw new ShapeError(`reshape: shape: ${show(shape)} does not hold the ${x.size} elements of ${show(x.shape)}`);
  }
  return to;
}

/** Axes in a new order: result axis i is axis `axes[i]` of `x`. A view. */
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

/** Two axes exchanged, by default the last two. A view. */
export function transpose(x: Tensor, a = -2, b = -1): Tensor {
  checkTensor('transpose', 'x', x);
  const order = Array.from({ length: x.rank }, (_, i) => i);
  const [i, j] = [normalizeAxis('transpose', a, x.rank), normalizeAxis('transpose', b, x.rank)];
  [order[i], order[j]] = [order[j]!, order[i]!];
  return permute(x, order);
}

/** `x` repeated along axes of length 1 to `shape`; -1 keeps a length. A view. */
export function expand(x: Tensor, shape: Shape): Tensor {
  checkTensor('expand', 'x', x);
  const lead = shape.length - x.rank;
  return broadcastView('expand', x, shape.map((n, i) => (n === -1 && i >= lead ? x.shape[i - lead]! : n))); // biome-ignore format: one call
}

/** `x` without the axes of length 1, or without those named. A view. */
export function squeeze(x: Tensor, axes?: number | readonly number[]): Tensor {
  checkTensor('squeeze', 'x', x);
  const drop = new Set(normalizeAxes('squeeze', axes, x.rank).filter((axis) => x.shape[axis] === 1));
  return reshape(x, x.shape.filter((_, i) => !drop.has(i))); // biome-ignore format: one call
}

/** `x` with a new axis of length 1 at `axis`. A view. */
export function unsqueeze(x: Tensor, axis: number): Tensor {
  checkTensor('unsqueeze', 'x', x);
  const at = normalizeAxis('unsqueeze', axis, x.rank + 1);
  return reshape(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)]);
}

/** Axes `from` … `to` merged into one. A view where the layout allows it. */
export function flatten(x: Tensor, from = 0, to = -1): Tensor {
  checkTensor('flatten', 'x', x);
  if (x.rank === 0) return reshape(x, [1]);
  const [a, b] = [normalizeAxis('flatten', from, x.rank), normalizeAxis('flatten', to, x.rank)];
  return reshape(x, [...x.shape.slice(0, a), sizeOf(x.shape.slice(a, b + 1)), ...x.shape.slice(b + 1)]);
}

/** Elements `start` (inclusive) to `end` (exclusive) along `axis`; negative positions count from the end, as in NumPy. A view. */
export function slice(x: Tensor, axis: number, start: number, end = Number.POSITIVE_INFINITY): Tensor {
  checkTensor('slice', 'x', x);
  const at = normalizeAxis('slice', axis, x.rank);
  const n = x.shape[at]!;
  const clip = (position: number) => Math.min(n, Math.max(0, position < 0 ? position + n : position));
  const [from, to] = [clip(start), clip(end)];
  if (!Number.isInteger(from) || !Number.isInteger(to)) throw new ValueError(`slice: expected whole positions, got ${start} and ${end}`);
  const shape = x.shape.with(at, Math.max(0, to - from));
  return recordView('slice', x, shape, x.strides, x.offset + from * x.strides[at]!, (dy) => [() => embed(dy, x.shape, at, from)]);
}

/** Zeros of `shape` with `dy` at `from` along `axis`: the adjoint of `slice`. */
function embed(dy: Tensor, shape: Shape, axis: number, from: number): Tensor {
  const dense = contiguous(dy);
  const strides = contiguousStrides(shape);
  const out = compute(dense.backend, shape, dense.dtype, (buffer, { kernels }) => {
    kernels.fill(buffer, 0);
    kernels.copy(dense.shape, buffer, { offset: from * strides[axis]!, strides }, dense.buffer, { offset: 0, strides: dense.strides });
  });
  return record('embed', out, shape, [dense], (ddy) => [slice(ddy, axis, from, from + dense.shape[axis]!)]);
}

/** One index of an axis, which is dropped. A view. */
export function select(x: Tensor, axis: number, index: number): Tensor {
  checkTensor('select', 'x', x);
  const at = normalizeAxis('select', axis, x.rank);
  const n = x.shape[at]!;
  if (!Number.isInteger(index) || index < -n || index >= n) {
    throw new ValueError(`select: index: expected an integer from ${-n} to ${n - 1} on axis ${at} of ${show(x.shape)}, got ${index}`);
  }
  const from = index < 0 ? index + n : index;
  return reshape(slice(x, at, from, from + 1), x.shape.toSpliced(at, 1));
}

/** Consecutive pieces along `axis`, of one size or of the sizes given. Views. */
export function split(x: Tensor, sizes: number | readonly number[], axis = 0): Tensor[] {
  checkTensor('split', 'x', x);
  const at = normalizeAxis('split', axis, x.rank);
  const n = x.shape[at]!;
  if (typeof sizes === 'number' && !(Number.isInteger(sizes) && sizes > 0)) {
    throw new ValueError(`split: sizes: expected a positive integer, got ${sizes}`);
  }
  const list =
    typeof sizes === 'number' ? Array.from({ length: Math.max(1, Math.ceil(n / sizes)) }, (_, i) => Math.min(sizes, n - i * sizes)) : sizes;
  if (list.some((size) => !Number.isInteger(size) || size < 0)) {
    throw new ValueError(`split: sizes: expected integers from 0, got ${show(list)}`);
  }
  const total = list.reduce((sum, size) => sum + size, 0);
  if (total !== n) throw new ShapeError(`split: sizes: ${show(list)} add up to ${total}, axis ${at} of ${show(x.shape)} has ${n}`);
  const starts = runningTotals(list);
  return list.map((_, i) => slice(x, at, starts[i]!, starts[i + 1]!));
}

/** 0, n₀, n₀ + n₁, … */
function runningTotals(sizes: readonly number[]): number[] {
  const totals = [0];
  for (const size of sizes) totals.push(totals.at(-1)! + size);
  return totals;
}

/** At most `chunks` pieces of equal size (the last may be smaller) along `axis`. Views. */
export function chunk(x: Tensor, chunks: number, axis = 0): Tensor[] {
  checkTensor('chunk', 'x', x);
  if (!Number.isInteger(chunks) || chunks < 1) throw new ValueError(`chunk: chunks: expected a positive integer, got ${chunks}`);
  return split(x, Math.max(1, Math.ceil(x.shape[normalizeAxis('chunk', axis, x.rank)]! / chunks)), axis);
}

/** The tensors one after the other along `axis`. Throws a ShapeError unless they agree on all other axes. */
export function concat(tensors: readonly Tensor[], axis = 0): Tensor {
  const first = tensors[0];
  checkTensor('concat', 'tensors[0]', first);
  const at = normalizeAxis('concat', axis, first.rank);
  tensors.forEach((x, i) => {
    checkTensor('concat', `tensors[${i}]`, x);
    if (x.dtype !== first.dtype || x.rank !== first.rank || x.shape.some((n, d) => d !== at && n !== first.shape[d])) {
      throw new ShapeError(
        `concat: tensors[${i}] is ${x.dtype} ${show(x.shape)}, tensors[0] ${first.dtype} ${show(first.shape)}: expected one dtype and equal shapes but for axis ${at}`,
      );
    }
  });
  const backend = commonBackend('concat', Object.fromEntries(tensors.map((x, i) => [`tensors[${i}]`, x])));
  const starts = runningTotals(tensors.map((x) => x.shape[at]!));
  const shape = first.shape.with(at, starts.at(-1)!);
  const strides = contiguousStrides(shape);
  const out = compute(backend, shape, first.dtype, (buffer, { kernels }) => {
    tensors.forEach((x, i) => {
      const offset = starts[i]! * strides[at]!;
      kernels.copy(x.shape, buffer, { offset, strides }, x.buffer, { offset: x.offset, strides: x.strides });
    });
  });
  return record('concat', out, shape, tensors, (dy) => tensors.map((_x, i) => () => slice(dy, at, starts[i]!, starts[i + 1]!)));
}

/** The tensors side by side along a new axis. */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  return concat(tensors.map((x) => unsqueeze(x, axis)), axis); // biome-ignore format: one call
}

/** The elements as another type: float to int32 truncates, anything to bool is `≠ 0`. Gradients pass between float types only. */
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
