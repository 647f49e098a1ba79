import { apply, contiguous, detach, noGradient, recordView } from '../autograd.js';
import type { ReduceOp } from '../backend.js';
import { isFloat } from '../dtype.js';
import { normalizeAxis, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { div, mul } from './arithmetic.js';
import { eq, isnan, logicalAnd, logicalOr, where } from './compare.js';
import { arange, full } from './create.js';
import { checkNumbers, like } from './elementwise.js';
import type { ValuesAndIndices } from './extreme.js';
import { takeAlong } from './indexing.js';
import { cast, reshape } from './view.js';
import { concat } from './join.js';
import { slice } from './slice.js';

/* Reductions that keep every intermediate result along an axis. */

export interface CumulativeOptions {
  /** True leaves the element itself out: result i is that of the elements before i, and the first is that of nothing. */
  exclusive?: boolean;
  /** True goes from the last element to the first. */
  reverse?: boolean;
}

/**
 * Running sums along `axis`: yᵢ = x₀ + … + xᵢ. Floats, whose sums run in float64, or int32, which wraps around at ±2³¹; shape and dtype of
 * `x`. Throws a ShapeError for an axis out of range, a DTypeError for bool.
 *
 * @example
 * cumsum(tensor([1, 2, 3]), 0); // [1, 3, 6]
 * cumsum(tensor([1, 2, 3]), 0, { exclusive: true, reverse: true }); // [5, 3, 0]
 */
export function cumsum(x: Tensor, axis: number, options: CumulativeOptions = {}): Tensor {
  const at = axisOf('cumsum', x, axis);
  return directed(x, at, 0, options, (ahead) => runningSum(ahead, at));
}

function runningSum(x: Tensor, at: number): Tensor {
  return cumulate('sum', 'cumsum', x, at, (_x, _y, dy) => fromTheEnd(dy, at));
}

/** Σ of this element and all that follow. */
function fromTheEnd(x: Tensor, at: number): Tensor {
  return reversed(runningSum(reversed(x, at), at), at);
}

/**
 * Running products along `axis`: yᵢ = x₀ · … · xᵢ. Its gradient is right where there are zeros, too. Dtypes, shape and errors as for `cumsum`.
 *
 * @example
 * cumprod(tensor([2, 3, 4]), 0); // [2, 6, 24]
 */
export function cumprod(x: Tensor, axis: number, options: CumulativeOptions = {}): Tensor {
  const at = axisOf('cumprod', x, axis);
  return directed(x, at, 1, options, (ahead) => runningProduct(ahead, at));
}

/**
 * dxᵢ = Σ_{k ≥ i} dyₖ Π_{j ≤ k, j ≠ i} xⱼ. Before the first zero that is Σ dyₖ yₖ / xᵢ; at it, the sum of the products without it; behind it, 0.
 */
function runningProduct(x: Tensor, at: number): Tensor {
  return cumulate('prod', 'cumprod', x, at, (x, y, dy) => {
    const zeros = cumsum(cast(eq(x, 0), 'int32'), at);
    const before = eq(zeros, 0);
    const first = logicalAnd(eq(x, 0), eq(zeros, 1));
    const others = runningProduct(where(first, 1, x), at);
    const atFirst = where(first, fromTheEnd(mul(dy, others), at), 0);
    return where(before, div(fromTheEnd(mul(dy, y), at), where(before, x, 1)), atFirst);
  });
}

/**
 * Running maxima along `axis`, and the place of each: of elements that tie the last, and of every NaN itself. `values` have shape and dtype of
 * `x`, `indices` are int32. The gradient of each value goes to its place. Floats or int32; errors as for `cumsum`.
 *
 * @example
 * cummax(tensor([1, 3, 2]), 0).values; // [1, 3, 3]
 * cummax(tensor([1, 3, 2]), 0).indices; // [0, 1, 1]
 */
export function cummax(x: Tensor, axis: number): ValuesAndIndices {
  return extremes('max', 'cummax', x, axis);
}

/**
 * Running minima along `axis`, and the place of each. Results, ties, gradient and errors as for `cummax`.
 *
 * @example
 * cummin(tensor([2, 3, 1]), 0).values; // [2, 2, 1]
 * cummin(tensor([2, 3, 1]), 0).indices; // [0, 0, 2]
 */
export function cummin(x: Tensor, axis: number): ValuesAndIndices {
  return extremes('min', 'cummin', x, axis);
}

function extremes(op: 'max' | 'min', name: string, x: Tensor, axis: number): ValuesAndIndices {
  const at = axisOf(name, x, axis);
  const plain = detach(x);
  const best = cumulate(op, name, plain, at, noGradient);
  const sets = isFloat(x.dtype) ? logicalOr(eq(plain, best), isnan(plain)) : eq(plain, best);
  const n = x.shape[at]!;
  const places = reshape(arange(0, n, 1, { backend: x.backend, dtype: 'int32' }), [n, ...x.shape.slice(at + 1).map(() => 1)]);
  const indices = cumulate('max', name, where(sets, places, 0), at, noGradient);
  return { values: takeAlong(x, indices, at), indices };
}

function axisOf(op: string, x: Tensor, axis: number): number {
  checkNumbers(op, x);
  return normalizeAxis(op, axis, x.rank);
}

type Gradient = (x: Tensor, y: Tensor, dy: Tensor) => Tensor;

function cumulate(op: ReduceOp, name: string, x: Tensor, at: number, gradient: Gradient | typeof noGradient): Tensor {
  const dense = contiguous(x);
  const view = { outer: sizeOf(x.shape.slice(0, at)), n: x.shape[at]!, inner: sizeOf(x.shape.slice(at + 1)) };
  return apply(
    name,
    { x: dense },
    x.shape,
    x.dtype,
    (out, { kernels }) => kernels.cumulate(op, out, dense.buffer, view),
    gradient === noGradient ? noGradient : (dy, y) => [() => gradient(dense, y, dy)],
  );
}

/** `run`, which goes from the first element to the last and includes each, the way that the options say. */
function directed(x: Tensor, at: number, identity: number, { exclusive, reverse }: CumulativeOptions, run: (x: Tensor) => Tensor): Tensor {
  const n = x.shape[at]!;
  const ahead = reverse ? reversed(x, at) : x;
  const shifted = () => concat([full(x.shape.with(at, 1), identity, like(x)), slice(ahead, at, 0, n - 1)], at);
  const y = run(exclusive && n > 0 ? shifted() : ahead);
  return reverse ? reversed(y, at) : y;
}

/** The elements along an axis from the last to the first. A view. */
function reversed(x: Tensor, at: number): Tensor {
  const n = x.shape[at]!;
  if (n < 2 || x.size === 0) return x;
  const step = x.strides[at]!;
  return recordView('reversed', x, x.shape, x.strides.with(at, -step), x.offset + (n - 1) * step, (dy) => [reversed(dy, at)]);
}
