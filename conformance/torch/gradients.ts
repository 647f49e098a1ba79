import { add, cast, grad, mul, sum, type Tensor } from '@multihead/tensor';

/**
 * The gradients of Σᵢ ⟨cotangentᵢ, outputᵢ⟩ by each of `leaves`; null for a leaf that no gradient reaches. Outputs without a cotangent
 * do not count.
 */
export function gradientsOf(
  outputs: readonly (Tensor | null)[],
  cotangents: readonly (Tensor | null)[],
  leaves: ReadonlyMap<string, Tensor>,
): Map<string, Tensor | null> {
  const terms = outputs.flatMap((y, i) => {
    const cotangent = cotangents[i];
    return y?.requiresGrad && cotangent ? [sum(mul(y, cast(cotangent, y.dtype)))] : [];
  });
  if (terms.length === 0) return new Map([...leaves.keys()].map((name) => [name, null]));
  const found = grad(
    terms.reduce((total, term) => add(total, term)),
    [...leaves.values()],
  );
  return new Map([...leaves.keys()].map((name, i) => [name, found[i]]));
}
