import { contiguous, detach, record, type Vjp } from '../autograd.js';
import type { CrossEntropyArgs } from '../backend.js';
import { isFloat } from '../dtype.js';
import { DTypeError, ShapeError, ValueError } from '../errors.js';
import { sameShape, show } from '../shape.js';
import { commonBackend, type Tensor } from '../tensor.js';
import { relu, sigmoid } from './activation.js';
import { abs, add, div, mul, neg, square, sub } from './arithmetic.js';
import { lt, ne, where } from './compare.js';
import { exp, log1p } from './math.js';
import { attempt, fusedKernel, onlyOnce, scratch } from './fused.js';
import { embedding, takeAlong } from './indexing.js';
import { mean, sum } from './reduce.js';
import { logSoftmax } from './softmax.js';
import { cast, squeeze, unsqueeze } from './view.js';

export type Reduction = 'mean' | 'sum' | 'none';

export interface CrossEntropyOptions {
  /** Targets of this value count for nothing. */
  ignoreIndex?: number;
  /** The share of the target's probability that is spread evenly over all classes (Szegedy et al., 2016). */
  labelSmoothing?: number;
  /** A factor for each class [classes]; `mean` then divides by the sum of the targets' factors. */
  weight?: Tensor;
  reduction?: Reduction;
}

/**
 * Cross-entropy of `logits` [..., classes] against int32 class indices `targets` [...]:
 * -(1 - s) ln p[target] - s/C Σ ln p, p = softmax(logits). Classes are the last axis (PyTorch has them second).
 * If every target is ignored, `mean` is NaN with gradient 0, as in PyTorch.
 *
 * @example
 * const loss = crossEntropy(logits, targets, { labelSmoothing: 0.1, ignoreIndex: 0 });
 */
export function crossEntropy(logits: Tensor, targets: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { ignoreIndex = -100, labelSmoothing = 0, weight, reduction = 'mean' } = options;
  commonBackend('crossEntropy', { logits, targets, weight });
  if (logits.rank === 0 || !sameShape(logits.shape.slice(0, -1), targets.shape)) {
    throw new ShapeError(
      `crossEntropy: expected logits [..., classes] and targets [...], got ${show(logits.shape)} and ${show(targets.shape)}`,
    );
  }
  if (!isFloat(logits.dtype) || targets.dtype !== 'int32') {
    throw new DTypeError(`crossEntropy: expected float logits and int32 targets, got ${logits.dtype} and ${targets.dtype}`);
  }
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1))
    throw new ValueError(`crossEntropy: labelSmoothing: expected 0 to 1, got ${labelSmoothing}`);
  const classes = logits.shape.at(-1)!;
  const args = { rows: targets.size, classes, ignoreIndex, labelSmoothing };
  const losses = (weight ? null : fusedCrossEntropy(logits, targets, args)) ?? composedCrossEntropy(logits, targets, weight, args);
  if (reduction === 'none') return losses;
  if (reduction === 'sum') return sum(losses);
  const counted = ne(targets, ignoreIndex);
  const factors = weight ? where(counted, weightOf(weight, targets, counted), 0) : cast(counted, logits.dtype);
  return div(sum(losses), sum(factors));
}

/** Ignored targets become class 0, which every table has. */
function safeTargets(targets: Tensor, counted: Tensor): Tensor {
  return where(counted, targets, 0);
}

function weightOf(weight: Tensor, targets: Tensor, counted: Tensor): Tensor {
  return squeeze(embedding(unsqueeze(weight, 1), safeTargets(targets, counted)), -1);
}

function composedCrossEntropy(logits: Tensor, targets: Tensor, weight: Tensor | undefined, args: CrossEntropyArgs): Tensor {
  const { ignoreIndex, labelSmoothing, classes } = args;
  const counted = ne(targets, ignoreIndex);
  const labels = safeTargets(targets, counted);
  const logp = logSoftmax(logits);
  const picked = squeeze(takeAlong(logp, unsqueeze(labels, -1)), -1);
  const own = weight ? mul(picked, weightOf(weight, targets, counted)) : picked;
  // With smoothing 0 the other terms are left out: 0 · -∞ would be NaN.
  const all = labelSmoothing > 0 ? mul(sum(weight ? mul(logp, weight) : logp, { axis: -1 }), labelSmoothing / classes) : null;
  const loss = neg(all ? add(mul(own, 1 - labelSmoothing), all) : own);
  return where(counted, loss, 0);
}

function fusedCrossEntropy(input: Tensor, targets: Tensor, args: CrossEntropyArgs): Tensor | null {
  const kernel = fusedKernel('crossEntropy', 'crossEntropyGrad', [input]);
  if (!kernel) return null;
  const [logits, ids] = [contiguous(input), contiguous(targets)];
  const lse = scratch(logits, targets.shape);
  const out = attempt(logits, targets.shape, (buffer) => kernel(buffer, lse.buffer, logits.buffer, ids.buffer, args));
  if (!out) return null;
  return record('crossEntropy', out, targets.shape, [logits], (gradient) => {
    onlyOnce('crossEntropy');
    const dy = contiguous(gradient);
    const dx = scratch(logits, logits.shape);
    logits.backend.fused.crossEntropyGrad!(dx.buffer, dy.buffer, logits.buffer, lse.buffer, ids.buffer, args);
    return [dx];
  });
}

function reduceLoss(losses: Tensor, reduction: Reduction): Tensor {
  return reduction === 'none' ? losses : reduction === 'sum' ? sum(losses) : mean(losses);
}

/** (x - y)² */
export function mseLoss(x: Tensor, y: Tensor, options: { reduction?: Reduction } = {}): Tensor {
  return reduceLoss(square(sub(x, y)), options.reduction ?? 'mean');
}

/** |x - y| */
export function l1Loss(x: Tensor, y: Tensor, options: { reduction?: Reduction } = {}): Tensor {
  return reduceLoss(abs(sub(x, y)), options.reduction ?? 'mean');
}

/** ½(x - y)² / beta where |x - y| < beta, |x - y| - ½ beta elsewhere. */
export function smoothL1Loss(x: Tensor, y: Tensor, options: { beta?: number; reduction?: Reduction } = {}): Tensor {
  const { beta = 1, reduction = 'mean' } = options;
  const distance = abs(sub(x, y));
  if (beta === 0) return reduceLoss(distance, reduction);
  const near = lt(distance, beta);
  const inner = mul(square(where(near, distance, 0)), 0.5 / beta);
  return reduceLoss(where(near, inner, sub(distance, 0.5 * beta)), reduction);
}

/** Binary cross-entropy of logits `x` against probabilities `y`, without overflow: max(x, 0) - x·y + ln(1 + e^-|x|). */
export function bceWithLogits(x: Tensor, y: Tensor, options: { reduction?: Reduction } = {}): Tensor {
  commonBackend('bceWithLogits', { x, y });
  const [a, b] = [detach(x), detach(y)];
  const value = add(sub(relu(a), mul(a, b)), log1p(exp(neg(abs(a)))));
  const vjp: Vjp = (dy) => [() => mul(dy, sub(sigmoid(x), y)), () => mul(dy, neg(x))];
  const losses = record('bceWithLogits', value.storage.retain(), value.shape, [x, y], vjp);
  return reduceLoss(losses, options.reduction ?? 'mean');
}
