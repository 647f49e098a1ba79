import { type Activation, type Fused, type Kernels, ValueError } from '@multihead/tensor';
import type { Exports } from './exports.js';
import type { Heap, WasmBuffer } from './heap.js';

const activations: Record<Activation, number> = { none: 0, relu: 1, gelu: 2, geluTanh: 3, silu: 4 };

type Products = Pick<Kernels<WasmBuffer>, 'matmul'> & Pick<Fused<WasmBuffer>, 'linear'>;

export function products(heap: Heap, exports: Exports): Products {
  return {
    matmul(out, a, b, args) {
      let { batch, m, aBatchStride } = args;
      const { n, k, bBatchStride, transA, transB, alpha, accumulate } = args;
      const size = batch * m * n;
      if (size === 0) return;
      const extent = (stride: number, matrix: number): number => (matrix === 0 ? 0 : stride * (batch - 1) + matrix);
      if (aBatchStride < 0 || bBatchStride < 0)
        throw new ValueError(`wasm matmul: batch strides ${aBatchStride} and ${bBatchStride}: expected ≥ 0`);
      const to = heap.at('matmul', 'out', out, 'float32', size);
      const aAt = heap.at('matmul', 'a', a, 'float32', extent(aBatchStride, m * k));
      const bAt = heap.at('matmul', 'b', b, 'float32', extent(bBatchStride, k * n));
      if (k === 0) {
        if (!accumulate) exports.fill32(to, 0, size);
        return;
      }
      if (batch > 1 && !transA && bBatchStride === 0 && aBatchStride === m * k) {
        // One b for all: the rows of the whole batch make one product.
        m *= batch;
        batch = 1;
        aBatchStride = 0;
      }
      heap.scratch(0, (scratch) =>
        // biome-ignore format: one line of data, one of flags
        exports.matmul(to, aAt, bAt, batch, m, n, k, aBatchStride, bBatchStride,
          Number(transA), Number(transB), alpha, Number(accumulate), scratch),
      );
    },

    linear(out, pre, x, weight, bias, { rows, inFeatures: k, outFeatures: n, transposed, activation }) {
      const size = rows * n;
      const to = heap.at('linear', 'out', out, 'float32', size);
      const preAt = heap.optional('linear', 'pre', pre, size);
      const xAt = heap.at('linear', 'x', x, 'float32', rows * k);
      const weightAt = heap.at('linear', 'weight', weight, 'float32', n * k);
      const biasAt = heap.optional('linear', 'bias', bias, n);
      if (k === 0) return false;
      if (size === 0) return true;
      heap.scratch(0, (scratch) =>
        exports.linear(to, preAt, xAt, weightAt, biasAt, rows, n, k, Number(!transposed), activations[activation], scratch),
      );
      return true;
    },
  };
}
