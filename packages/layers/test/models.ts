import { Rng, randn, stateDict, type Tensor } from '@multihead/tensor';

/** Frees the parameters of these models and their gradients: what a program does that is done with them. */
export function dispose(...models: object[]): void {
  for (const model of models) for (const tensor of stateDict(model).values()) tensor.dispose();
}

/** Normal numbers, the same for the same seed. */
export function random(shape: readonly number[], seed = 1): Tensor {
  return randn(shape, { rng: new Rng(seed) });
}

/** Mean, standard deviation, least and greatest. */
export async function statistics(x: Tensor): Promise<{ mean: number; std: number; min: number; max: number }> {
  const data = Array.from(await x.data());
  const mean = data.reduce((a, b) => a + b, 0) / data.length;
  const std = Math.sqrt(data.reduce((total, v) => total + (v - mean) ** 2, 0) / data.length);
  return { mean, std, min: Math.min(...data), max: Math.max(...data) };
}
