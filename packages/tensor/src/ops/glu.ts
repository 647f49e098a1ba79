import { ShapeError } from '../errors.js';
import { normalizeAxis, show } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { checkFloat } from './elementwise.js';
import { gated } from './gated.js';
import { slice } from './slice.js';

/* Gated linear units of one tensor: one half of an axis decides how much of the other passes. */

/**
 * a · sigmoid(b), where a and b are the two halves of `x` along `axis`: x [..., 2n, ...] to [..., n, ...]. Floats only.
 * Throws a ShapeError for an axis of odd length, a DTypeError for another dtype. Dauphin et al., 2016.
 *
 * @example
 * glu(tensor([[1, 2, 0, 0]])); // [[0.5, 1]]
 */
export function glu(x: Tensor, axis = -1): Tensor {
  const [a, b] = halves('glu', x, axis);
  return gated(b, a, { activation: 'sigmoid' });
}

/**
 * silu(a) · b, where a and b are the two halves of `x` along `axis`: the *first* half is the gate, as in Llama's `silu(gate) · up`.
 * Shapes, dtypes and errors as for `glu`. Shazeer, 2020.
 *
 * @example
 * swiglu(tensor([[1, 2, 1, 10]])); // [[0.7311, 17.6159]]
 */
export function swiglu(x: Tensor, axis = -1): Tensor {
  const [a, b] = halves('swiglu', x, axis);
  return gated(a, b);
}

/**
 * a · gelu(b), where a and b are the two halves of `x` along `axis`: the *second* half is the gate, as in `glu`. Shapes, dtypes and errors as
 * for `glu`. Shazeer, 2020.
 *
 * @example
 * geglu(tensor([[1, 10, 1, 2]])); // [[0.8413, 19.545]]
 */
export function geglu(x: Tensor, axis = -1): Tensor {
  const [a, b] = halves('geglu', x, axis);
  return gated(b, a, { activation: 'gelu' });
}

function halves(op: string, x: Tensor, axis: number): [Tensor, Tensor] {
  checkFloat(op, x);
  const at = normalizeAxis(op, axis, x.rank);
  const n = x.shape[at]!;
  if (n % 2 !== 0) throw new ShapeError(`${op}: x: expected an axis of even length to halve, got ${n} on axis ${at} of ${show(x.shape)}`);
  return [slice(x, at, 0, n / 2), slice(x, at, n / 2, n)];
}
