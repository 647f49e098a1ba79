import { matmul, ShapeError, slice, type Tensor, transpose, where } from '@multihead/tensor';
import { type AttentionFn, prepare } from '../attend.js';
import { handOut } from '../capture.js';
import { maskByKey, refuse, scoresOf, softmaxOrZero, weighted } from '../composed.js';

export interface LinformerWeights {
  /** [N, R]: R keys, each a mixture of up to N. */
  keys: Tensor;
  /** The same for values; `keys` if left out. */
  values?: Tensor;
}

/**
 * Linformer: keys and values are mixed along the tokens to R of each, softmax(scale · q (Eᵀ k)ᵀ) (Fᵀ v).
 *
 * A factory: the mixtures get gradients. An approximation of `attend` without a direction: no `causal`, no `window`, a `mask` by key alone;
 * exact where R = N and the mixtures are identities. O(T · R). Captured are the weights that the values get, which may be negative. Throws a ShapeError for more tokens than N,
 * a ValueError for what it cannot do. Wang et al., "Linformer: Self-Attention with Linear Complexity", 2020.
 *
 * @example
 * const attention = linformer({ keys: randn([512, 64], { rng }) });
 * const out = attention(q, k, v, { mask: paddingMask(lengths, tokens) });
 */
export function linformer({ keys: keyMix, values: valueMix = keyMix }: LinformerWeights): AttentionFn {
  return (q, k, v, options = {}) => {
    const op = 'linformer';
    const { heads, inner, back } = prepare(op, q, k, v, options);
    refuse(op, inner, ['causal', 'window']);
    const [queries, keys, values] = heads;
    const tokens = keys.shape[2]!;
    if (String(keyMix.shape) !== String(valueMix.shape) || keyMix.rank !== 2 || keyMix.shape[0]! < tokens) {
      const got = [keyMix, valueMix].map((w) => `[${w.shape.join(', ')}]`).join(' and ');
      throw new ShapeError(`${op}: expected mixtures [N, R] of at least ${tokens} tokens, got ${got}`);
    }
    const mask = maskByKey(op, inner);
    const mixed = (x: Tensor, mix: Tensor) => matmul(transpose(slice(mix, 0, 0, tokens)), mask ? where(mask, x, 0) : x); // [B, G, R, ·]
    const weights = softmaxOrZero(scoresOf(queries, mixed(keys, keyMix), inner));
    handOut(options.capture, () => {
      const shares = matmul(weights, transpose(slice(valueMix, 0, 0, tokens))); // [B, H, Q, K]
      return mask ? where(transpose(mask), shares, 0) : shares;
    });
    return back(weighted(weights, mixed(values, valueMix), inner));
  };
}
