import { type Backend, getBackend, type Initializer, reshape, type Tensor, tensor, transpose } from '@multihead/tensor';

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

/** An initialiser: a table of sinusoids, to be stored and loaded like one that is learned. */
export function sinusoidal(step: (pair: number, width: number) => number): Initializer {
  return ([rows, width]) =>
    () =>
      sinusoids(0, rows!, width!, { step: (pair) => step(pair, width!), backend: getBackend() });
}

/** The same with each sine beside its cosine: the Transformer's of 2017. Of an even width. */
export function interleavedSinusoidal(): Initializer {
  const apart = sinusoidal((pair, width) => (2 * pair) / width);
  return (shape) => {
    const [rows, width] = shape as [number, number];
    const make = apart(shape);
    return () => reshape(transpose(reshape(make(), [rows, 2, width / 2]), 1, 2), [rows, width]);
  };
}
