import { contiguous, noGradient, record } from '../autograd.js';
import { customGradient } from '../custom-gradient.js';
import type { Tensor } from '../tensor.js';
import { add, div } from './arithmetic.js';
import {
  type AttentionOptions,
  attentionGrad,
  checkAttention,
  exponentials,
  type FusedAttention,
  maskedScores,
  packedView,
  repeatHeads,
  runAttention,
  viewOf,
} from './attention.js';
import { where } from './compare.js';
import { full, ones, zeros } from './create.js';
import { concat } from './join.js';
import { log } from './math.js';
import { matmul } from './matmul.js';
import { slice } from './slice.js';
import { squeeze, transpose, unsqueeze } from './view.js';

/**
 * attention(q, k, v), [B, H, Q, E], together with the logarithm of what its softmax divides by, lse = log Σⱼ exp(scoreⱼ), [B, H, Q].
 *
 * Both have gradients. With them, attention over some of the keys can be joined with attention over others, extended by a learned sink, or have
 * its weights computed later: exp(score - lse). A query that sees no key has lse -∞. Shapes, options (but dropout) and errors are those of `attention`.
 * Dao et al., "FlashAttention", 2022.
 *
 * @example
 * const [q, k, v] = [tensor([[[[1, 0]]]]), tensor([[[[1, 0], [0, 1]]]]), tensor([[[[10], [20]]]])];
 * const { lse } = attentionWithLse(q, k, v, { scale: 1 });
 * await lse.toArray(); // [[[1.3133]]]: log(e + 1)
 */
export function attentionWithLse(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: Omit<AttentionOptions, 'dropout' | 'rng'> = {},
): { out: Tensor; lse: Tensor } {
  checkAttention('attentionWithLse', q, k, v, options);
  const made = options.mask?.requiresGrad ? null : runAttention(q, k, v, options);
  return made ? fused(made) : composed(q, k, v, options);
}

/** The definition. */
function composed(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): { out: Tensor; lse: Tensor } {
  const [batch, heads, queries] = q.shape as [number, number, number];
  const scores = maskedScores(q, k, options);
  const values = repeatHeads(v, heads);
  if (k.shape[2] === 0) {
    const lse = full([batch, heads, queries], Number.NEGATIVE_INFINITY, { dtype: q.dtype as 'float32', backend: q.backend });
    return { out: matmul(scores, values), lse };
  }
  const { parts, total, top, seen } = exponentials(scores);
  const lse = where(seen, add(log(total), top), Number.NEGATIVE_INFINITY);
  return { out: matmul(div(parts, total), values), lse: squeeze(lse, -1) };
}

function fused({ out, layout, ...made }: FusedAttention): { out: Tensor; lse: Tensor } {
  const packed = record('attention', out, layout, [], noGradient);
  const run = customGradient(
    (_q: Tensor, _k: Tensor, _v: Tensor) => ({ output: [packed, made.lse] as const }),
    ([dOut, dLse]) => gradients(dOut, dLse, packed, made),
    { name: 'attentionWithLse' },
  );
  const [y, lse] = run(made.q, made.k, made.v);
  return { out: transpose(y, 1, 2), lse };
}

/**
 * The kernel's gradient of a score is p · (dp - Σ dOut · out), and lse adds p · dLse. A value more that is 1, whose output is given as 0
 * and whose gradient as dLse, adds just that to dp and nothing to the sum.
 */
function gradients(dOut: Tensor, dLse: Tensor, out: Tensor, made: Omit<FusedAttention, 'out' | 'layout'>): Tensor[] {
  const { v, args } = made;
  const one = ones([...v.shape.slice(0, 3), 1], { backend: v.backend });
  const none = zeros([...out.shape.slice(0, 3), 1], { backend: v.backend });
  const wideV = contiguous(concat([v, one], -1));
  const wideOut = contiguous(concat([out, none], -1)); // [B, Q, H, E + 1]
  const wideGradient = concat([dOut, unsqueeze(transpose(dLse, 1, 2), -1)], -1);
  const wide = { ...args, valueDim: args.valueDim + 1, v: viewOf(wideV), out: packedView(wideOut.shape) };
  const [dq, dk, dv] = attentionGrad(wideGradient, wideOut, { ...made, v: wideV, args: wide }) as [Tensor, Tensor, Tensor];
  return [dq, dk, slice(dv, -1, 0, args.valueDim)];
}
