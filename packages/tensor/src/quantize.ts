import { isFloat } from './dtype.js';
import { DTypeError, ShapeError, ValueError } from './errors.js';
import { tensor } from './ops/create.js';
import type { QuantizedWeight } from './ops/linear-q.js';
import { show } from './shape.js';
import { checkTensor, type Tensor } from './tensor.js';

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
export async function quantize(weight: Tensor, options: { bits?: 4 | 8; group?: number } = {}): Promise<QuantizedWeight> {
  const { bits = 8, group = 32 } = options;
  checkTensor('quantize', 'weight', weight);
  if (weight.rank !== 2) throw new ShapeError(`quantize: weight: expected [out, in], got ${show(weight.shape)}`);
  if (!isFloat(weight.dtype)) throw new DTypeError(`quantize: weight: expected a float type, got ${weight.dtype}`);
  const [rows, columns] = weight.shape as [number, number];
  if (bits !== 4 && bits !== 8) throw new ValueError(`quantize: bits: expected 4 or 8, got ${String(bits)}`);
  if (!(Number.isInteger(group) && group > 0 && group % 32 === 0 && columns % group === 0))
    throw new ValueError(`quantize: group: expected a multiple of 32 that divides the ${columns} columns, got ${group}`);
  const { backend } = weight;
  const data = await weight.data();
  const scales = new Float32Array((rows * columns) / group);
  const packed = new Int32Array((rows * columns * bits) / 32);
  const zero = 2 ** (bits - 1);
  const perWord = 32 / bits;
  for (let g = 0; g < scales.length; g++) {
    const values = data.subarray(g * group, (g + 1) * group);
    let most = 0;
    for (const v of values) most = Math.max(most, Math.abs(v));
    const scale = Math.fround(most / (zero - 1));
    scales[g] = scale;
    values.forEach((v: number, i: number) => {
      const q = zero + (scale > 0 ? Math.round(v / scale) : 0);
      const at = g * group + i;
      packed[Math.floor(at / perWord)]! |= q << ((at % perWord) * bits);
    });
  }
  return {
    packed: tensor(packed, { shape: [rows, (columns * bits) / 32], backend }),
    scales: tensor(scales, { shape: [rows, columns / group], backend }),
    bits,
    group,
  };
}
