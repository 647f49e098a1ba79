import { type Backend, type Tensor, tensor } from '@multihead/tensor';

/**
 * Sinusoidal positions of which the sines come first and then the cosines, rows [from, from + count) of width `dim`: [count, dim].
 * `step(i)` is the exponent of pair i: its angle is place / 10000^step(i).
 */
export function sinusoids(from: number, count: number, dim: number, options: { step: (pair: number) => number; backend: Backend }): Tensor {
  const { step, backend } = options;
  const half = Math.floor(dim / 2);
  const data = new Float32Array(count * dim); // of an odd width the last column stays 0
  for (let t = 0; t < count; t++) {
    for (let i = 0; i < half; i++) {
      const angle = (from + t) / 10_000 ** step(i);
      data[t * dim + i] = Math.sin(angle);
      data[t * dim + half + i] = Math.cos(angle);
    }
  }
  return tensor(data, { shape: [count, dim], backend });
}
