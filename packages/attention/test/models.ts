import { Rng, randn, stateDict, type Tensor } from '@multihead/tensor';

/** Frees the parameters of these models and their gradients: what a program does that is done with them. */
export function dispose(...models: object[]): void {
  for (const model of models) for (const tensor of stateDict(model).values()) tensor.dispose();
}

/** Normal numbers, the same for the same seed. */
export function random(shape: readonly number[], seed = 1): Tensor {
  return randn(shape, { rng: new Rng(seed) });
}
