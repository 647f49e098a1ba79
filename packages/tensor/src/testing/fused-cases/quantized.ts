import type { LinearQArgs } from '../../backend.js';
import { unaryFunctions } from '../../cpu/scalar-functions.js';
import type { BackendCase } from '../backend-case.js';
import type { Lab } from '../backend-lab.js';
import { exact } from '../closeness.js';
import { integerSample, uniformSample } from '../samples.js';

// biome-ignore format: a table
const sizes: readonly (readonly [rows: number, inFeatures: number, outFeatures: number, group: number])[] = [
  [1, 32, 1, 32], [1, 128, 33, 32], [2, 64, 5, 64], [3, 96, 70, 32], [8, 64, 9, 32], [9, 64, 67, 32], [17, 192, 130, 64], [0, 32, 3, 32],
];

/** y, and by element the sum of the magnitudes of its terms. */
export function linearQReference(
  x: Float32Array,
  weight: Int32Array,
  scales: Float32Array,
  bias: Float32Array | null,
  args: LinearQArgs,
): { y: Float64Array; scale: Float64Array } {
  const { rows, inFeatures, outFeatures, bits, group, dynamic } = args;
  const values = dynamic ? roundedReference(x, group) : x;
  const y = new Float64Array(rows * outFeatures);
  const scale = new Float64Array(y.length);
  for (let i = 0; i < y.length; i++) {
    const [row, column] = [Math.floor(i / outFeatures), i % outFeatures];
    for (let p = 0; p < inFeatures; p++) {
      const at = column * inFeatures + p;
      const q = (weight[Math.floor((at * bits) / 32)]! >>> ((at * bits) % 32)) & (2 ** bits - 1);
      const term = values[row * inFeatures + p]! * scales[Math.floor(at / group)]! * (q - 2 ** (bits - 1));
      y[i]! += term;
      scale[i]! += Math.abs(term);
    }
    y[i]! += bias?.[column] ?? 0;
    scale[i]! += Math.abs(bias?.[column] ?? 0);
  }
  return { y, scale };
}

/** In float32, since the last bit decides which way a half is rounded. */
function roundedReference(x: Float32Array, group: number): Float64Array {
  const out = new Float64Array(x.length);
  for (let from = 0; from < x.length; from += group) {
    const scale = Math.fround(x.subarray(from, from + group).reduce((m, v) => Math.max(m, Math.abs(v)), 0) / 63);
    for (let i = from; i < from + group; i++) out[i] = scale === 0 ? 0 : scale * unaryFunctions.round(Math.fround(x[i]! / scale));
  }
  return out;
}

async function agrees(lab: Lab, bits: 4 | 8, dynamic: boolean): Promise<void | false> {
  let taken = false;
  for (const [rows, inFeatures, outFeatures, group] of sizes) {
    const args = { rows, inFeatures, outFeatures, bits, group, dynamic };
    const x = uniformSample(1, rows * inFeatures, -3, 3);
    if (x.length > 0) x.fill(0, 0, group); // a group of zeros
    const weight = integerSample(2, (outFeatures * inFeatures * bits) / 32, -(2 ** 31), 2 ** 31 - 1);
    const scales = uniformSample(3, (outFeatures * inFeatures) / group, 0.001, 0.1);
    for (const bias of [null, uniformSample(4, outFeatures)]) {
      const out = lab.out('float32', rows * outFeatures);
      const what = `linearQ ${JSON.stringify(args)}`;
      if (!lab.backend.fused.linearQ!(out, lab.put(x), lab.put(weight), lab.put(scales), bias && lab.put(bias), args)) {
        await lab.check(`${what} declined, so out`, out, lab.rubbish('float32', out.length), exact);
        continue;
      }
      taken = true;
      const want = linearQReference(x, weight, scales, bias, args);
      await lab.check(what, out, want.y, { rtol: 2e-6, atol: 1e-6, scale: want.scale });
    }
  }
  return taken ? undefined : false;
}

export const quantizedCases: readonly BackendCase[] = ([8, 4] as const).flatMap((bits) =>
  [false, true].map((dynamic) => ({
    name: `linearQ: ${bits} bits${dynamic ? ', dynamic' : ''}`,
    needs: 'linearQ' as const,
    run: (lab: Lab) => agrees(lab, bits, dynamic),
  })),
);
