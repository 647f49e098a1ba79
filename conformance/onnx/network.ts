import * as t from '@multihead/tensor';
import type { Reduction, Tensor } from '@multihead/tensor';
import { type Call, op, type Outputs, type Table } from './call.js';

/* Products, norms, losses. */

/** α · A B + β · C, A and B transposed on demand. */
function gemm(c: Call): Tensor {
  const [a, b] = (['a', 'b'] as const).map((name) =>
    c.flag(name === 'a' ? 'transA' : 'transB') ? t.transpose(c.tensor(name)) : c.tensor(name),
  );
  const product = t.mul(t.matmul(a, b), c.number('alpha', 1));
  return c.has('c') ? t.add(product, t.mul(c.tensor('c'), c.number('beta', 1))) : product;
}

/** The axes from `axis` on, which are normalised. */
function normalized(x: Tensor, axis: number): { shape: readonly number[]; axes: number[] } {
  const from = axis < 0 ? axis + x.rank : axis;
  return { shape: x.shape.slice(from), axes: [...x.shape.keys()].slice(from) };
}

function layerNormalization(c: Call): Outputs {
  const [x, eps] = [c.tensor('x'), c.number('epsilon', 1e-5)];
  const { shape, axes } = normalized(x, c.number('axis', -1));
  const full = (p: Tensor | null) => p && t.broadcastTo(p, shape);
  const over = { axis: axes, keepDims: true };
  const y = t.layerNorm(x, full(c.optional('scale')), full(c.optional('bias')), { shape, eps });
  return [y, t.mean(x, over), t.rsqrt(t.add(t.variance(x, { ...over, correction: 0 }), eps))];
}

function rmsNormalization(c: Call): Tensor {
  const x = c.tensor('x');
  const { shape } = normalized(x, c.number('axis', -1));
  return t.rmsNorm(x, t.broadcastTo(c.tensor('scale'), shape), { shape, eps: c.number('epsilon', 1e-5) });
}

/** Before version 21 there is one scale for each group. */
function groupNormalization(c: Call): Tensor {
  const [x, groups] = [c.tensor('x'), c.number('num_groups')];
  const [channels] = x.shape.slice(1);
  const each = (p: Tensor) =>
    p.size === channels ? p : t.reshape(t.broadcastTo(t.unsqueeze(p, 1), [groups, channels / groups]), [channels]);
  return t.groupNorm(x, each(c.tensor('scale')), each(c.tensor('bias')), { groups, eps: c.number('epsilon', 1e-5) });
}

/** Momentum is the share that stays, and the running variance is the biased one, which ours is not. */
function batchNormalization(c: Call): Outputs {
  const [x, scale, bias, mean, variance] = ['x', 'scale', 'bias', 'mean', 'variance'].map((name) => c.tensor(name));
  const [eps, momentum] = [c.number('epsilon', 1e-5), c.number('momentum', 0.9)];
  if (!c.flag('training_mode')) return t.batchNorm(x, scale, bias, { mean, variance, eps });
  const { output, batch } = t.batchNormTrain(x, scale, bias, { eps });
  const blend = (old: Tensor, now: Tensor) => t.add(t.mul(old, momentum), t.mul(now, 1 - momentum));
  return [output, blend(mean, batch.mean), blend(variance, batch.variance)];
}

/** The class axis, ONNX's second one, at the end, where it is here. */
function classesLast(x: Tensor): Tensor {
  return t.permute(x, [0, ...[...x.shape.keys()].slice(2), 1]);
}

function lossOptions(c: Call) {
  return {
    reduction: c.text<Reduction>('reduction', 'mean'),
    weight: c.optional('weight') ?? undefined,
    // Without one nothing is ignored: a class that there is not.
    ignoreIndex: c.number('ignore_index', -(2 ** 31)),
  };
}

function softmaxCrossEntropy(c: Call): Outputs {
  const scores = c.tensor('scores');
  return [t.crossEntropy(classesLast(scores), c.tensor('labels'), lossOptions(c)), t.logSoftmax(scores, 1)];
}

export const network: Table = {
  MatMul: op('a b', (c) => t.matmul(c.tensor('a'), c.tensor('b'))),
  Gemm: op('a b c', gemm),

  Einsum: op('*inputs', (c) => t.einsum(c.text('equation', ''), c.rest())),

  LayerNormalization: op('x scale bias', layerNormalization),
  RMSNormalization: op('x scale', rmsNormalization),
  GroupNormalization: op('x scale bias', groupNormalization),
  InstanceNormalization: op('x scale bias', (c) =>
    t.instanceNorm(c.tensor('x'), c.tensor('scale'), c.tensor('bias'), { eps: c.number('epsilon', 1e-5) }),
  ),
  BatchNormalization: op('x scale bias mean variance', batchNormalization),
  LpNormalization: op('x', (c) => t.normalize(c.tensor('x'), { p: c.number('p', 2), axis: c.number('axis', -1) })),

  NegativeLogLikelihoodLoss: op('x labels weight', (c) => t.nllLoss(classesLast(c.tensor('x')), c.tensor('labels'), lossOptions(c))),
  SoftmaxCrossEntropyLoss: op('scores labels weight', softmaxCrossEntropy),
};
