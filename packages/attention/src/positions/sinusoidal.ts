import { type Backend, ShapeError, type Tensor, tensor } from '@multihead/tensor';

/**
 * The position encodings of the 2017 paper, [tokens, dim]: even columns sin(pos / 10000^(2i/dim)), odd columns the cosine of the same.
 * Added to embeddings. Throws a ShapeError for an odd `dim`. Vaswani et al., 2017, section 3.5.
 *
 * @example
 * const x = add(embedding(weight, ids), sinusoidalPositions(tokens, dim));
 */
export function sinusoidalPositions(tokens: number, dim: number, options: { backend?: Backend } = {}): Tensor {
  return tensor(sinusoidalTable(tokens, dim), { shape: [tokens, dim], backend: options.backend });
}

/** The same numbers row by row, for models that keep them. */
export function sinusoidalTable(tokens: number, dim: number): Float32Array {
  if (dim % 2 !== 0) throw new ShapeError(`sinusoidalPositions: dim: expected an even number, got ${dim}`);
  const data = new Float32Array(tokens * dim);
  for (let t = 0; t < tokens; t++) {
    for (let i = 0; i < dim; i += 2) {
      const angle = t / 10_000 ** (i / dim);
      data[t * dim + i] = Math.sin(angle);
      data[t * dim + i + 1] = Math.cos(angle);
    }
  }
  return data;
}
