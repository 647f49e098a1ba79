import { attach, detach, isDifferentiated, type Vjp } from './autograd.js';
import { DTypeError, GradientError, ShapeError } from './errors.js';
import { join, type Outputs } from './joint.js';
import { during, isRecording, noGrad } from './mode.js';
import { expand } from './ops/view.js';
import { zeros } from './ops/create.js';
import { remember } from './replay.js';
import { tidy } from './scope.js';
import { sameShape, show } from './shape.js';
import { type Adjoint, checkTensor, type Tensor } from './tensor.js';

/** What the forward function of `customGradient` returns: a tensor or several, and anything that the gradient will need. */
export interface CustomForward {
  readonly output: Outputs;
  readonly saved?: unknown;
}

/** What the backward function of `customGradient` may use. */
export interface CustomContext<In extends readonly Tensor[], Result extends CustomForward> {
  readonly inputs: In;
  readonly output: Result['output'];
  readonly saved: Result['saved'];
}

/**
 * A function whose gradient is given instead of recorded: for gradients that are cheaper or more stable than the recorded ones, or that
 * are no derivatives at all, as where rounding passes them straight through.
 *
 * `forward(...inputs)` runs off the tape, and tidily: of what it makes, the tensors in `output` and in `saved` (in arrays, maps and plain
 * objects) live on. `backward(gradient, { inputs, output, saved })` gets the gradient of the output, in the form of the output, zeros
 * where an output is not used; it returns one gradient for each input, in order, each of the shape and dtype of its input, null where
 * there is none, or a function that makes it if it is wanted. Only the inputs get gradients: tensors that `forward` closes over do not.
 *
 * The result can be differentiated twice if `backward` is made of operations: for that, `forward` runs again, on the tape and with the
 * same random numbers, so that `saved` is differentiated, too. Outputs that are no floats have no gradient.
 * The GradientError, ShapeError or DTypeError of a gradient that does not fit names `options.name`, the input, and both sides.
 *
 * @example
 * const roundThrough = customGradient(
 *   (x: Tensor) => ({ output: round(x) }),
 *   (dy) => [dy],
 *   { name: 'roundThrough' },
 * );
 * const x = tensor([0.4, 1.6], { requiresGrad: true });
 * sum(roundThrough(x)).backward();
 * await x.grad!.toArray(); // [1, 1]
 */
export function customGradient<In extends readonly Tensor[], Result extends CustomForward>(
  forward: (...inputs: In) => Result,
  backward: (gradient: Result['output'], context: CustomContext<In, Result>) => readonly Adjoint[],
  options: { readonly name?: string } = {},
): (...inputs: In) => Result['output'] {
  const { name = 'customGradient' } = options;
  return (...inputs) => {
    for (const [i, x] of inputs.entries()) checkTensor(name, `inputs[${i}]`, x);
    const { flat, parts, saved, replay } = tidy(() => {
      const { result, replay } = remember(() => noGrad(() => forward(...inputs)));
      const joint = noGrad(() => join(name, 'forward', result.output));
      // A view: the output may be an input, which has a place on the tape already.
      return { ...joint, flat: joint.flat && detach(joint.flat), saved: isDifferentiated(...inputs) ? result.saved : undefined, replay };
    });
    const vjp: Vjp = (dy, y) => {
      const gradient = parts(dy, (other) => expand(zeros([], { dtype: dy.dtype, backend: dy.backend }), other.shape));
      const output = parts(y, (other) => other);
      const again =
        isRecording() && saved !== undefined ? replay(() => during({ recording: true }, () => forward(...inputs))).saved : saved;
      return fitted(name, inputs, backward(gradient, { inputs, output, saved: again }));
    };
    const y = flat && attach(flat, name, inputs, vjp);
    return parts(y, (other) => other) as Result['output'];
  };
}

/** The gradients, each of which throws when it is had and does not fit its input. */
function fitted(name: string, inputs: readonly Tensor[], gradients: readonly Adjoint[]): readonly Adjoint[] {
  if (!Array.isArray(gradients) || gradients.length !== inputs.length) {
    const got = Array.isArray(gradients) ? gradients.length : 'something else';
    throw new GradientError(`${name}: backward: expected an array of ${inputs.length} gradients, one for each input, got ${got}`);
  }
  return inputs.map((x, i) => () => {
    const given = gradients[i]!;
    const g = typeof given === 'function' ? given() : given;
    if (g === null) return null;
    checkTensor(name, `backward: gradient ${i}`, g);
    if (!sameShape(g.shape, x.shape)) {
      throw new ShapeError(`${name}: backward: gradient ${i}: expected the shape ${show(x.shape)} of the input, got ${show(g.shape)}`);
    }
    if (g.dtype !== x.dtype) throw new DTypeError(`${name}: backward: gradient ${i}: expected ${x.dtype}, as the input, got ${g.dtype}`);
    return g;
  });
}
