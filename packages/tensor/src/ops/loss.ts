import { detach, record, type Vjp } from '../autograd.js';
import { ShapeError, ValueError } from '../errors.js';
import { sameShape, show } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { relu, sigmoid, softplus } from './activation.js';
import { abs, add, clamp, div, maximum, mul, neg, square, sub } from './arithmetic.js';
import { eq, lt, where } from './compare.js';
import { checkFloat, operands } from './elementwise.js';
import { exp, log, log1p } from './math.js';
import { mean, sum } from './reduce.js';

/* Losses between tensors of one shape. `cross-entropy.ts` has those of classes. */

/** What becomes of the losses of all elements: their mean, their sum, or nothing. */
export type Reduction = 'mean' | 'sum' | 'none';

export interface LossOptions {
  /** `mean` if left out. */
  reduction?: Reduction;
}

/** Throws a ValueError for a reduction that there is not. */
export function checkReduction(op: string, reduction: string, known: readonly string[] = ['mean', 'sum', 'none']): void {
  if (!known.includes(reduction)) throw new ValueError(`${op}: reduction: expected one of ${known.join(', ')}, got ${reduction}`);
}

/** The two inputs of a loss, checked in its name. */
function inputs(op: string, x: Tensor, y: Tensor, { reduction = 'mean' }: LossOptions): [Tensor, Tensor] {
  checkFloat(op, x);
  checkReduction(op, reduction);
  return operands(op, x, y);
}

function reduced(losses: Tensor, { reduction = 'mean' }: LossOptions): Tensor {
  return reduction === 'none' ? losses : reduction === 'sum' ? sum(losses) : mean(losses);
}

/**
 * The squared error (x - y)², elementwise, then reduced. Floats that broadcast (mind [n, 1] beside [n]). Throws a ShapeError for shapes that do
 * not, a DTypeError for other or mixed dtypes, a ValueError for an unknown reduction.
 *
 * @example
 * mseLoss(tensor([1, 2]), tensor([1, 4])); // 2
 */
export function mseLoss(x: Tensor, y: Tensor, options: LossOptions = {}): Tensor {
  const [a, b] = inputs('mseLoss', x, y, options);
  return reduced(square(sub(a, b)), options);
}

/**
 * The absolute error |x - y|, elementwise, then reduced; its gradient is 0 where x = y. Inputs and errors as for `mseLoss`.
 *
 * @example
 * l1Loss(tensor([1, 2]), tensor([1, 4])); // 1
 */
export function l1Loss(x: Tensor, y: Tensor, options: LossOptions = {}): Tensor {
  const [a, b] = inputs('l1Loss', x, y, options);
  return reduced(abs(sub(a, b)), options);
}

/**
 * ½(x - y)² / beta where |x - y| < beta, |x - y| - ½beta elsewhere, then reduced; `beta` is 1 if left out, and 0 gives `l1Loss`. Inputs and errors as
 * for `mseLoss`, and a ValueError for a negative `beta`. Girshick, 2015.
 *
 * @example
 * smoothL1Loss(tensor([1, 2]), tensor([1.5, 5]), { reduction: 'none' }); // [0.125, 2.5]
 */
export function smoothL1Loss(x: Tensor, y: Tensor, options: LossOptions & { beta?: number } = {}): Tensor {
  const { beta = 1 } = options;
  const [a, b] = inputs('smoothL1Loss', x, y, options);
  if (!(beta >= 0)) throw new ValueError(`smoothL1Loss: beta: expected a number from 0, got ${beta}`);
  const distance = abs(sub(a, b));
  if (beta === 0) return reduced(distance, options);
  const near = lt(distance, beta);
  const inner = mul(square(where(near, distance, 0)), 0.5 / beta);
  return reduced(where(near, inner, sub(distance, 0.5 * beta)), options);
}

/**
 * ½(x - y)² where |x - y| < delta, delta · (|x - y| - ½delta) elsewhere, then reduced; `delta` is 1 if left out. Inputs and errors as for `mseLoss`,
 * and a ValueError unless delta > 0. Huber, 1964.
 *
 * @example
 * huberLoss(tensor([1, 2]), tensor([1.5, 5]), { delta: 2, reduction: 'none' }); // [0.125, 4]
 */
export function huberLoss(x: Tensor, y: Tensor, options: LossOptions & { delta?: number } = {}): Tensor {
  const { delta = 1 } = options;
  const [a, b] = inputs('huberLoss', x, y, options);
  if (!(delta > 0)) throw new ValueError(`huberLoss: delta: expected a number above 0, got ${delta}`);
  const distance = abs(sub(a, b));
  const near = lt(distance, delta);
  const inner = mul(square(where(near, distance, 0)), 0.5);
  return reduced(where(near, inner, mul(sub(distance, 0.5 * delta), delta)), options);
}

/**
 * The terms y (ln y - x) of the Kullback-Leibler divergence of probabilities `y` from those whose logarithms are `x`, then reduced.
 *
 * With `logTarget` y is given by its logarithm, too. 'batchmean' divides the sum by the length of axis 0, as the definition has it; 'mean', by the
 * number of elements. A y of 0 gives 0. Inputs and errors as for `mseLoss`.
 *
 * @example
 * klDiv(log(tensor([[0.5, 0.5]])), tensor([[0.25, 0.75]]), { reduction: 'batchmean' }); // 0.1308
 */
export function klDiv(x: Tensor, y: Tensor, options: { logTarget?: boolean; reduction?: Reduction | 'batchmean' } = {}): Tensor {
  const { logTarget = false, reduction = 'mean' } = options;
  checkReduction('klDiv', reduction, ['mean', 'sum', 'none', 'batchmean']);
  const [a, b] = inputs('klDiv', x, y, {});
  const losses = logTarget ? mul(exp(b), sub(b, a)) : sub(where(eq(b, 0), 0, mul(b, log(b))), mul(b, a));
  if (reduction === 'batchmean') return div(sum(losses), x.shape[0] ?? 1);
  return reduced(losses, { reduction });
}

/** Throws a ShapeError unless the two have one shape: a loss of [n, 1] against [n] would be that of all pairs. */
function checkSame(op: string, x: Tensor, y: Tensor): void {
  if (!sameShape(x.shape, y.shape)) throw new ShapeError(`${op}: expected x and y of one shape, got ${show(x.shape)} and ${show(y.shape)}`);
}

function weighted(losses: Tensor, weight: Tensor | undefined): Tensor {
  return weight ? mul(losses, weight) : losses;
}

/**
 * Binary cross-entropy -(y ln x + (1 - y) ln(1 - x)) of probabilities `x` against probabilities `y`, times `weight`, then reduced.
 *
 * Logarithms are held at -100 or above, as in PyTorch; from logits, `bceWithLogits` is more accurate. Floats of one shape, from 0 to 1 (which is not
 * looked at); `weight` broadcasts. Throws a ShapeError for two shapes, otherwise as `mseLoss` does.
 *
 * @example
 * bceLoss(tensor([0.9, 0.2]), tensor([1, 0])); // 0.1643
 */
export function bceLoss(x: Tensor, y: Tensor, options: LossOptions & { weight?: Tensor } = {}): Tensor {
  const [p, t] = inputs('bceLoss', x, y, options);
  checkSame('bceLoss', p, t);
  const logs = (p: Tensor) => [clamp(log(p), -100), clamp(log1p(neg(p)), -100)] as const;
  const [hit, miss] = logs(detach(p));
  const q = detach(t);
  const value = neg(add(mul(q, hit), mul(sub(1, q), miss)));
  const losses = record('bceLoss', value.storage.retain(), value.shape, [p, t], (dy) => [
    () => mul(dy, div(sub(p, t), maximum(mul(sub(1, p), p), 1e-12))),
    () => {
      const [hit, miss] = logs(p);
      return mul(dy, sub(miss, hit));
    },
  ]);
  return reduced(weighted(losses, options.weight), options);
}

/**
 * Binary cross-entropy of logits `x` against probabilities `y`, without overflow: max(x, 0) - x·y + ln(1 + exp(-|x|)), then reduced.
 *
 * `posWeight` multiplies the term of the positive class, -y ln sigmoid(x), and `weight` the whole; both broadcast with `x` and are none if left out.
 * Floats of one shape. Throws a ShapeError for two shapes, otherwise as `mseLoss` does.
 *
 * @example
 * bceWithLogits(tensor([2, -1]), tensor([1, 0])); // 0.2201
 */
export function bceWithLogits(x: Tensor, y: Tensor, options: LossOptions & { weight?: Tensor; posWeight?: Tensor } = {}): Tensor {
  const [logits, targets] = inputs('bceWithLogits', x, y, options);
  checkSame('bceWithLogits', logits, targets);
  const { weight, posWeight } = options;
  const losses = binaryCrossEntropy(logits, targets);
  const extra = posWeight ? mul(mul(sub(posWeight, 1), targets), softplus(neg(logits))) : null;
  return reduced(weighted(extra ? add(losses, extra) : losses, weight), options);
}

function binaryCrossEntropy(x: Tensor, y: Tensor): Tensor {
  const [a, b] = [detach(x), detach(y)];
  const value = add(sub(relu(a), mul(a, b)), log1p(exp(neg(abs(a)))));
  const vjp: Vjp = (dy) => [() => mul(dy, sub(sigmoid(x), y)), () => mul(dy, neg(x))];
  return record('bceWithLogits', value.storage.retain(), value.shape, [x, y], vjp);
}
