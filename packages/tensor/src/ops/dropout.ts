import { compute, contiguous, noGradient, record } from '../autograd.js';
import { ValueError } from '../errors.js';
import type { Rng, RngState } from '../random.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { mul } from './arithmetic.js';
import { where } from './compare.js';
import { attempt, fusedKernel } from './fused.js';

/**
 * Each element is 0 with probability `p`, else x / (1 - p), so that the mean stays; without `rng`, or with p = 0, it is `x` itself.
 *
 * The mask is drawn again for the gradient instead of being stored. Floats of any shape. Throws a ValueError for a `p` outside [0, 1].
 * Srivastava et al., 2014.
 *
 * @example
 * dropout(tensor([1, 2, 3, 4]), 0.5, new Rng(3)); // [2, 0, 6, 8]
 * dropout(tensor([1, 2, 3, 4]), 0.5); // [1, 2, 3, 4]
 */
export function dropout(x: Tensor, p: number, rng?: Rng): Tensor {
  checkTensor('dropout', 'x', x);
  if (!(p >= 0 && p <= 1)) throw new ValueError(`dropout: p: expected a probability from 0 to 1, got ${p}`);
  if (!rng || p === 0) return x;
  const state = rng.take(x.size);
  return p === 1 ? mul(x, 0) : drop(x, p, state);
}

function drop(input: Tensor, p: number, state: RngState): Tensor {
  const x = contiguous(input);
  const kernel = fusedKernel('dropout', null, [x]);
  const out = kernel ? attempt(x, x.shape, (buffer) => kernel(buffer, x.buffer, { p, ...state })) : null;
  if (out) return record('dropout', out, x.shape, [x], (dy) => [() => drop(dy, p, state)]);
  const mask = compute(x.backend, x.shape, 'bool', (buffer, { kernels }) => kernels.random(buffer, { kind: 'bernoulli', p, ...state }));
  const dropped = record('bernoulli', mask, x.shape, [], noGradient);
  return where(dropped, 0, mul(x, 1 / (1 - p)));
}
