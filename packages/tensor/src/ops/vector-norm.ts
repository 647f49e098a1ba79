import { broadcastTo, detach, noGradient, record, type Vjp } from '../autograd.js';
import { ShapeError } from '../errors.js';
import { broadcastShapes, normalizeAxis, show } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { abs, add, clamp, div, mul, square, sub } from './arithmetic.js';
import { eq, gt, isnan, logicalAnd, logicalOr, lt, ne, where } from './compare.js';
import { checkFloat, operands } from './elementwise.js';
import { pow, sqrt } from './math.js';
import { amax, amin, plan, type ReduceOptions, sum } from './reduce.js';
import { sign } from './rounding.js';
import { cast, reshape } from './view.js';

/* The lengths of vectors, vectors of length 1, and the cosine between two. */

/**
 * The p-norm (Σ |x|ᵖ)^(1/p) over the axes, p = 2 if left out; without overflow where the result itself is a float.
 *
 * p = ∞ and -∞ are the greatest and the least |x|, p = 0 the number of elements other than 0 (without a gradient), and p may be any number. Over nothing
 * it is 0, and a ShapeError for negative p and ∞. Floats only; throws a DTypeError for another dtype, a ShapeError as `sum` does. Where a
 * vector is 0 its gradient is 0, as in PyTorch; that of p = ±∞ is shared by elements that tie.
 *
 * @example
 * norm(tensor([[3, -4], [0, 0]]), { axis: 1 }); // [5, 0]
 * norm(tensor([3, -4]), { p: 1 }); // 7
 */
export function norm(x: Tensor, options: ReduceOptions & { p?: number } = {}): Tensor {
  checkFloat('norm', x);
  const { p = 2 } = options;
  const { axes, n, shape } = plan('norm', x, options);
  if (n === 0 && (p < 0 || p === Number.POSITIVE_INFINITY))
    throw new ShapeError(`norm: x: expected at least one element along the axes for p = ${p}, got shape ${show(x.shape)}`);
  const value = lengths(detach(x), p, axes, n);
  const kept = value.shape;
  const vjp: Vjp = (dy, y) => [() => mul(direction(x, reshape(y, kept), p, axes), reshape(dy, kept))];
  return record('norm', value.storage.retain(), shape, [x], p === 0 ? noGradient : vjp);
}

/** The norms with the axes kept at length 1. */
function lengths(x: Tensor, p: number, axis: readonly number[], n: number): Tensor {
  const over = { axis, keepDims: true };
  if (p === 0) return sum(cast(ne(x, 0), x.dtype), over);
  const size = abs(x);
  if (p === Number.POSITIVE_INFINITY) return amax(size, over);
  if (p === Number.NEGATIVE_INFINITY) return amin(size, over);
  if (p === 1 || n === 0) return sum(size, over);
  if (p < 0) return pow(sum(pow(size, p), over), 1 / p);
  // In units of the greatest: powers of large and small numbers would be infinite or 0.
  const greatest = amax(size, over);
  const unit = where(logicalAnd(gt(greatest, 0), lt(greatest, Number.POSITIVE_INFINITY)), greatest, 1);
  const scaled = div(size, unit);
  return mul(unit, p === 2 ? sqrt(sum(square(scaled), over)) : pow(sum(pow(scaled, p), over), 1 / p));
}

/** d norm / dx, where y is the norm. */
function direction(x: Tensor, y: Tensor, p: number, axis: readonly number[]): Tensor {
  if (p === 1) return sign(x);
  const length = where(eq(y, 0), 1, y);
  if (p === 2) return div(x, length);
  const size = abs(x);
  if (Math.abs(p) === Number.POSITIVE_INFINITY) {
    const hit = cast(logicalOr(eq(size, y), isnan(size)), x.dtype);
    return mul(sign(x), div(hit, sum(hit, { axis, keepDims: true })));
  }
  // For p below 1 the power of a 0 is infinite.
  const safe = p < 1 ? where(eq(x, 0), 1, size) : size;
  return where(eq(y, 0), 0, mul(sign(x), pow(div(safe, length), p - 1)));
}

/**
 * x / max(norm(x), eps): vectors along `axis` made as long as 1, and the zero vector left as it is. `p` is that of `norm` (2), `axis` the last
 * (PyTorch's default is 1), `eps` 1e-12. Shape and dtype of `x`. Floats only; errors as for `norm`.
 *
 * @example
 * normalize(tensor([[3, 4], [0, 0]])); // [[0.6, 0.8], [0, 0]]
 */
export function normalize(x: Tensor, options: { p?: number; axis?: number | readonly number[]; eps?: number } = {}): Tensor {
  checkFloat('normalize', x);
  const { p = 2, axis = -1, eps = 1e-12 } = options;
  return div(x, clamp(norm(x, { p, axis, keepDims: true }), eps));
}

/**
 * The cosine of the angle between vectors, a · b / (max(|a|, eps) max(|b|, eps)), from -1 to 1; 0 beside a zero vector.
 *
 * `a` and `b` are floats of one dtype that broadcast; the result lacks `axis`, which is the last if left out (PyTorch's default is 1). `eps` is
 * 1e-8. Throws a ShapeError for shapes that do not broadcast or an axis out of range, a DTypeError for other or mixed dtypes.
 *
 * @example
 * cosineSimilarity(tensor([[1, 0], [1, 0]]), tensor([[1, 1], [-2, 0]])); // [0.7071, -1]
 */
export function cosineSimilarity(a: Tensor, b: Tensor, options: { axis?: number; eps?: number } = {}): Tensor {
  checkFloat('cosineSimilarity', a, 'a');
  checkFloat('cosineSimilarity', b, 'b');
  operands('cosineSimilarity', a, b);
  const { axis = -1, eps = 1e-8 } = options;
  const shape = broadcastShapes('cosineSimilarity', a.shape, b.shape);
  const at = normalizeAxis('cosineSimilarity', axis, shape.length);
  return sum(mul(direct(broadcastTo(a, shape), at, eps), direct(broadcastTo(b, shape), at, eps)), { axis: at });
}

/** x / max(|x|, eps), whose gradient knows nothing of `eps`, as in PyTorch. */
function direct(x: Tensor, axis: number, eps: number): Tensor {
  const length = norm(x, { axis, keepDims: true });
  return div(x, add(length, detach(sub(clamp(length, eps), length))));
}
