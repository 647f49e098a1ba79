import { contiguous, detach, record } from '../autograd.js';
import { isFloat } from '../dtype.js';
import { DTypeError } from '../errors.js';
import { normalizeAxis } from '../shape.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { div, mul, sub } from './arithmetic.js';
import { exp } from './math.js';
import { attempt, fusedKernel, onlyOnce, scratch } from './fused.js';
import { amax, logsumexp, sum } from './reduce.js';
import { transpose } from './view.js';

/**
 * softmax(x)ᵢ = exp(xᵢ - max x) / Σⱼ exp(xⱼ - max x) along `axis`: positive numbers that add up to 1.
 *
 * x is of any shape and a float type, the result too. The maximum is taken off, so that nothing overflows; a row of -∞ gives NaN, as in PyTorch.
 * Throws a ShapeError for an axis out of range, a DTypeError for other types.
 *
 * @example
 * softmax(tensor([[1, 2, 3]])); // [[0.09, 0.2447, 0.6652]]
 * softmax(tensor([[1, 2], [1, 4]]), 0); // [[0.5, 0.1192], [0.5, 0.8808]]
 */
export function softmax(x: Tensor, axis = -1): Tensor {
  return alongLast('softmax', x, axis, false);
}

/**
 * logSoftmax(x)ᵢ = ln softmax(x)ᵢ = xᵢ - max x - ln Σⱼ exp(xⱼ - max x) along `axis`, finite where softmax would be rounded to 0.
 *
 * x is of any shape and a float type, the result too. Throws a ShapeError for an axis out of range, a DTypeError for other types.
 *
 * @example
 * logSoftmax(tensor([[1, 2, 3]])); // [[-2.4076, -1.4076, -0.4076]]
 * logSoftmax(tensor([0, 1000])); // [-1000, 0]
 */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  return alongLast('logSoftmax', x, axis, true);
}

function alongLast(op: string, x: Tensor, axis: number, log: boolean): Tensor {
  checkTensor(op, 'x', x);
  if (!isFloat(x.dtype)) throw new DTypeError(`${op}: x: expected a float type, got ${x.dtype}`);
  if (x.rank === 0) return log ? sub(x, x) : div(x, x);
  const at = normalizeAxis(op, axis, x.rank);
  if (at !== x.rank - 1) return transpose(alongLast(op, transpose(x, at, -1), -1, log), at, -1);
  return fused(op, x, log) ?? (log ? composedLogSoftmax(x) : composedSoftmax(x));
}

function composedSoftmax(x: Tensor): Tensor {
  if (x.size === 0) return mul(x, 1);
  const e = exp(sub(x, amax(detach(x), { axis: -1, keepDims: true })));
  return div(e, sum(e, { axis: -1, keepDims: true }));
}

function composedLogSoftmax(x: Tensor): Tensor {
  if (x.size === 0) return mul(x, 1);
  const shifted = sub(x, amax(detach(x), { axis: -1, keepDims: true }));
  return sub(shifted, logsumexp(shifted, { axis: -1, keepDims: true }));
}

function fused(op: string, input: Tensor, log: boolean): Tensor | null {
  const kernel = fusedKernel('softmax', 'softmaxGrad', [input]);
  if (!kernel) return null;
  const x = contiguous(input);
  const columns = x.shape.at(-1)!;
  const args = { rows: x.size / columns, columns, log };
  const out = attempt(x, x.shape, (buffer) => kernel(buffer, x.buffer, args));
  if (!out) return null;
  return record(op, out, x.shape, [x], (dy, y) => [() => fusedGrad(op, x, y, dy, args)]);
}

function fusedGrad(op: string, x: Tensor, y: Tensor, gradient: Tensor, args: { rows: number; columns: number; log: boolean }): Tensor {
  onlyOnce(op);
  const dy = contiguous(gradient);
  const dx = scratch(x, x.shape);
  if (x.backend.fused.softmaxGrad!(dx.buffer, dy.buffer, y.buffer, args)) return dx;
  if (args.log) return sub(dy, mul(exp(y), sum(dy, { axis: -1, keepDims: true })));
  return mul(y, sub(dy, sum(mul(dy, y), { axis: -1, keepDims: true })));
}
