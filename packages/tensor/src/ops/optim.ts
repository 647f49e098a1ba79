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
 * Copies `value` into the elements of `target`, which may be a view: parameters, running averages, caches.
 *
 * @example
 * assign(slice(cache, 2, position, position + 1), k);
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

/** One update of `parameter` and its moments `m` and `v` in place, by the formula at `AdamArgs`. Kingma and Ba, 2015. */
export function adamStep(parameter: Tensor, gradient: Tensor, moments: { m: Tensor; v: Tensor }, args: AdamArgs): void {
  const { m, v } = moments;
  commonBackend('adamStep', { parameter, gradient, m, v });
  const kernel = parameter.dense ? fusedKernel('adamStep', null, [parameter]) : undefined;
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
