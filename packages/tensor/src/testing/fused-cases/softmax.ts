import type { BackendCase } from '../backend-case.js';
import type { Lab } from '../backend-lab.js';
import { exact, type Tolerance } from '../closeness.js';
import { uniformSample } from '../samples.js';

// biome-ignore format: a table
const sizes: readonly (readonly [rows: number, columns: number])[] = [
  [1, 1], [3, 2], [5, 3], [2, 4], [7, 5], [4, 8], [3, 17], [2, 64], [9, 65], [1, 1000], [33, 130], [0, 4],
];

/** The softmax of each row, or its logarithm. Rows of -∞ alone give NaN. */
export function softmaxReference(x: ArrayLike<number>, rows: number, columns: number, log: boolean): Float64Array {
  const out = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const at = row * columns;
    let largest = -Infinity;
    for (let j = 0; j < columns; j++) largest = Math.max(largest, x[at + j]!);
    let sum = 0;
    for (let j = 0; j < columns; j++) sum += Math.exp(x[at + j]! - largest);
    for (let j = 0; j < columns; j++) {
      const shifted = x[at + j]! - largest;
      out[at + j] = log ? shifted - Math.log(sum) : Math.exp(shifted) / sum;
    }
  }
  return out;
}

/** By the output `y`; with, by element, the magnitude of the terms. */
export function softmaxGradReference(dy: Float32Array, y: Float32Array, rows: number, columns: number, log: boolean) {
  const dx = new Float64Array(dy.length);
  const scale = new Float64Array(dy.length);
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    let size = 0;
    for (let i = row * columns; i < (row + 1) * columns; i++) {
      const term = log ? dy[i]! : dy[i]! * y[i]!;
      sum += term;
      size += Math.abs(term);
    }
    for (let i = row * columns; i < (row + 1) * columns; i++) {
      dx[i] = log ? dy[i]! - Math.exp(y[i]!) * sum : y[i]! * (dy[i]! - sum);
      scale[i] = log ? Math.abs(dy[i]!) + Math.exp(y[i]!) * size : y[i]! * (Math.abs(dy[i]!) + size);
    }
  }
  return { dx, scale };
}

async function agrees(lab: Lab, x: Float32Array, rows: number, columns: number, log: boolean, tolerance: Tolerance): Promise<boolean> {
  const out = lab.out('float32', x.length);
  const taken = lab.backend.fused.softmax!(out, lab.put(x), { rows, columns, log });
  const want = taken ? softmaxReference(x, rows, columns, log) : lab.rubbish('float32', x.length);
  await lab.check(`softmax [${rows}, ${columns}]${log ? ', log' : ''}${taken ? '' : ', declined'}`, out, want, taken ? tolerance : exact);
  return taken;
}

const tight: Tolerance = { rtol: 3e-6, atol: 1e-7 };
/** A logarithm near 0 is a difference of larger numbers. */
const tightLog: Tolerance = { rtol: 2e-6, atol: 2e-6 };

async function oddSizes(lab: Lab, log: boolean): Promise<void | false> {
  let taken = false;
  for (const [rows, columns] of sizes) {
    const x = uniformSample(rows, rows * columns, -8, 8);
    if (await agrees(lab, x, rows, columns, log, log ? tightLog : tight)) taken = true;
  }
  return taken ? undefined : false;
}

/** Nothing overflows, and everything is left of numbers whose exponentials would. */
async function extremes(lab: Lab, log: boolean): Promise<void | false> {
  const { NaN: nan } = Number;
  // biome-ignore format: a row is a case
  const rows = [
    [3e38, 0, -3e38, 1, 2, 3, 4, 5, 6], [1e6, 1e6 + 1, 1e6 + 2, 1e6, 1e6, 1e6, 1e6, 1e6, 1e6], [-1e6, -1e6, -1e6, -1e6, -1e6, -1e6, -1e6, -1e6, -1e6],
    [0, -104, -88, -60, -30, -10, -5, -1, 0], [-Infinity, 0, 1, -Infinity, 2, -Infinity, -Infinity, -1, -Infinity],
    [-Infinity, -Infinity, -Infinity, -Infinity, -Infinity, -Infinity, -Infinity, -Infinity, 5],
    new Array<number>(9).fill(-Infinity), new Array<number>(9).fill(-3.4028235e38), [nan, 1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 4, 5, 6, 7, 8, nan],
  ];
  return (await agrees(lab, Float32Array.from(rows.flat()), rows.length, 9, log, log ? tightLog : tight)) ? undefined : false;
}

async function gradients(lab: Lab, log: boolean): Promise<void | false> {
  let taken = false;
  for (const [rows, columns] of sizes) {
    const y = Float32Array.from(softmaxReference(uniformSample(rows, rows * columns, -4, 4), rows, columns, log));
    const dy = uniformSample(rows + 1, rows * columns);
    const dx = lab.out('float32', y.length);
    if (!lab.backend.fused.softmaxGrad!(dx, lab.put(dy), lab.put(y), { rows, columns, log })) {
      await lab.check('softmaxGrad declined, so dx', dx, lab.rubbish('float32', y.length), exact);
      continue;
    }
    taken = true;
    const want = softmaxGradReference(dy, y, rows, columns, log);
    await lab.check(`softmaxGrad [${rows}, ${columns}]`, dx, want.dx, { rtol: 2e-6, atol: 1e-7, scale: want.scale });
  }
  return taken ? undefined : false;
}

export const softmaxCases: readonly BackendCase[] = [false, true].flatMap((log): BackendCase[] => {
  const name = log ? 'log-softmax' : 'softmax';
  return [
    { name: `${name}: odd sizes`, needs: 'softmax', run: (lab) => oddSizes(lab, log) },
    { name: `${name}: extremes`, needs: 'softmax', run: (lab) => extremes(lab, log) },
    { name: `${name}: gradient`, needs: 'softmaxGrad', run: (lab) => gradients(lab, log) },
  ];
});
