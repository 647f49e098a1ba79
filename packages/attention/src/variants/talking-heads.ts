import { matmul, reshape, ShapeError, type Tensor } from '@multihead/tensor';
import { type AttentionFn, prepare } from '../attend.js';
import { handOut } from '../capture.js';
import { masked, maskOf, scoresOf, softmaxOrZero, weighted } from '../composed.js';

export interface TalkingHeadsWeights {
  /** Mixes the scores of heads before the softmax, [H, H]: row h makes those of head h. */
  scores: Tensor;
  /** Mixes the weights of heads behind it, [H, H]. */
  weights: Tensor;
}

/**
 * Talking heads: scores and weights are mixed across heads, W_weights · softmax(W_scores · (scale · q kᵀ)) v.
 *
 * A factory: both matrices get gradients. Exact; O(Q · K) memory, 2 · H² · Q · K operations more. Captured are the mixed weights, whose rows
 * need not add up to 1. Throws a ShapeError unless both are [H, H]. Shazeer et al., "Talking-Heads Attention", 2020.
 *
 * @example
 * const attention = talkingHeads({ scores: eye(8), weights: eye(8) }); // where training starts: attend
 * const out = attention(q, k, v, { causal: true });
 */
export function talkingHeads(mix: TalkingHeadsWeights): AttentionFn {
  return (q, k, v, options = {}) => {
    const { heads, inner, back } = prepare('talkingHeads', q, k, v, options);
    const [queries, keys, values] = heads;
    const count = queries.shape[1]!;
    for (const [name, w] of Object.entries(mix) as [string, Tensor][]) {
      if (String(w.shape) !== String([count, count])) {
        throw new ShapeError(`talkingHeads: ${name}: expected [${count}, ${count}], heads by heads, got [${w.shape.join(', ')}]`);
      }
    }
    const scores = mixed(scoresOf(queries, keys, inner), mix.scores);
    const weights = mixed(softmaxOrZero(masked(scores, maskOf(queries, keys, inner))), mix.weights);
    handOut(options.capture, () => weights);
    return back(weighted(weights, values, inner));
  };
}

/** [B, H, Q, K] with its heads mixed. */
function mixed(x: Tensor, mix: Tensor): Tensor {
  return reshape(matmul(mix, reshape(x, [x.shape[0]!, x.shape[1]!, x.shape[2]! * x.shape[3]!])), x.shape);
}
