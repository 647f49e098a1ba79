import { contiguous, record } from '../autograd.js';
import type { GateActivation } from '../backend.js';
import { isFloat } from '../dtype.js';
import { DTypeError, ShapeError } from '../errors.js';
import { sameShape, show } from '../shape.js';
import { commonBackend, type Tensor } from '../tensor.js';
import { gelu, geluTanh, relu, sigmoid, silu } from './activation.js';
import { mul } from './arithmetic.js';
import { attempt, fusedKernel, onlyOnce, scratch } from './fused.js';

const activations: Readonly<Record<GateActivation, (x: Tensor) => Tensor>> = { none: (x) => x, relu, gelu, geluTanh, silu, sigmoid };

/**
 * A gated linear unit: activation(gate) · up, elementwise, for two tensors of one shape and one float type.
 *
 * `silu`, the default, makes SwiGLU as in Llama; `geluTanh` GEGLU as in Gemma; `sigmoid` the GLU of Dauphin et al., 2017; `none` the bilinear
 * one. Throws a ShapeError with both shapes where they differ.
 * Shazeer, "GLU variants improve Transformer", 2020.
 *
 * @example
 * gated(tensor([0, 1]), tensor([5, 2]), { activation: 'relu' }); // [0, 2]
 */
export function gated(gate: Tensor, up: Tensor, options: { activation?: GateActivation } = {}): Tensor {
  const { activation = 'silu' } = options;
  commonBackend('gated', { gate, up });
  if (!sameShape(gate.shape, up.shape))
    throw new ShapeError(`gated: expected two equal shapes, got gate ${show(gate.shape)}, up ${show(up.shape)}`);
  if (!isFloat(gate.dtype) || gate.dtype !== up.dtype)
    throw new DTypeError(`gated: expected one float type, got gate ${gate.dtype}, up ${up.dtype}`);
  return fusedGated(gate, up, activation) ?? mul(activations[activation](gate), up);
}

function fusedGated(gateIn: Tensor, upIn: Tensor, activation: GateActivation): Tensor | null {
  const kernel = fusedKernel('glu', 'gluGrad', [gateIn, upIn]);
  if (!kernel) return null;
  const [gate, up] = [contiguous(gateIn), contiguous(upIn)];
  const out = attempt(gate, gate.shape, (buffer) => kernel(buffer, gate.buffer, up.buffer, { activation }));
  if (!out) return null;
  return record('gated', out, gate.shape, [gate, up], (gradient) => {
    onlyOnce('gated');
    const dy = contiguous(gradient);
    const [dGate, dUp] = [scratch(gate, gate.shape), scratch(up, up.shape)];
    gate.backend.fused.gluGrad!(dGate.buffer, dUp.buffer, dy.buffer, gate.buffer, up.buffer, { activation });
    return [dGate, dUp];
  });
}
