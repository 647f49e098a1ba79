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
  /** Looks for the scale of each group that leaves the least squared error, instead of taking the one of its greatest magnitude. */
  fit?: boolean;
}

/**
 * Rounds the weight of a linear layer [out, in] to integers of 8 or 4 bits, symmetric, with one scale for each group along a row:
 * scale = max |w| / (2^(bits - 1) - 1), q = round(w / scale). No weight changes by more than half its scale. With `fit` the scale, of either sign,
 * is the one of some that leaves the least squared error, and single weights may change by more: what 4 bits gain by.
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
  const { bits = 8, group = 32, fit = false, backend } = options;
  checkGroups(columns, options);
  if (data.length !== rows * columns) throw new ValueError(`quantizeData: data: expected ${rows} x ${columns} numbers, got ${data.length}`);
  const { packed, scales } = rounded(data, bits, group, fit ? fittedScale : scaleOf);
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

/** The scale of data[from, to), whose integers go from -zero to zero - 1. */
type Scale = (data: ArrayLike<number>, from: number, to: number, zero: number) => number;

const scaleOf: Scale = (data, from, to, zero) => Math.fround(Math.abs(greatest(data, from, to)) / (zero - 1));

/** The element of the greatest magnitude. */
function greatest(data: ArrayLike<number>, from: number, to: number): number {
  let most = 0;
  let at = from;
  for (let i = from; i < to; i++) {
    const size = Math.abs(data[i]!);
    if (size > most) {
      most = size;
      at = i;
    }
  }
  return most === 0 ? 0 : data[at]!;
}

/**
 * Of scales that put the greatest element at about -zero, each made the best for the integers that it gives, Σ w q / Σ q², the one that leaves the
 * least of Σ (w - scale q)² = Σ w² - (Σ w q)² / Σ q².
 */
const fittedScale: Scale = (data, from, to, zero) => {
  const most = greatest(data, from, to);
  if (most === 0) return 0;
  let best = 0;
  let kept = 0;
  const last = 2 * zero - 1;
  for (let step = -2; step <= 2; step++) {
    const inverse = -(zero + step / 2) / most;
    let wq = 0;
    let qq = 0;
    for (let i = from; i < to; i++) {
      const w = data[i]!;
      const up = (w * inverse + zero + 0.5) | 0; // rounded, and from 0 on; -1 would be the least, and becomes 0
      const q = Math.min(up, last) - zero;
      wq += w * q;
      qq += q * q;
    }
    const gain = qq > 0 ? (wq * wq) / qq : 0;
    if (gain > kept) {
      best = wq / qq;
      kept = gain;
    }
  }
  return Math.fround(best);
};

function rounded(data: ArrayLike<number>, bits: 4 | 8, group: number, scaleFor: Scale): { packed: Int32Array; scales: Float32Array } {
  const scales = new Float32Array(data.length / group);
  const nothing = bits === 4 ? 0x88888888 : 0x80808080;
  const packed = new Int32Array((data.length * bits) / 32).fill(nothing);
  const zero = 2 ** (bits - 1);
  const last = 2 * zero - 1;
  const perWord = 32 / bits;
  for (let g = 0; g < scales.length; g++) {
    const [from, to] = [g * group, (g + 1) * group];
    const scale = scaleFor(data, from, to, zero);
    scales[g] = scale;
    if (scale === 0) continue;
    for (let i = from, word = from / perWord; i < to; word++) {
      let digits = 0;
      for (let shift = 0; shift < 32; shift += bits, i++) {
        const q = Math.round(data[i]! / scale) + zero;
        digits |= Math.max(0, Math.min(last, q)) << shift;
      }
      packed[word] = digits;
    }
  }
  return { packed, scales };
}
