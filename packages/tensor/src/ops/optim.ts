import { contiguous } from '../autograd.js';
import type { AdamArgs } from '../backend.js';
import { ShapeError } from '../errors.js';
import { noGrad } from '../mode.js';
import { tidy } from '../scope.js';
import { sameShape, show } from '../shape.js';
import { commonBackend, type Tensor } from '../tensor.js';
import { add, div, mul, sub } from './arithmetic.js';
import { sqrt } from './math.js';
import { fusedKernel } from './fused.js';

/*
 * The two operations that change a tensor in place. Neither is seen by the tape: what was recorded with the old value and is
 * differentiated after the change gets the gradient wrong, so update parameters between steps only.
 */

/**
 * target[…] = value[…]: copies the elements of `value` into those of `target`, in place.
 *
 * Both have one shape and one dtype, any; `target` may be a view, so that a part of a larger tensor is written: parameters, running averages,
 * caches. The tape does not see it. Throws a ShapeError where shapes or dtypes differ, a BackendError for two backends.
 *
 * @example
 * const cache = zeros([3, 2]);
 * assign(slice(cache, 0, 1, 2), tensor([[7, 8]]));
 * cache; // [[0, 0], [7, 8], [0, 0]]
 */
export function assign(target: Tensor, value: Tensor): void {
  commonBackend('assign', { target, value });
  if (!sameShape(target.shape, value.shape) || target.dtype !== value.dtype) {
    throw new ShapeError(
      `assign: value: expected ${target.dtype} ${show(target.shape)} as the target, got ${value.dtype} ${show(value.shape)}`,
    );
  }
  const to = { offset: target.offset, strides: target.strides };
  const from = { offset: value.offset, strides: value.strides };
  target.backend.kernels.copy(target.shape, target.buffer, to, value.buffer, from);
}

/**
 * One step of Adam or AdamW in place: m = β₁m + (1 - β₁)g, v = β₂v + (1 - β₂)g², p = p - lr / (1 - β₁ᵗ) · m / (√v / √(1 - β₂ᵗ) + eps) at step t.
 *
 * Parameter, gradient and both moments have one shape; they are float32, on the CPU backend also float64. Weight decay is added to the gradient, or with
 * `decoupled` (AdamW) taken off the parameter first: p = p·(1 - lr·weightDecay). The tape does not see it; `adam` and `adamw` of
 * `@multihead/train` keep the moments for you. Kingma and Ba, "Adam", 2015; Loshchilov and Hutter, "Decoupled Weight Decay
 * Regularization", 2019. Throws a ShapeError where shapes differ, a BackendError for two backends.
 *
 * @example
 * const [p, m, v] = [tensor([1, 2]), tensor([0, 0]), tensor([0, 0])];
 * const settings = { lr: 0.1, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, decoupled: true };
 * adamStep(p, tensor([5, -5]), { m, v }, { ...settings, step: 1 });
 * p; // [0.9, 2.1]
 * m; // [0.5, -0.5]
 */
export function adamStep(parameter: Tensor, gradient: Tensor, moments: { m: Tensor; v: Tensor }, args: AdamArgs): void {
  const { m, v } = moments;
  commonBackend('adamStep', { parameter, gradient, m, v });
  for (const [name, t] of Object.entries({ gradient, m, v })) {
    if (sameShape(t.shape, parameter.shape) && t.dtype === parameter.dtype) continue;
    const wanted = `${parameter.dtype} ${show(parameter.shape)}`;
    throw new ShapeError(`adamStep: ${name}: expected ${wanted} as the parameter, got ${t.dtype} ${show(t.shape)}`);
  }
  const inPlace = [parameter, m, v].every(({ dense }) => dense);
  const kernel = inPlace ? fusedKernel('adamStep', null, [parameter]) : undefined;
  noGrad(() =>
    tidy(() => {
      const g = contiguous(gradient);
      if (kernel?.(parameter.buffer, g.buffer, m.buffer, v.buffer, args)) return;
      composedStep(parameter, g, moments, args);
    }),
  );
}

function composedStep(p: Tensor, gradient: Tensor, { m, v }: { m: Tensor; v: Tensor }, args: AdamArgs): void {
  const { lr, beta1, beta2, eps, weightDecay, decoupled, step } = args;
  const g = weightDecay !== 0 && !decoupled ? add(gradient, mul(p, weightDecay)) : gradient;
  assign(m, add(mul(m, beta1), mul(g, 1 - beta1)));
  // In this order, because g² alone may overflow.
  assign(v, add(mul(v, beta2), mul(mul(g, 1 - beta2), g)));
  const denominator = add(div(sqrt(v), Math.sqrt(1 - beta2 ** step)), eps);
  const decayed = weightDecay !== 0 && decoupled ? mul(p, 1 - lr * weightDecay) : p;
  assign(p, sub(decayed, mul(div(m, denominator), lr / (1 - beta1 ** step))));
}
