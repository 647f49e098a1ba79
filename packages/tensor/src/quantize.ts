import type { Backend } from './backend.js';
import { isFloat } from './dtype.js';
import { DTypeError, ShapeError, ValueError } from './errors.js';
import { tensor } from './ops/create.js';
import type { QuantizedWeight } from './ops/linear-q.js';
import { show } from './shape.js';
import { checkTensor, type Tensor } from './tensor.js';

/** Bits of each integer, and how many of them along a row share a scale. */
export interface QuantizeOptions {
  /** 8 if left out. */
  bits?: 4 | 8;
  /** A multiple of 32 that divides the columns; 32 if left out. */
  group?: number;
}

/**
 * Rounds the weight of a linear layer [out, in] to integers of 8 or 4 bits, symmetric, with one scale for each group along a row:
 * scale = max |w| / (2^(bits - 1) - 1), q = round(w / scale). No weight changes by more than half its scale.
 *
 * `group` (32 if left out) must be a multiple of 32 that divides `in`. Asynchronous, because the weight is read. Throws a ShapeError, a
 * ValueError for other bits or groups.
 *
 * @example
 * const w = await quantize(full([1, 32], 0.5), { bits: 8 });
 * slice(dequantize(w), 1, 0, 3); // [[0.5, 0.5, 0.5]]
 */
export async function quantize(weight: Tensor, options: QuantizeOptions = {}): Promise<QuantizedWeight> {
  checkTensor('quantize', 'weight', weight);
  if (weight.rank !== 2) throw new ShapeError(`quantize: weight: expected [out, in], got ${show(weight.shape)}`);
  if (!isFloat(weight.dtype)) throw new DTypeError(`quantize: weight: expected a float type, got ${weight.dtype}`);
  checkGroups(weight.shape[1]!, options);
  const { backend } = weight;
  return quantizeData((await weight.data()) as Float32Array, weight.shape as [number, number], { ...options, backend });
}

/**
 * As `quantize`, for a weight that lies in an array, row by row, as one that comes from a file: only what it becomes is put on a backend, the
 * default one if none is given. Throws a ValueError for an array of another size, other bits or groups.
 *
 * @example
 * const w = quantizeData(new Float32Array(64).fill(-2), [2, 32], { bits: 4 });
 * slice(dequantize(w), 1, 0, 2); // [[-2, -2], [-2, -2]]
 */
export function quantizeData(
  data: ArrayLike<number>,
  [rows, columns]: readonly [rows: number, columns: number],
  options: QuantizeOptions & { backend?: Backend } = {},
): QuantizedWeight {
  const { bits = 8, group = 32, backend } = options;
  checkGroups(columns, options);
  if (data.length !== rows * columns) throw new ValueError(`quantizeData: data: expected ${rows} x ${columns} numbers, got ${data.length}`);
  const { packed, scales } = rounded(data, bits, group);
  return {
    packed: tensor(packed, { shape: [rows, (columns * bits) / 32], backend }),
    scales: tensor(scales, { shape: [rows, columns / group], backend }),
    bits,
    group,
  };
}

function checkGroups(columns: number, { bits = 8, group = 32 }: QuantizeOptions): void {
  if (bits !== 4 && bits !== 8) throw new ValueError(`quantize: bits: expected 4 or 8, got ${String(bits)}`);
  if (!(Number.isInteger(group) && group > 0 && group % 32 === 0 && columns % group === 0))
    throw new ValueError(`quantize: group: expected a multiple of 32 that divides the ${columns} columns, got ${group}`);
}

function rounded(data: ArrayLike<number>, bits: 4 | 8, group: number): { packed: Int32Array; scales: Float32Array } {
  const scales = new Float32Array(data.length / group);
  const packed = new Int32Array((data.length * bits) / 32);
  const zero = 2 ** (bits - 1);
  const perWord = 32 / bits;
  for (let g = 0; g < scales.length; g++) {
    const end = (g + 1) * group;
    let most = 0;
    for (let i = g * group; i < end; i++) most = Math.max(most, Math.abs(data[i]!));
    const scale = Math.fround(most / (zero - 1));
    scales[g] = scale;
    for (let i = g * group; i < end; i++) {
      const q = zero + (scale > 0 ? Math.round(data[i]! / scale) : 0);
      packed[Math.floor(i / perWord)]! |= q << ((i % perWord) * bits);
    }
  }
  return { packed, scales };
}
