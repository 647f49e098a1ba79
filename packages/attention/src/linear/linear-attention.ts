import {
  add,
  concat,
  div,
  eq,
  exp,
  matmul,
  minimum,
  ones,
  relu,
  slice,
  sum,
  type Tensor,
  transpose,
  ValueError,
  where,
} from '@multihead/tensor';
import { type AttentionFn, prepare } from '../attend.js';
import { handOut } from '../capture.js';
import { maskByKey, maskOf, refuse } from '../composed.js';
import { repeatHeads } from '../heads.js';
import { chunkwise } from './recurrence.js';

/** Makes positive numbers of queries and keys, along the last axis. */
export type FeatureMap = (x: Tensor, which: 'query' | 'key') => Tensor;

/**
 * Linear attention: the exponential of a score is replaced by a product of features, so that keys and values add up to one matrix,
 * out = φ(q) (φ(k)ᵀ v) / φ(q) Σ φ(k). `featureMap` is φ, elu(x) + 1 if left out.
 *
 * An AttentionFn; with `causal` it needs as many queries as keys, a `mask` must be bool and by key alone (padding), windows it has none.
 * Not an approximation of `attend` but an attention of its own: O(T · D · E) instead of O(T²). Throws a ValueError for what it cannot do.
 * Katharopoulos et al., "Transformers are RNNs: Fast Autoregressive Transformers with Linear Attention", 2020.
 *
 * @example
 * const attention = linearAttention();
 * const out = attention(q, k, v, { causal: true }); // [B, H, T, E]
 */
export function linearAttention(featureMap: FeatureMap = eluPlusOne): AttentionFn {
  return (q, k, v, options = {}) => {
    const op = 'linearAttention';
    const { heads, inner, back } = prepare(op, q, k, v, options);
    refuse(op, inner, ['window', 'softcap', 'dropout']);
    const causal = typeof inner.causalOffset === 'number';
    if (causal && (heads[0].shape[2] !== heads[1].shape[2] || inner.causalOffset !== 0)) {
      throw new ValueError(`${op}: causal: expected as many queries as keys, got ${heads[0].shape[2]} and ${heads[1].shape[2]}`);
    }
    const keyMask = maskByKey(op, inner);
    const [queries, keys, values] = [featureMap(heads[0], 'query'), hidden(featureMap(heads[1], 'key'), keyMask), heads[2]];
    handOut(options.capture, () => weightsOf(queries, keys, causal ? maskOf(heads[0], heads[1], { ...inner, mask: null }) : null));
    // One more value that is always 1: its output is what to divide by.
    const one = ones([...values.shape.slice(0, 3), 1], { dtype: values.dtype as 'float32', backend: values.backend });
    const wide = concat([values, one], -1);
    const sums = causal
      ? chunkwise(op, queries, keys, wide, { scale: 1 }, false).out
      : matmul(queries, repeatHeads(matmul(transpose(keys), wide), queries.shape[1]!)); // [B, H, Q, E + 1]
    return back(quotient(slice(sums, -1, 0, -1), slice(sums, -1, -1)));
  };
}

function hidden(keys: Tensor, mask: Tensor | null): Tensor {
  return mask ? where(mask, keys, 0) : keys;
}

/** elu(x) + 1, without the cancellation that would make small ones 0. */
function eluPlusOne(x: Tensor): Tensor {
  return add(relu(x), exp(minimum(x, 0)));
}

/** 0 where there is nothing to divide by. */
function quotient(sums: Tensor, total: Tensor): Tensor {
  const nothing = eq(total, 0);
  return where(nothing, 0, div(sums, where(nothing, 1, total)));
}

function weightsOf(queries: Tensor, keys: Tensor, mask: Tensor | null): Tensor {
  const products = matmul(queries, transpose(repeatHeads(keys, queries.shape[1]!)));
  const seen = mask ? where(mask, products, 0) : products;
  return quotient(seen, sum(seen, { axis: -1, keepDims: true }));
}
