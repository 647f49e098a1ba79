import {
  add,
  arange,
  bceWithLogits,
  cast,
  clamp,
  concat,
  crossEntropy,
  div,
  eq,
  full,
  mean,
  mseLoss,
  mul,
  ones,
  reshape,
  scatter,
  ShapeError,
  slice,
  softmax,
  sum,
  type Tensor,
  topk,
  transpose,
  ValueError,
  where,
  zeros,
} from '@multihead/tensor';

/* What models are trained on, from their logits and labels as transformers takes both. */

/**
 * Cross-entropy of each token's logits with the token after it: logits [B, T, V], labels int32 [B, T], which are the ids themselves; -100 is
 * left out of the mean. Padding should be -100.
 *
 * @example
 * const loss = nextTokenLoss(model.forward(ids, { rng }), ids);
 */
export function nextTokenLoss(logits: Tensor, labels: Tensor): Tensor {
  const tokens = logits.shape[1]!;
  return crossEntropy(slice(logits, 1, 0, tokens - 1), slice(labels, 1, 1, tokens), { ignoreIndex: -100 });
}

/**
 * Cross-entropy of logits [..., L] with labels int32 [...]; -100 is left out of the mean: masked tokens, classes, a decoder's targets.
 *
 * @example
 * const loss = labelLoss(model.forward(masked), labels);
 */
export function labelLoss(logits: Tensor, labels: Tensor): Tensor {
  return crossEntropy(logits, labels, { ignoreIndex: -100 });
}

/**
 * A decoder's inputs from its labels [B, T]: all of them one place later, `start` in front, and `pad` where a label is -100.
 *
 * @example
 * shiftRight(tensor([[7, 8, 2]]), { start: 0, pad: 1 }); // [[0, 7, 8]]
 */
export function shiftRight(labels: Tensor, { start, pad }: { start: number; pad: number }): Tensor {
  const [batch, tokens] = labels.shape as [number, number];
  const first = full([batch, 1], start, { dtype: 'int32', backend: labels.backend });
  const shifted = concat([first, slice(labels, 1, 0, tokens - 1)], 1);
  return where(eq(shifted, -100), pad, shifted);
}

/**
 * How well n texts and n images find their partners among one another: cross-entropy of the diagonal of [n, n], by rows and by columns.
 * Radford et al., "Learning transferable visual models from natural language supervision", 2021, figure 3.
 *
 * @example
 * const loss = contrastiveLoss(model.forward({ ids, pixels }).logits_per_text);
 */
export function contrastiveLoss(logits: Tensor): Tensor {
  const partners = arange(0, logits.shape[0]!, 1, { dtype: 'int32', backend: logits.backend });
  return mul(add(crossEntropy(logits, partners), crossEntropy(transpose(logits), partners)), 0.5);
}

/** What a classifier was made for: `problem_type` of config.json. */
export type ProblemType = 'regression' | 'single_label_classification' | 'multi_label_classification';

/**
 * The loss of a classifier of texts, images or sounds, as transformers chooses it: logits [B, L] and labels.
 *
 * `regression`, if L is 1: the squared error of numbers [B]. `single_label_classification`, for int32 labels [B]: cross-entropy, -100 left out.
 * `multi_label_classification`, for float labels [B, L] of 0 and 1: binary cross-entropy of each. Throws a ShapeError for labels of another shape, a
 * ValueError for another problem.
 *
 * @example
 * const loss = classificationLoss(model.forward(ids, { mask, rng }), labels);
 */
export function classificationLoss(logits: Tensor, labels: Tensor, options: { problem_type?: ProblemType | null } = {}): Tensor {
  const only = logits.shape.at(-1) === 1;
  const problem =
    options.problem_type ?? (only ? 'regression' : labels.dtype === 'int32' ? 'single_label_classification' : 'multi_label_classification');
  if (problem === 'single_label_classification') return labelLoss(logits, labels);
  if (problem !== 'regression' && problem !== 'multi_label_classification') {
    throw new ValueError(
      `classificationLoss: problem_type: expected regression, single_label_classification or multi_label_classification, got ${problem}`,
    );
  }
  if (labels.size !== logits.size) {
    const shape = (x: Tensor) => `[${x.shape.join(', ')}]`;
    throw new ShapeError(`classificationLoss: labels: expected as many as logits ${shape(logits)} for ${problem}, got ${shape(labels)}`);
  }
  const targets = reshape(labels.dtype === logits.dtype ? labels : cast(labels, logits.dtype), logits.shape);
  return problem === 'regression' ? mseLoss(logits, targets) : bceWithLogits(logits, targets);
}

/**
 * The loss of an answer's place: the mean of the cross-entropies of its first and its last token. Logits [B, T] of both, as a model for question
 * answering gives them, and places int32 [B]; those outside of the text are left out.
 *
 * @example
 * const loss = spanLoss(model.forward(ids, { mask, rng }), { start, end });
 */
export function spanLoss(
  { start_logits, end_logits }: { start_logits: Tensor; end_logits: Tensor },
  { start, end }: { start: Tensor; end: Tensor },
): Tensor {
  const tokens = start_logits.shape[1]!;
  const of = (logits: Tensor, places: Tensor) => {
    // A place behind the text becomes one that counts for nothing; one before it is the first, as in transformers.
    const held = clamp(places, 0, tokens);
    return crossEntropy(logits, where(eq(held, tokens), -100, held), { ignoreIndex: -100 });
  };
  return mul(add(of(start_logits, start), of(end_logits, end)), 0.5);
}

/**
 * ELECTRA's loss: binary cross-entropy of logits [B, T] with labels [B, T], 1 where a token was replaced, over the tokens of `mask` [B, T].
 *
 * @example
 * const loss = replacedTokenLoss(model.forward(ids, { mask, rng }), replaced, mask);
 */
export function replacedTokenLoss(logits: Tensor, labels: Tensor, mask?: Tensor | null): Tensor {
  const targets = labels.dtype === logits.dtype ? labels : cast(labels, logits.dtype);
  if (!mask) return bceWithLogits(logits, targets);
  const weight = cast(mask, logits.dtype);
  return div(bceWithLogits(logits, targets, { weight, reduction: 'sum' }), sum(weight));
}

/**
 * How unevenly a router uses its experts: E · Σₑ fₑ pₑ, where fₑ is the share of tokens that go to expert e, and pₑ the mean of its probability. It is
 * num_experts_per_tok where all are used alike. Added to the loss times `router_aux_loss_coef`. Fedus et al., "Switch Transformers", 2021,
 * equation 4.
 *
 * `routers` are the logits [B · T, E] of each layer, which Mixtral shows to the tap as `mlp.router_logits`; `mask`, [B, T], says which tokens count.
 *
 * @example
 * const routers: Tensor[] = [];
 * const tap = (name: string, x: Tensor) => { if (name.endsWith('.router_logits')) routers.push(x); };
 * const logits = model.forward(ids, { mask, tap });
 * const loss = add(nextTokenLoss(logits, labels), mul(loadBalancingLoss(routers, { num_experts_per_tok: 2, mask }), 0.02));
 */
export function loadBalancingLoss(
  routers: readonly Tensor[],
  { num_experts_per_tok: chosen, mask }: { num_experts_per_tok: number; mask?: Tensor | null },
): Tensor {
  if (routers.length === 0) throw new ValueError('loadBalancingLoss: routers: expected the logits of at least one layer, got none');
  const weights = softmax(concat([...routers], 0)); // [L · N, E]
  const [rows, experts] = weights.shape as [number, number];
  const { indices } = topk(weights, chosen); // [L · N, chosen]
  const { backend } = weights;
  const used = scatter(zeros([rows, experts], { backend }), -1, indices, ones([rows, chosen], { backend })); // [L · N, E]
  const counted = mask ? tokenMean(rows, mask, weights) : (x: Tensor) => mean(x, { axis: 0 });
  return mul(sum(mul(counted(used), counted(weights))), experts); // of [E]
}

/** The mean of rows [L · N, E] over those tokens of each layer that the mask [B, T] has. */
function tokenMean(rows: number, mask: Tensor, like: Tensor): (x: Tensor) => Tensor {
  if (rows % mask.size !== 0) {
    throw new ShapeError(`loadBalancingLoss: mask: expected the tokens of each layer's logits, got ${mask.size} for ${rows} in all layers`);
  }
  const one = reshape(cast(mask, like.dtype), [mask.size, 1]);
  const counts = concat(new Array<Tensor>(rows / mask.size).fill(one), 0); // [L · N, 1]
  return (x) => div(sum(mul(x, counts), { axis: 0 }), sum(counts));
}
