import { linear, type Tensor } from '@multihead/tensor';

/* Weights that are read in another way than by the layer's own `forward`: a table of embeddings as a head, or as a whole. */

/** What turns hidden states into scores: a linear layer, or the table of the embeddings. What stands in place of one has a `project`. */
export interface Projection {
  weight: Tensor;
  bias?: Tensor | null;
  project?(x: Tensor): Tensor;
}

/** x · weightᵀ + bias: x [..., in] to [..., out]. */
export function project(x: Tensor, head: Projection): Tensor {
  return head.project?.(x) ?? linear(x, head.weight, head.bias);
}

/** All rows of an embedding, [rows, dim]. What stands in place of one has a `table`. */
export function tableOf(embedding: { weight: Tensor; table?(): Tensor }): Tensor {
  return embedding.table?.() ?? embedding.weight;
}
