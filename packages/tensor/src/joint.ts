import { isFloat } from './dtype.js';
import { DTypeError, LifetimeError } from './errors.js';
import { concat } from './ops/join.js';
import { reshape } from './ops/view.js';
import { slice } from './ops/slice.js';
import { checkTensor, type Tensor } from './tensor.js';

/*
 * A node of the tape has one output. A function of several joins its float outputs to one flat tensor, which has the node; what its
 * caller gets are views of that, and the gradients of views bring theirs together.
 */

/** What a differentiable function returns. */
export type Outputs = Tensor | readonly Tensor[];

export interface Joint<Out extends Outputs> {
  /** The float outputs in one tensor: the output itself, if there is one; null if none is a float. */
  readonly flat: Tensor | null;
  /** The outputs that are no floats. */
  readonly others: readonly Tensor[];
  /** In the form of the outputs, the parts of a tensor like `flat`, and in the place of the `others` what `other` makes of them. */
  parts(flat: Tensor | null, other: (y: Tensor) => Tensor): Out;
}

/**
 * Joins the outputs of `fn`, an argument of `op`. Throws a LifetimeError if they are a promise, a BackendError if one is no tensor, a
 * DTypeError if they are of two float types.
 */
export function join<Out extends Outputs>(op: string, fn: string, outputs: Out): Joint<Out> {
  if (outputs instanceof Promise) throw new LifetimeError(`${op}: ${fn}: expected a synchronous function, got one that returns a promise`);
  if (!isList(outputs)) {
    const y: Tensor = outputs;
    checkTensor(op, `the output of ${fn}`, y);
    const float = isFloat(y.dtype);
    return { flat: float ? y : null, others: float ? [] : [y], parts: (flat, other) => (flat ?? other(y)) as Out };
  }
  for (const [i, y] of outputs.entries()) checkTensor(op, `output ${i} of ${fn}`, y);
  const floats = outputs.filter((y) => isFloat(y.dtype));
  const odd = floats.find((y) => y.dtype !== floats[0]!.dtype);
  if (odd) throw new DTypeError(`${op}: ${fn}: expected outputs of one float type, got ${floats[0]!.dtype} and ${odd.dtype}`);
  const parts = (flat: Tensor | null, other: (y: Tensor) => Tensor) => {
    let end = 0;
    return outputs.map((y) => {
      if (!flat || !isFloat(y.dtype)) return other(y);
      end += y.size;
      return reshape(slice(flat, 0, end - y.size, end), y.shape);
    }) as unknown as Out;
  };
  const flat = floats.length > 0 ? concat(floats.map((y) => reshape(y, [y.size]))) : null;
  return { flat, others: outputs.filter((y) => !isFloat(y.dtype)), parts };
}

function isList(outputs: Outputs): outputs is readonly Tensor[] {
  return Array.isArray(outputs);
}
