import { detach, record } from '../autograd.js';
import { broadcastShapes, normalizeAxis } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { sigmoid } from './activation.js';
import { abs, add, maximum, mul, neg, sub } from './arithmetic.js';
import { eq, isinf, logicalAnd, where } from './compare.js';
import { checkFloat, type Operand, operands } from './elementwise.js';
import { exp, log1p } from './math.js';
import { concat } from './join.js';
import { slice } from './slice.js';

/* Sums of numbers that are given by their logarithms. `logsumexp` is with the reductions. */

/**
 * ln(eᵃ + eᵇ), elementwise, without overflow. Floats that broadcast; a number may stand for one of them. An input of -∞ gets the gradient 0
 * (in PyTorch NaN, if both are). Throws a DTypeError for other or mixed dtypes, a ShapeError for shapes that do not broadcast.
 *
 * @example
 * logaddexp(tensor([0, 1000]), tensor([0, 900])); // [0.6931, 1000]
 */
export function logaddexp(a: Operand, b: Operand): Tensor {
  const [x, y] = operands('logaddexp', a, b);
  checkFloat('logaddexp', x, 'a');
  broadcastShapes('logaddexp', x.shape, y.shape);
  const [p, q] = [detach(x), detach(y)];
  const value = add(maximum(p, q), log1p(exp(neg(abs(gap(p, q))))));
  return record('logaddexp', value.storage.retain(), value.shape, [x, y], (dy) => [() => share(dy, x, y), () => share(dy, y, x)]);
}

/** a - b, and 0 for equal infinities. */
function gap(a: Tensor, b: Tensor): Tensor {
  return where(logicalAnd(eq(a, b), isinf(a)), 0, sub(a, b));
}

/** dy · eᵃ / (eᵃ + eᵇ) */
function share(dy: Tensor, a: Tensor, b: Tensor): Tensor {
  return mul(dy, where(eq(a, Number.NEGATIVE_INFINITY), 0, sigmoid(gap(a, b))));
}

/**
 * ln of the running sums of eˣ along `axis`, without overflow: yᵢ = ln(exp x₀ + … + exp xᵢ). Shape and dtype of `x`; gradients as in
 * `logaddexp`. Throws a DTypeError for anything but floats, a ShapeError for an axis out of range.
 *
 * @example
 * logcumsumexp(tensor([0, 0, 1000]), 0); // [0, 0.6931, 1000]
 */
export function logcumsumexp(x: Tensor, axis: number): Tensor {
  checkFloat('logcumsumexp', x);
  const at = normalizeAxis('logcumsumexp', axis, x.rank);
  const n = x.shape[at]!;
  // Each round doubles how many elements a result has taken in (Hillis and Steele, 1986).
  let y = x;
  for (let taken = 1; taken < n; taken *= 2) {
    y = concat([slice(y, at, 0, taken), logaddexp(slice(y, at, taken), slice(y, at, 0, n - taken))], at);
  }
  return y;
}
