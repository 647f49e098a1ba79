import { type Backend, cpu, type DeviceBuffer, type DType, fillRandom, type Kernels, type TypedArray } from '@multihead/tensor';
import { allocArray, bytesOf } from '../src/dtype.js';

/*
 * A third party's backend on its first day: a few kernels of its own, the reference's for the rest, two fused ones without gradients, of
 * which one declines most of what it is asked, and no synchronous reading.
 */

interface ToyBuffer extends DeviceBuffer {
  data: TypedArray;
}

const borrowed = cpu().kernels as unknown as Kernels<ToyBuffer>; // these look at `data`, `length` and `dtype` alone

const kernels: Kernels<ToyBuffer> = {
  ...borrowed,
  fill: (out, value) => void out.data.fill(value),
  random: (out, args) => fillRandom(out.data, args),
  copy(shape, out, to, x, from) {
    const walk = (axis: number, target: number, source: number): void => {
      if (axis === shape.length) out.data[target] = x.data[source]!;
      else for (let i = 0; i < shape[axis]!; i++) walk(axis + 1, target + i * to.strides[axis]!, source + i * from.strides[axis]!);
    };
    walk(0, to.offset, from.offset);
  },
  matmul(out, a, b, { batch, m, n, k, aBatchStride, bBatchStride, transA, transB, alpha, accumulate }) {
    for (let s = 0, at = 0; s < batch; s++) {
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < n; j++, at++) {
          let sum = 0;
          for (let l = 0; l < k; l++) {
            const left = a.data[s * aBatchStride + (transA ? l * m + i : i * k + l)]!;
            sum += left * b.data[s * bBatchStride + (transB ? j * k + l : l * n + j)]!;
          }
          out.data[at] = alpha * sum + (accumulate ? out.data[at]! : 0);
        }
      }
    }
  },
};

export function toy(): Backend<ToyBuffer> {
  const live = new Set<ToyBuffer>();
  let [bytes, disposed] = [0, false];
  const checked = (buffer: ToyBuffer, from: number, to: number): TypedArray => {
    if (!live.has(buffer) || from < 0 || to > buffer.length) throw new Error(`toy: no elements [${from}, ${to})`);
    return buffer.data;
  };
  return {
    name: 'toy',
    dtypes: ['float32', 'int32', 'bool'],
    alloc(length: number, dtype: DType) {
      if (dtype === 'float64') throw new Error('toy: no float64');
      const buffer = { length, dtype, data: allocArray(dtype, length).fill(1) }; // unspecified contents
      live.add(buffer);
      bytes += length * bytesOf(dtype);
      return buffer;
    },
    free(buffer) {
      if (disposed) return;
      if (!live.delete(buffer)) throw new Error('toy: freed already');
      bytes -= buffer.length * bytesOf(buffer.dtype);
    },
    write: (buffer, data, at = 0) => checked(buffer, at, at + data.length).set(data, at),
    read: async (buffer, from = 0, to = buffer.length) => checked(buffer, from, to).slice(from, to),
    memory: () => ({ buffers: live.size, bytes }),
    dispose() {
      live.clear();
      disposed = true;
    },
    kernels,
    fused: {
      softmax(out, x, { rows, columns, log }) {
        for (let row = 0; row < rows; row++) {
          const scores = Array.from(x.data.subarray(row * columns, (row + 1) * columns));
          const greatest = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
          const total = scores.reduce((sum, v) => sum + Math.exp(v - greatest), 0);
          scores.forEach((v, i) => {
            out.data[row * columns + i] = log ? v - greatest - Math.log(total) : Math.exp(v - greatest) / total;
          });
        }
        return true;
      },
      linear(out, pre, x, weight, bias, { rows: m, inFeatures: k, outFeatures: n, transposed, activation }) {
        if (activation !== 'none' || bias) return false;
        const plain = { batch: 1, aBatchStride: 0, bBatchStride: 0, transA: false, alpha: 1, accumulate: false };
        for (const y of pre ? [out, pre] : [out]) kernels.matmul(y, x, weight, { ...plain, m, n, k, transB: !transposed });
        return true;
      },
    },
  };
}
