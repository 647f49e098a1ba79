import type { Weight } from '../../weights.ts';

/** A weight [out, in] in 8 bits: bytes q [out, in] of which 128 is zero, and a scale for each `group` of them along a row. */
export interface QuantizedWeight {
  q: Uint8Array<ArrayBuffer>;
  scales: Float32Array<ArrayBuffer>;
  rows: number;
  columns: number;
  group: number;
}

/** Rounded to whole multiples of each group's greatest magnitude / 127. */
export function quantized({ shape, data }: Weight, group: number): QuantizedWeight {
  const [rows, columns] = shape as [number, number];
  const q = new Uint8Array(data.length);
  const scales = new Float32Array(data.length / group);
  for (let g = 0; g < scales.length; g++) {
    const own = data.subarray(g * group, (g + 1) * group);
    const scale = own.reduce((most, x) => Math.max(most, Math.abs(x)), 0) / 127;
    scales[g] = scale;
    for (let i = 0; i < group; i++) q[g * group + i] = 128 + (scale === 0 ? 0 : Math.round(own[i]! / scale));
  }
  return { q, scales, rows, columns, group };
}
