import { type Activation, embedding, reshape, slice, type Tensor, transpose, dequantize } from '@multihead/tensor';
import { activate } from '../parts/activate.js';
import type { StandIn } from '../parts/stand-in.js';
import { multiplyPacked, type PackedWeight, unpacked } from './packed.js';

/* What stands in place of layers whose weights have few bits: the same `forward`, the same places in the model. The weights are not trained. */

/** In place of a linear layer, or of a head. */
export class QuantizedLinear implements StandIn {
  weight: PackedWeight;
  bias: Tensor | null;
  readonly #transposed: boolean;

  /** `transposed`: in the checkpoint the weight lies [in, out]. */
  constructor(weight: PackedWeight, bias: Tensor | null, transposed: boolean) {
    this.weight = weight;
    this.bias = bias;
    this.#transposed = transposed;
  }

  forward(x: Tensor, activation: Activation = 'none'): Tensor {
    return activate(multiplyPacked(x, this.weight, this.bias), activation);
  }

  project(x: Tensor): Tensor {
    return this.forward(x);
  }

  get transposed(): boolean {
    return this.#transposed;
  }

  stored() {
    const { weight } = this;
    return { weight: { of: weight, make: () => asStored(weight, this.#transposed) }, bias: this.bias };
  }
}

/** In place of the embeddings of tokens, which may be the head as well. */
export class QuantizedEmbedding implements StandIn {
  weight: PackedWeight;

  constructor(weight: PackedWeight) {
    this.weight = weight;
  }

  forward(ids: Tensor): Tensor {
    const { packed, scales, bits, group, inFeatures } = this.weight;
    const flat = reshape(ids, [ids.size]);
    const rows = dequantize({ packed: embedding(packed, flat), scales: embedding(scales, flat), bits, group }); // [N, columns]
    return reshape(slice(rows, 1, 0, inFeatures), [...ids.shape, inFeatures]);
  }

  project(x: Tensor): Tensor {
    return multiplyPacked(x, this.weight, null);
  }

  table(): Tensor {
    return unpacked(this.weight);
  }

  stored() {
    const { weight } = this;
    return { weight: { of: weight, make: () => unpacked(weight) } };
  }
}

/** The weight as a checkpoint has it. */
export function asStored(weight: PackedWeight, transposed: boolean): Tensor {
  return transposed ? transpose(unpacked(weight)) : unpacked(weight);
}
