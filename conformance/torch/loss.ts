import * as t from '@multihead/tensor';
import type { Reduction, Tensor } from '@multihead/tensor';
import { type Call, op, type Table } from './call.js';

/* Losses, and how near two vectors are. */

/** The class axis, PyTorch's second (or only) one, at the end, where it is here. */
function classesLast(x: Tensor): Tensor {
  const axes = [...x.shape.keys()];
  return x.rank < 2 ? x : t.permute(x, [0, ...axes.slice(2), 1]);
}

const reductionOf = (c: Call) => c.text<Reduction>('reduction', 'mean');

/** Class weights are constants in PyTorch. */
function nllOptions(c: Call): t.NllLossOptions {
  const weight = c.optional('weight');
  return { reduction: reductionOf(c), ignoreIndex: c.number('ignore_index', -100), weight: weight ? t.detach(weight) : undefined };
}

function crossEntropy(c: Call): Tensor {
  const target = c.tensor('target');
  const options = { ...nllOptions(c), labelSmoothing: c.number('label_smoothing', 0) };
  return t.crossEntropy(classesLast(c.tensor('input')), target.dtype === 'int32' ? target : classesLast(target), options);
}

function bceWithLogits(c: Call): Tensor {
  const [weight, posWeight] = [c.optional('weight') ?? undefined, c.optional('pos_weight') ?? undefined];
  return t.bceWithLogits(c.tensor('input'), c.tensor('target'), { reduction: reductionOf(c), weight, posWeight });
}

const loss = (fn: (x: Tensor, y: Tensor, options: t.LossOptions) => Tensor) =>
  op('input target reduction', (c) => fn(c.tensor('input'), c.tensor('target'), { reduction: reductionOf(c) }));

/** PyTorch lets a scalar have the axes 0 and -1. */
const asList = (x: Tensor) => (x.rank === 0 ? t.reshape(x, [1]) : x);

export const losses: Table = {
  cross_entropy: op('input target weight ignore_index reduction label_smoothing', crossEntropy),
  nll_loss: op('input target weight ignore_index reduction', (c) =>
    t.nllLoss(classesLast(c.tensor('input')), c.tensor('target'), nllOptions(c)),
  ),
  mse_loss: loss(t.mseLoss),
  l1_loss: loss(t.l1Loss),
  smooth_l1_loss: op('input target reduction beta', (c) =>
    t.smoothL1Loss(c.tensor('input'), c.tensor('target'), { beta: c.number('beta', 1), reduction: reductionOf(c) }),
  ),
  huber_loss: op('input target reduction delta', (c) =>
    t.huberLoss(c.tensor('input'), c.tensor('target'), { delta: c.number('delta', 1), reduction: reductionOf(c) }),
  ),
  kl_div: op('input target reduction log_target', (c) =>
    t.klDiv(c.tensor('input'), c.tensor('target'), { logTarget: c.flag('log_target'), reduction: reductionOf(c) }),
  ),
  bce_with_logits: op('input target weight reduction pos_weight', bceWithLogits),
  binary_cross_entropy_with_logits: op('input target weight reduction pos_weight', bceWithLogits),
  binary_cross_entropy: op('input target weight reduction', (c) =>
    t.bceLoss(c.tensor('input'), c.tensor('target'), { weight: c.optional('weight') ?? undefined, reduction: reductionOf(c) }),
  ),

  normalize: op('x p dim eps', (c) => {
    const x = c.tensor('x');
    const axis = (c.get('dim') ?? 1) as number | number[];
    return t.reshape(t.normalize(asList(x), { p: c.number('p', 2), axis, eps: c.number('eps', 1e-12) }), x.shape);
  }),
  cosine_similarity: op('a b dim eps', (c) =>
    t.cosineSimilarity(asList(c.tensor('a')), asList(c.tensor('b')), { axis: c.number('dim', 1), eps: c.number('eps', 1e-8) }),
  ),
};
