import { add, arange, concat, crossEntropy, eq, full, mul, slice, type Tensor, transpose, where } from '@multihead/tensor';

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
