import { contiguous, record } from '../autograd.js';
import type { CrossEntropyArgs } from '../backend.js';
import { DTypeError, ShapeError, ValueError } from '../errors.js';
import { sameShape, show } from '../shape.js';
import { commonBackend, type Tensor } from '../tensor.js';
import { add, div, mul, neg } from './arithmetic.js';
import { ne, where } from './compare.js';
import { checkFloat } from './elementwise.js';
import { attempt, fusedKernel, onlyOnce, scratch } from './fused.js';
import { embedding, takeAlong } from './indexing.js';
import { checkReduction, type Reduction } from './loss.js';
import { sum } from './reduce.js';
import { logSoftmax } from './softmax.js';
import { cast, squeeze, unsqueeze } from './view.js';

/* The loss of a choice among classes. Classes are the last axis (PyTorch has them second). */

export interface NllLossOptions {
  /** Targets of this value count for nothing; -100 if left out. */
  ignoreIndex?: number;
  /** A factor for each class [classes]; `mean` then divides by the sum of the targets' factors. */
  weight?: Tensor;
  reduction?: Reduction;
}

export interface CrossEntropyOptions extends NllLossOptions {
  /** The share of the target's probability that is spread evenly over all classes (Szegedy et al., 2016). */
  labelSmoothing?: number;
}

/**
 * Cross-entropy of `logits` [..., classes] against class indices or class probabilities: -Σ t ln p, p = softmax(logits).
 *
 * int32 `targets` [...] name one class each: -(1 - s) ln p[target] - s/C Σ ln p, with s = `labelSmoothing`. Float `targets` of the shape of
 * `logits` are probabilities; `ignoreIndex` has no meaning then, and `mean` divides by the number of rows. If every target is ignored, `mean` is
 * NaN with gradient 0, as in PyTorch. Throws a ShapeError for shapes that do not fit, a DTypeError for other dtypes, a ValueError for a target
 * outside the classes, an unknown reduction or smoothing outside [0, 1].
 *
 * @example
 * crossEntropy(tensor([[2, 0, 0]]), tensor(new Int32Array([0]))); // 0.2395
 * crossEntropy(tensor([[2, 0, 0]]), tensor([[0.5, 0.5, 0]])); // 1.2395
 */
export function crossEntropy(logits: Tensor, targets: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { ignoreIndex = -100, labelSmoothing = 0, weight, reduction = 'mean' } = options;
  checkArguments('crossEntropy', 'logits', logits, targets, options);
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1))
    throw new ValueError(`crossEntropy: labelSmoothing: expected 0 to 1, got ${labelSmoothing}`);
  if (targets.dtype === logits.dtype) return againstProbabilities(logits, targets, options);
  checkTargets('crossEntropy', 'logits', logits, targets);
  const args = { rows: targets.size, classes: logits.shape.at(-1)!, ignoreIndex, labelSmoothing };
  const losses = (weight ? null : fusedCrossEntropy(logits, targets, args)) ?? composedCrossEntropy(logits, targets, weight, args);
  return reduced(losses, targets, weight, ignoreIndex, reduction);
}

/**
 * The negative log-likelihood -x[target] of `logProbabilities` x [..., classes] by int32 class indices `targets` [...]: what `crossEntropy` is of
 * `logSoftmax(logits)`. If every target is ignored, `mean` is NaN. Errors as for `crossEntropy`.
 *
 * @example
 * nllLoss(tensor([[-0.5, -1, -2], [-3, -2, -0.2]]), tensor(new Int32Array([0, 2])), { reduction: 'none' }); // [0.5, 0.2]
 */
export function nllLoss(logProbabilities: Tensor, targets: Tensor, options: NllLossOptions = {}): Tensor {
  const { ignoreIndex = -100, weight, reduction = 'mean' } = options;
  checkArguments('nllLoss', 'logProbabilities', logProbabilities, targets, options);
  checkTargets('nllLoss', 'logProbabilities', logProbabilities, targets);
  const losses = where(ne(targets, ignoreIndex), neg(picked(logProbabilities, targets, weight, ignoreIndex)), 0);
  return reduced(losses, targets, weight, ignoreIndex, reduction);
}

function checkArguments(op: string, name: string, x: Tensor, targets: Tensor, { weight, reduction = 'mean' }: NllLossOptions): void {
  checkFloat(op, x, name);
  commonBackend(op, { [name]: x, targets, weight });
  checkReduction(op, reduction);
  if (weight && weight.dtype !== x.dtype) throw new DTypeError(`${op}: weight: expected ${x.dtype}, got ${weight.dtype}`);
  if (weight && !sameShape(weight.shape, x.shape.slice(-1)))
    throw new ShapeError(`${op}: weight: expected one for each class ${show(x.shape.slice(-1))}, got ${show(weight.shape)}`);
}

function checkTargets(op: string, name: string, x: Tensor, targets: Tensor): void {
  if (targets.dtype !== 'int32') throw new DTypeError(`${op}: targets: expected int32 class indices, got ${targets.dtype}`);
  if (x.rank === 0 || !sameShape(x.shape.slice(0, -1), targets.shape))
    throw new ShapeError(`${op}: expected ${name} [..., classes] and targets [...], got ${show(x.shape)} and ${show(targets.shape)}`);
}

function reduced(losses: Tensor, targets: Tensor, weight: Tensor | undefined, ignoreIndex: number, reduction: Reduction): Tensor {
  if (reduction === 'none') return losses;
  if (reduction === 'sum') return sum(losses);
  const counted = ne(targets, ignoreIndex);
  const factors = weight ? where(counted, weightOf(weight, targets, ignoreIndex), 0) : cast(counted, losses.dtype);
  return div(sum(losses), sum(factors));
}

/** Ignored targets become class 0, which every table has. */
function safeTargets(targets: Tensor, ignoreIndex: number): Tensor {
  return where(ne(targets, ignoreIndex), targets, 0);
}

function weightOf(weight: Tensor, targets: Tensor, ignoreIndex: number): Tensor {
  return squeeze(embedding(unsqueeze(weight, 1), safeTargets(targets, ignoreIndex)), -1);
}

/** x[target], times the factor of its class. */
function picked(x: Tensor, targets: Tensor, weight: Tensor | undefined, ignoreIndex: number): Tensor {
  const own = squeeze(takeAlong(x, unsqueeze(safeTargets(targets, ignoreIndex), -1)), -1);
  return weight ? mul(own, weightOf(weight, targets, ignoreIndex)) : own;
}

function composedCrossEntropy(logits: Tensor, targets: Tensor, weight: Tensor | undefined, args: CrossEntropyArgs): Tensor {
  const { ignoreIndex, labelSmoothing, classes } = args;
  const logp = logSoftmax(logits);
  const own = picked(logp, targets, weight, ignoreIndex);
  // With smoothing 0 the other terms are left out: 0 · -∞ would be NaN.
  const all = labelSmoothing > 0 ? mul(sum(weight ? mul(logp, weight) : logp, { axis: -1 }), labelSmoothing / classes) : null;
  const loss = neg(all ? add(mul(own, 1 - labelSmoothing), all) : own);
  return where(ne(targets, ignoreIndex), loss, 0);
}

function againstProbabilities(logits: Tensor, targets: Tensor, options: CrossEntropyOptions): Tensor {
  const { labelSmoothing = 0, weight, reduction } = options;
  if (logits.rank === 0 || !sameShape(logits.shape, targets.shape)) {
    throw new ShapeError(
      `crossEntropy: expected probabilities of the shape of logits [..., classes], got ${show(targets.shape)} and ${show(logits.shape)}`,
    );
  }
  const spread = labelSmoothing > 0 ? add(mul(targets, 1 - labelSmoothing), labelSmoothing / logits.shape.at(-1)!) : targets;
  const terms = mul(logSoftmax(logits), spread);
  const losses = neg(sum(weight ? mul(terms, weight) : terms, { axis: -1 }));
  return reduction === 'none' ? losses : reduction === 'sum' ? sum(losses) : div(sum(losses), losses.size);
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
