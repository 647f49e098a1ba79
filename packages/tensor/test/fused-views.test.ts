import { type Backend, type Fused, cpu, linear, scope, slice, sum, tensor, transpose } from '@multihead/tensor';
import { expect, it } from 'vitest';
import type { CpuBuffer } from '../src/cpu/buffer.js';
import { numbers } from './expectations.js';

/** The CPU backend with a fused linear kernel, which reads its inputs from the first element of their buffers on, as kernels may. */
function withFusedLinear(): Backend {
  const fused: Partial<Fused<CpuBuffer>> = {
    linear(out, _pre, x, weight, bias, { rows, inFeatures, outFeatures }) {
      for (let r = 0; r < rows; r++) {
        for (let o = 0; o < outFeatures; o++) {
          let total = bias ? bias.data[o]! : 0;
          for (let i = 0; i < inFeatures; i++) total += x.data[r * inFeatures + i]! * weight.data[o * inFeatures + i]!;
          out.data[r * outFeatures + o] = total;
        }
      }
      return true;
    },
  };
  return Object.assign(cpu(), { fused });
}

it('linear hands a fused kernel inputs that begin where their buffers do, a bias that is a slice included', async () => {
  using _ = scope();
  const backend = withFusedLinear();
  const x = transpose(tensor([[1, 3], [2, 4]], { backend })); // biome-ignore format: matrices
  const weights = tensor([[9, 9], [1, 0], [0, 1]], { backend, requiresGrad: true }); // biome-ignore format: matrices
  const biases = tensor([100, 10, 20], { backend, requiresGrad: true });
  const y = linear(x, slice(weights, 0, 1, 3), slice(biases, 0, 1, 3));
  sum(y).backward();
  expect(await numbers(y, biases.grad, weights.grad)).toEqual([
    [11, 22, 13, 24],
    [0, 2, 2],
    [0, 0, 4, 6, 4, 6],
  ]);
});
