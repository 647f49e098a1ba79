import { dequantize, keep, linearQ, pad, type QuantizedWeight, quantizeData, slice, type Tensor } from '@multihead/tensor';

/** The weight [out, in] of a layer in few bits. Rows whose length is no multiple of the group are filled up with zeros. */
export interface PackedWeight extends QuantizedWeight {
  /** Columns that are the layer's. */
  readonly inFeatures: number;
  /** Inputs are rounded on their way in, so that integers are multiplied. */
  readonly dynamic: boolean;
}

export interface PackOptions {
  bits: 4 | 8;
  group: number;
  dynamic: boolean;
  /** The data lies [in, out]. */
  transposed?: boolean;
}

/** Rounds a weight that lies in an array; `shape` is that of the array. */
export function pack(data: ArrayLike<number>, shape: readonly number[], options: PackOptions): PackedWeight {
  const { bits, group, dynamic, transposed = false } = options;
  const [rows, inFeatures] = (transposed ? [shape[1]!, shape[0]!] : [shape[0]!, shape[1]!]) as [number, number];
  const columns = Math.ceil(inFeatures / group) * group;
  const plain = !transposed && columns === inFeatures;
  const weight = quantizeData(plain ? data : filled(data, [rows, inFeatures, columns], transposed), [rows, columns], {
    bits,
    group,
    fit: bits === 4,
  });
  return { ...weight, packed: keep(weight.packed), scales: keep(weight.scales), inFeatures, dynamic };
}

/** Row by row, each filled up with zeros to `columns`. */
function filled(data: ArrayLike<number>, [rows, width, columns]: readonly [number, number, number], transposed: boolean): Float32Array {
  const out = new Float32Array(rows * columns);
  const [stride, step] = transposed ? [1, rows] : [width, 1];
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < width; i++) out[row * columns + i] = data[row * stride + i * step]!;
  }
  return out;
}

/** The weight [out, in] that it stands for. */
export function unpacked(weight: PackedWeight): Tensor {
  const wide = dequantize(weight);
  return wide.shape[1] === weight.inFeatures ? wide : slice(wide, 1, 0, weight.inFeatures);
}

/** x · weightᵀ + bias: x [..., in] to [..., out]. */
export function multiplyPacked(x: Tensor, weight: PackedWeight, bias: Tensor | null): Tensor {
  const { inFeatures, dynamic, bits } = weight;
  const missing = (weight.packed.shape[1]! * 32) / bits - inFeatures;
  const fits = missing === 0 || x.shape.at(-1) !== inFeatures; // linearQ says what is wrong with another length
  return linearQ(fits ? x : pad(x, [[0, missing]]), weight, bias, { dynamic });
}
