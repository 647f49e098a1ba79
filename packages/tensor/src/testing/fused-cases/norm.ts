import type { NormArgs } from '../../backend.js';
import { type BackendCase, mustTakeBoth } from '../backend-case.js';
import type { Lab } from '../backend-lab.js';
import { exact, type Tolerance } from '../closeness.js';
import { uniformSample } from '../samples.js';

// biome-ignore format: a table
const sizes: readonly (readonly [rows: number, columns: number])[] = [
  [1, 1], [2, 2], [3, 5], [5, 8], [4, 17], [2, 64], [33, 65], [1, 515], [70, 12], [0, 3],
];
const tolerance: Tolerance = { rtol: 1e-5, atol: 3e-6 };

interface Norm {
  readonly out: Float64Array;
  readonly mean: Float64Array;
  readonly rstd: Float64Array;
}

/** Layer normalization, or with `centre` false RMS normalization, whose mean is taken for 0. */
export function normReference(
  x: Float32Array,
  weight: Float32Array | null,
  bias: Float32Array | null,
  args: NormArgs,
  centre: boolean,
): Norm {
  const { rows, columns, eps } = args;
  const out = new Float64Array(rows * columns);
  const mean = new Float64Array(rows);
  const rstd = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const line = x.subarray(row * columns, (row + 1) * columns);
    if (centre) mean[row] = line.reduce((sum, v) => sum + v, 0) / columns;
    rstd[row] = 1 / Math.sqrt(line.reduce((sum, v) => sum + (v - mean[row]!) ** 2, 0) / columns + eps);
    line.forEach((v, j) => {
      out[row * columns + j] = (v - mean[row]!) * rstd[row]! * (weight?.[j] ?? 1) + (bias?.[j] ?? 0);
    });
  }
  return { out, mean, rstd };
}

export function normGradReference(dy: Float32Array, x: Float32Array, weight: Float32Array | null, args: NormArgs, centre: boolean) {
  const { rows, columns } = args;
  const { mean, rstd } = normReference(x, null, null, args, centre);
  const dx = new Float64Array(rows * columns);
  const dWeight = new Float64Array(columns);
  const dBias = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    const normal = (j: number) => (x[row * columns + j]! - mean[row]!) * rstd[row]!;
    const g = (j: number) => dy[row * columns + j]! * (weight?.[j] ?? 1);
    let sumG = 0;
    let sumGn = 0;
    for (let j = 0; j < columns; j++) {
      sumG += centre ? g(j) : 0;
      sumGn += g(j) * normal(j);
      dWeight[j]! += dy[row * columns + j]! * normal(j);
      dBias[j]! += dy[row * columns + j]!;
    }
    for (let j = 0; j < columns; j++) dx[row * columns + j] = rstd[row]! * (g(j) - sumG / columns - (normal(j) * sumGn) / columns);
  }
  return { dx, dWeight, dBias };
}

async function runForward(lab: Lab, centre: boolean, args: NormArgs, affine: boolean, x: Float32Array): Promise<boolean> {
  const { rows, columns } = args;
  const weight = affine ? uniformSample(2, columns) : null;
  const bias = affine && centre ? uniformSample(3, columns) : null;
  const out = lab.out('float32', x.length);
  const mean = lab.out('float32', rows);
  const rstd = lab.out('float32', rows);
  const { fused } = lab.backend;
  const w = weight && lab.put(weight);
  const taken = centre
    ? fused.layerNorm!(out, mean, rstd, lab.put(x), w, bias && lab.put(bias), args)
    : fused.rmsNorm!(out, rstd, lab.put(x), w, args);
  const what = `${centre ? 'layerNorm' : 'rmsNorm'} [${rows}, ${columns}]${affine ? ', affine' : ''}`;
  if (!taken) {
    await lab.check(`${what} declined, so out`, out, lab.rubbish('float32', x.length), exact);
    return false;
  }
  const want = normReference(x, weight, bias, args, centre);
  await lab.check(what, out, want.out, tolerance);
  if (centre) await lab.check(`${what}: mean`, mean, want.mean, { rtol: 2e-6, atol: 1e-6 });
  await lab.check(`${what}: rstd`, rstd, want.rstd, { rtol: 1e-5 });
  return true;
}

async function forwards(lab: Lab, centre: boolean): Promise<void | false> {
  let taken = false;
  for (const [rows, columns] of sizes) {
    for (const affine of [true, false]) {
      const x = uniformSample(rows, rows * columns);
      if (await runForward(lab, centre, { rows, columns, eps: 1e-5 }, affine, x)) taken = true;
    }
  }
  return taken ? undefined : false;
}

/** A variance as E[x²] - E[x]² would be all rounding error here. */
async function farFromZero(lab: Lab): Promise<void | false> {
  const [rows, columns] = [5, 67];
  const x = uniformSample(1, rows * columns, 999, 1001);
  const out = lab.out('float32', x.length);
  const [mean, rstd] = [lab.out('float32', rows), lab.out('float32', rows)];
  const args = { rows, columns, eps: 1e-5 };
  if (!lab.backend.fused.layerNorm!(out, mean, rstd, lab.put(x), null, null, args)) return false;
  await lab.check('layerNorm of 1000 ± 1', out, normReference(x, null, null, args, true).out, { atol: 5e-4 });
}

async function runBackward(lab: Lab, centre: boolean, args: NormArgs, affine: boolean): Promise<boolean> {
  const { rows, columns } = args;
  const x = uniformSample(rows, rows * columns);
  const dy = uniformSample(rows + 1, rows * columns);
  const weight = affine ? uniformSample(2, columns) : null;
  const saved = normReference(x, weight, null, args, centre);
  const put = (data: Float64Array) => lab.put(Float32Array.from(data));
  const dx = lab.out('float32', x.length);
  const dWeight = affine ? lab.out('float32', columns) : null;
  const dBias = affine && centre ? lab.out('float32', columns) : null;
  const { fused } = lab.backend;
  const w = weight && lab.put(weight);
  const taken = centre
    ? fused.layerNormGrad!(dx, dWeight, dBias, lab.put(dy), lab.put(x), w, put(saved.mean), put(saved.rstd), args)
    : fused.rmsNormGrad!(dx, dWeight, lab.put(dy), lab.put(x), w, put(saved.rstd), args);
  const what = `${centre ? 'layerNormGrad' : 'rmsNormGrad'} [${rows}, ${columns}]`;
  if (!taken) {
    await lab.check(`${what} declined, so dx`, dx, lab.rubbish('float32', x.length), exact);
    mustTakeBoth(what, !!(centre ? fused.layerNorm : fused.rmsNorm) && (await runForward(lab, centre, args, affine, x)));
    return false;
  }
  const want = normGradReference(dy, x, weight, args, centre);
  // Rows of one or two columns have variances near 0 and so large slopes: errors are in proportion to the largest.
  const steep = Math.max(1, ...saved.rstd);
  await lab.check(`${what}: dx`, dx, want.dx, { rtol: 2e-5, atol: 5e-6 * steep });
  if (dWeight) await lab.check(`${what}: dWeight`, dWeight, want.dWeight, { rtol: 1e-5, atol: 1e-5 });
  if (dBias) await lab.check(`${what}: dBias`, dBias, want.dBias, { rtol: 1e-5, atol: 5e-6 });
  return true;
}

async function backwards(lab: Lab, centre: boolean): Promise<void | false> {
  let taken = false;
  for (const [rows, columns] of sizes) {
    for (const affine of [true, false]) {
      if (await runBackward(lab, centre, { rows, columns, eps: 1e-5 }, affine)) taken = true;
    }
  }
  return taken ? undefined : false;
}

export const normCases: readonly BackendCase[] = [
  { name: 'layerNorm: odd sizes', needs: 'layerNorm', run: (lab) => forwards(lab, true) },
  { name: 'layerNorm: far from zero', needs: 'layerNorm', run: farFromZero },
  { name: 'layerNorm: gradient', needs: 'layerNormGrad', run: (lab) => backwards(lab, true) },
  { name: 'rmsNorm: odd sizes', needs: 'rmsNorm', run: (lab) => forwards(lab, false) },
  { name: 'rmsNorm: gradient', needs: 'rmsNormGrad', run: (lab) => backwards(lab, false) },
];
