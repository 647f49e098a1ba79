import {
  arange,
  type Backend,
  cast,
  add,
  logicalAnd,
  le,
  lt,
  maskedFill,
  reshape,
  ShapeError,
  type Tensor,
  tensor,
  zeros,
} from '@multihead/tensor';

/**
 * True where a token is real, from the lengths of the sequences in a padded batch: [B, 1, 1, tokens], ready for `attend`.
 *
 * @example
 * const out = attend(q, k, v, { mask: paddingMask([8, 5], 8) });
 */
export function paddingMask(lengths: readonly number[], tokens: number, backend?: Backend): Tensor {
  const wrong = lengths.findIndex((n) => !Number.isInteger(n) || n < 0 || n > tokens);
  if (wrong >= 0) throw new ShapeError(`paddingMask: lengths: element ${wrong} is ${lengths[wrong]}, expected 0 to ${tokens}`);
  const places = arange(0, tokens, 1, { dtype: 'int32', backend });
  return lt(places, tensor(Int32Array.from(lengths), { shape: [lengths.length, 1, 1, 1], backend }));
}

/** True where key j may be seen by query i, j ≤ i + offset: [queries, keys]. `attend`'s `causal` does the same without a mask. */
export function causalMask(queries: number, keys = queries, offset = 0, backend?: Backend): Tensor {
  const last = arange(offset, offset + queries, 1, { dtype: 'int32', backend });
  return le(arange(0, keys, 1, { dtype: 'int32', backend }), reshape(last, [queries, 1]));
}

/** Both masks in one: bool masks by `and`, float masks by sum, a bool mask beside a float one as 0 and -∞. Null stands for no mask. */
export function combineMasks(a: Tensor | null | undefined, b: Tensor | null | undefined): Tensor | null {
  if (!a || !b) return a ?? b ?? null;
  if (a.dtype === 'bool' && b.dtype === 'bool') return logicalAnd(a, b);
  return add(additive(a, b), additive(b, a));
}

function additive(mask: Tensor, other: Tensor): Tensor {
  if (mask.dtype !== 'bool') return mask;
  const dtype = other.dtype === 'bool' ? 'float32' : other.dtype;
  return maskedFill(
    zeros(mask.shape, { dtype, backend: mask.backend }),
    cast(lt(cast(mask, 'int32'), 1), 'bool'),
    Number.NEGATIVE_INFINITY,
  );
}
