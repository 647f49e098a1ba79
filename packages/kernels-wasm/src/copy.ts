import { type Kernels, ShapeError, type View } from '@multihead/tensor';
import type { Exports } from './exports.js';
import type { Heap, WasmBuffer } from './heap.js';
import { type Dims, extentOf, mergeDims, sizeOf, writeWalk } from './strided.js';

/** Dimensions in the order of `out`'s memory, so that writes run forwards. */
function byOutStride(shape: readonly number[], out: readonly number[], x: readonly number[]): Dims {
  const order = shape.map((_, d) => d).filter((d) => shape[d] !== 1);
  order.sort((i, j) => Math.abs(out[j]!) - Math.abs(out[i]!) || Math.abs(x[j]!) - Math.abs(x[i]!));
  const pick = (values: readonly number[]): number[] => order.map((d) => values[d]!);
  return mergeDims(pick(shape), [pick(out), pick(x)]);
}

/** The dims with dimension d moved to the end. */
function withLast(dims: Dims, d: number): Dims {
  const move = (values: number[]): number[] => [...values.slice(0, d), ...values.slice(d + 1), values[d]!];
  return { sizes: move(dims.sizes), strides: dims.strides.map(move) };
}

export function copy(heap: Heap, exports: Exports): Kernels<WasmBuffer>['copy'] {
  const walk = heap.small;
  return (shape, out, outView: View, x, xView: View) => {
    if (outView.strides.length !== shape.length || xView.strides.length !== shape.length) {
      throw new ShapeError(`wasm copy: strides [${outView.strides}] and [${xView.strides}] for shape [${shape}]`);
    }
    if (sizeOf(shape) === 0) return;
    const to = heap.at('copy', 'out', out, null, extentOf('copy', shape, outView.strides, outView.offset));
    const from = heap.at('copy', 'x', x, out.dtype, extentOf('copy', shape, xView.strides, xView.offset));
    const bytes = out.dtype === 'bool' ? 1 : 4;
    const operands = [
      { address: to + outView.offset * bytes, bytes },
      { address: from + xView.offset * bytes, bytes },
    ];
    const dims = byOutStride(shape, outView.strides, xView.strides);
    const last = dims.sizes.length - 1;
    const n = dims.sizes[last]!;
    const [outStrides, xStrides] = dims.strides as [number[], number[]];
    if ((outStrides[last] === 1 && xStrides[last] === 1) || n === 1) {
      writeWalk('copy', heap.i32, walk, dims, last, operands);
      exports.copyRuns(walk, n * bytes);
      return;
    }
    const across = xStrides.indexOf(1);
    if (bytes === 4 && outStrides[last] === 1 && across >= 0 && xStrides[last]! > 0 && outStrides[across]! > 0) {
      // x runs along another dimension: planes of the two are transposed.
      const planes = withLast(dims, across);
      writeWalk('copy', heap.i32, walk, withLast(planes, last - 1), last - 1, operands);
      exports.copyTransposed(walk, dims.sizes[across]!, n, outStrides[across]! * 4, xStrides[last]! * 4);
      return;
    }
    writeWalk('copy', heap.i32, walk, dims, last, operands);
    const copyElements = bytes === 4 ? exports.copyElements4 : exports.copyElements1;
    copyElements(walk, n, outStrides[last]! * bytes, xStrides[last]! * bytes);
  };
}
