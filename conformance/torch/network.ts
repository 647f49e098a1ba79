import { attend } from '@multihead/attention';
import * as t from '@multihead/tensor';
import type { Reduction, Tensor } from '@multihead/tensor';
import { notBuilt } from '../suite.js';
import { type Call, op, type Table } from './call.js';

/* Norms, losses, embeddings, attention. */

/** The class axis, PyTorch's second (or only) one, at the end, where it is here. */
function classesLast(x: Tensor): Tensor {
  const axes = [...x.shape.keys()];
  return x.rank < 2 ? x : t.permute(x, [0, ...axes.slice(2), 1]);
}

function crossEntropy(c: Call): Tensor {
  const [logits, target] = [classesLast(c.tensor('input')), c.tensor('target')];
  const [reduction, labelSmoothing] = [c.text<Reduction>('reduction', 'mean'), c.number('label_smoothing', 0)];
  // Class weights are constants in PyTorch.
  const weight = c.optional('weight') && t.detach(c.tensor('weight'));
  if (target.dtype !== 'int32') return softCrossEntropy(logits, classesLast(target), { weight, reduction, labelSmoothing });
  const ignoreIndex = c.number('ignore_index', -100);
  return t.crossEntropy(logits, target, { reduction, labelSmoothing, ignoreIndex, weight: weight ?? undefined });
}

/** Targets that are probabilities: -Σ p ln softmax(x), spread evenly by label smoothing; the mean is over positions. */
function softCrossEntropy(
  logits: Tensor,
  target: Tensor,
  options: { weight: Tensor | null; reduction: Reduction; labelSmoothing: number },
): Tensor {
  const { weight, reduction, labelSmoothing: s } = options;
  const classes = logits.shape.at(-1)!;
  const logp = t.logSoftmax(logits);
  const smooth = s > 0 ? t.add(t.mul(target, 1 - s), s / classes) : target;
  const losses = t.neg(t.sum(t.mul(smooth, weight ? t.mul(logp, weight) : logp), { axis: -1 }));
  return reduced(losses, reduction);
}

function reduced(losses: Tensor, reduction: Reduction): Tensor {
  return reduction === 'none' ? losses : reduction === 'sum' ? t.sum(losses) : t.mean(losses);
}

/** With a weight on every loss, or on the positive term, by the formula of both. */
function bceWithLogits(c: Call): Tensor {
  const [x, y, weight, positive] = [c.tensor('input'), c.tensor('target'), c.optional('weight'), c.optional('pos_weight')];
  const reduction = c.text<Reduction>('reduction', 'mean');
  if (!weight && !positive) return t.bceWithLogits(x, y, { reduction });
  const losses = positive
    ? t.add(t.mul(t.sub(1, y), x), t.mul(t.add(t.mul(t.sub(positive, 1), y), 1), t.softplus(t.neg(x))))
    : t.bceWithLogits(x, y, { reduction: 'none' });
  return reduced(weight ? t.mul(losses, weight) : losses, reduction);
}

function smoothL1(c: Call): Tensor {
  const reduction = c.text<Reduction>('reduction', 'mean');
  return t.smoothL1Loss(c.tensor('input'), c.tensor('target'), { beta: c.number('beta', 1), reduction });
}

/** A padding row is one without a gradient. */
export function embedding(weight: Tensor, ids: Tensor, padding: number | null): Tensor {
  return t.embedding(weight, ids, padding === null ? {} : { paddingIdx: padding });
}

function scaledDotProductAttention(c: Call): Tensor {
  if (c.number('dropout_p', 0) !== 0) throw notBuilt("PyTorch's random numbers (dropout)");
  const scale = c.get('scale') === null ? undefined : c.number('scale');
  const options = { mask: c.optional('attn_mask'), causal: c.flag('is_causal'), scale };
  return attend(c.tensor('q'), c.tensor('k'), c.tensor('v'), options);
}

const loss = (fn: (x: Tensor, y: Tensor, options: { reduction: Reduction }) => Tensor) =>
  op('input target reduction', (c) => fn(c.tensor('input'), c.tensor('target'), { reduction: c.text<Reduction>('reduction', 'mean') }));

/** The machine epsilon of float32: PyTorch's for rms_norm without one. */
export const epsilon = 2 ** -23;

export const network: Table = {
  layer_norm: op('x normalized_shape weight bias eps', (c) => {
    const options = { shape: c.numbers('normalized_shape'), eps: c.number('eps', 1e-5) };
    return t.layerNorm(c.tensor('x'), c.optional('weight'), c.optional('bias'), options);
  }),
  rms_norm: op('x normalized_shape weight eps', (c) =>
    t.rmsNorm(c.tensor('x'), c.optional('weight'), { shape: c.numbers('normalized_shape'), eps: c.number('eps', epsilon) }),
  ),

  cross_entropy: op('input target weight ignore_index reduction label_smoothing', crossEntropy),
  mse_loss: loss(t.mseLoss),
  l1_loss: loss(t.l1Loss),
  smooth_l1_loss: op('input target reduction beta', smoothL1),
  bce_with_logits: op('input target weight reduction pos_weight', bceWithLogits),
  binary_cross_entropy_with_logits: op('input target weight reduction pos_weight', bceWithLogits),

  embedding: op('weight ids padding_idx', (c) =>
    embedding(c.tensor('weight'), c.tensor('ids'), c.get('padding_idx') === null ? null : c.number('padding_idx')),
  ),
  scaled_dot_product_attention: op('q k v attn_mask dropout_p is_causal scale enable_gqa', scaledDotProductAttention),
};
