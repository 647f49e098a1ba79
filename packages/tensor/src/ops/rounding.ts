import type { Tensor } from '../tensor.js';
import { zerosLike } from './create.js';
import { type UnaryGradient, unary } from './elementwise.js';

/* Numbers made whole, and their signs: constant between their jumps, so that every gradient is 0. */

/** The gradient of what is constant between its jumps, which is 0 whatever comes from above. */
const flat: UnaryGradient = (dy) => zerosLike(dy);

/**
 * -1, 0 or 1, elementwise; NaN stays NaN. Floats and int32. Its gradient is 0. Throws a DTypeError for bool.
 *
 * @example
 * sign(tensor([-2.5, 0, 7])); // [-1, 0, 1]
 */
export const sign = (x: Tensor): Tensor => unary('sign', x, flat);

/**
 * ⌊x⌋, the greatest integer that is not above x, elementwise. Floats only; its gradient is 0. Throws a DTypeError for another dtype.
 *
 * @example
 * floor(tensor([-1.5, 1.5])); // [-2, 1]
 */
export const floor = (x: Tensor): Tensor => unary('floor', x, flat);

/**
 * ⌈x⌉, the least integer that is not below x, elementwise. Floats only; its gradient is 0. Throws a DTypeError for another dtype.
 *
 * @example
 * ceil(tensor([-1.5, 1.2])); // [-1, 2]
 */
export const ceil = (x: Tensor): Tensor => unary('ceil', x, flat);

/**
 * The nearest integer, elementwise, halves going to the even one. Floats only; its gradient is 0. Throws a DTypeError for another dtype.
 *
 * @example
 * round(tensor([0.5, 1.5, 2.4])); // [0, 2, 2]
 */
export const round = (x: Tensor): Tensor => unary('round', x, flat);

/**
 * x without its fraction, elementwise: rounded towards zero. Floats only; its gradient is 0. Throws a DTypeError for another dtype.
 *
 * @example
 * trunc(tensor([-1.5, 1.5])); // [-1, 1]
 */
export const trunc = (x: Tensor): Tensor => unary('trunc', x, flat);
