import { repeatInterleave, reshape, ShapeError, type Tensor, transpose } from '@multihead/tensor';

/**
 * [B, T, heads · D] as [B, heads, T, D]: a view, nothing moves.
 *
 * @example
 * const q = splitHeads(project(x), 8);
 */
export function splitHeads(x: Tensor, heads: number): Tensor {
  const [batch, tokens, width] = x.shape as [number, number, number];
  if (x.rank !== 3 || width % heads !== 0) {
    throw new ShapeError(
      `splitHeads: expected [batch, tokens, width] with a width that ${heads} heads divide, got [${x.shape.join(', ')}]`,
    );
  }
  return transpose(reshape(x, [batch, tokens, heads, width / heads]), 1, 2); // [B, H, T, D]
}

/** [B, H, T, D] as [B, T, H · D]: the inverse of `splitHeads`. What `attend` returns lies so that nothing moves. */
export function mergeHeads(x: Tensor): Tensor {
  if (x.rank !== 4) throw new ShapeError(`mergeHeads: expected [batch, heads, tokens, dim], got [${x.shape.join(', ')}]`);
  const [batch, heads, tokens, dim] = x.shape as [number, number, number, number];
  return reshape(transpose(x, 1, 2), [batch, tokens, heads * dim]);
}

/** [B, G, T, D] as [B, heads, T, D], each key/value head repeated for its group of query heads. */
export function repeatHeads(x: Tensor, heads: number): Tensor {
  return x.shape[1] === heads ? x : repeatInterleave(x, heads / x.shape[1]!, 1);
}
