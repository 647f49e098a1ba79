import { type Activation, gelu, geluTanh, relu, silu, type Tensor } from '@multihead/tensor';

/** An activation that `linear` has in its kernel, for layers that have to add something before it. */
export function activate(x: Tensor, activation: Activation): Tensor {
  return activation === 'none' ? x : { relu, gelu, geluTanh, silu }[activation](x);
}
