import {
  type Activation,
  add,
  clamp,
  div,
  erf,
  gated,
  gelu,
  geluTanh,
  hardSwish,
  leakyRelu,
  mish,
  mul,
  quickGelu,
  relu,
  relu6,
  reluSquared,
  sigmoid,
  silu,
  sub,
  type Tensor,
  tanh,
} from '@multihead/tensor';

/** The activations that a config may name, in transformers' spelling. Several names stand for one formula there, too. */
export const activations = {
  gelu,
  gelu_10: (x: Tensor): Tensor => clamp(gelu(x), -10, 10),
  gelu_accurate: geluTanh,
  gelu_fast: geluTanh,
  gelu_new: geluTanh,
  gelu_python: gelu,
  gelu_python_tanh: geluTanh,
  gelu_pytorch_tanh: geluTanh,
  hardswish: hardSwish,
  laplace: (x: Tensor): Tensor => mul(add(erf(div(sub(x, Math.SQRT1_2), 0.282095 * Math.SQRT2)), 1), 0.5),
  leaky_relu: (x: Tensor): Tensor => leakyRelu(x),
  linear: (x: Tensor): Tensor => x,
  mish,
  quick_gelu: quickGelu,
  relu,
  relu2: reluSquared,
  relu6,
  sigmoid,
  silu,
  swish: silu,
  tanh,
};

export type ActivationName = keyof typeof activations;

/** activation(linear(x)), in one kernel where that can be. */
export function activated(linear: { forward(x: Tensor, activation?: Activation): Tensor }, x: Tensor, name: ActivationName): Tensor {
  const fused = fusedName(name);
  return fused ? linear.forward(x, fused) : activations[name](linear.forward(x));
}

/** activation(gate) · up, in one kernel where that can be. */
export function activatedGate(gate: Tensor, up: Tensor, name: ActivationName): Tensor {
  const fused = fusedName(name);
  return fused ? gated(gate, up, { activation: fused }) : mul(activations[name](gate), up);
}

/** What the kernels call it that have this activation; null where they do not. */
function fusedName(name: ActivationName): 'relu' | 'gelu' | 'geluTanh' | 'silu' | null {
  const f = activations[name];
  return f === relu ? 'relu' : f === gelu ? 'gelu' : f === geluTanh ? 'geluTanh' : f === silu ? 'silu' : null;
}
