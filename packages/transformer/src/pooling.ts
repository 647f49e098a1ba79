import { cast, div, maximum, mul, sum, type Tensor, unsqueeze } from '@multihead/tensor';

/* One vector for a text, from those of its tokens. */

/**
 * The mean of x [B, T, E] over the tokens that are not padding, [B, E]: what MiniLM and other sentence encoders are read by, normalised after.
 * `mask` is int32 or bool [B, T]; without one all tokens count. A sample without any token gives 0.
 *
 * @example
 * const embedding = normalize(meanPooling(model.forward(ids, { mask }), mask)); // [B, E], of length 1
 */
export function meanPooling(x: Tensor, mask?: Tensor | null): Tensor {
  if (!mask) return div(sum(x, { axis: 1 }), x.shape[1]!);
  const weights = unsqueeze(cast(mask, x.dtype), -1); // [B, T, 1]
  return div(sum(mul(x, weights), { axis: 1 }), maximum(sum(weights, { axis: 1 }), 1e-9));
}
