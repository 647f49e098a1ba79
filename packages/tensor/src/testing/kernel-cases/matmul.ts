import type { MatmulArgs } from '../../backend.js';
import type { BackendCase } from '../backend-case.js';
import type { Lab, Trial } from '../backend-lab.js';
import { exact, type Tolerance } from '../closeness.js';
import { uniformSample } from '../samples.js';

/** Sizes on both sides of every tile of 4, 6, 8 and 16, vectors, and one of each dimension empty. */
// biome-ignore format: a table
const sizes: readonly (readonly [m: number, k: number, n: number])[] = [
  [1, 1, 1], [2, 3, 4], [1, 7, 1], [1, 64, 33], [33, 64, 1], [4, 4, 4], [5, 1, 5], [6, 8, 8], [7, 9, 10], [8, 16, 24], [13, 17, 11],
  [12, 300, 8], [31, 33, 65], [64, 64, 64], [65, 130, 67], [6, 513, 9], [100, 5, 3], [0, 3, 4], [3, 4, 0],
];

const flags: readonly (readonly [transA: boolean, transB: boolean])[] = [
  [false, false],
  [false, true],
  [true, false],
  [true, true],
];

function argsOf(m: number, k: number, n: number, more: Partial<MatmulArgs> = {}): MatmulArgs {
  const whole = { aBatchStride: m * k, bBatchStride: k * n, transA: false, transB: false, alpha: 1, accumulate: false };
  return { batch: 1, m, n, k, ...whole, ...more };
}

/** The sum of the terms' magnitudes at each place of the output, to which rounding errors are in proportion. */
function magnitudes(a: Float32Array, b: Float32Array, initial: Float32Array | undefined, args: MatmulArgs): Float64Array {
  const { batch, m, n, k, transA, transB } = args;
  const out = new Float64Array(batch * m * n);
  for (let i = 0; i < out.length; i++) {
    const matrix = Math.floor(i / (m * n));
    const row = Math.floor(i / n) % m;
    let sum = 0;
    for (let p = 0; p < k; p++) {
      const x = a[matrix * args.aBatchStride + (transA ? p * m + row : row * k + p)]!;
      const y = b[matrix * args.bBatchStride + (transB ? (i % n) * k + p : p * n + (i % n))]!;
      sum += Math.abs(x * y);
    }
    out[i] = Math.abs(args.alpha) * sum + Math.abs(initial?.[i] ?? 0);
  }
  return out;
}

async function agree(lab: Lab, args: MatmulArgs): Promise<void> {
  const { batch, m, n, k } = args;
  const a = uniformSample(1, (batch - 1) * args.aBatchStride + m * k);
  const b = uniformSample(2, (batch - 1) * args.bBatchStride + k * n);
  const initial = args.accumulate ? uniformSample(3, batch * m * n) : undefined;
  const trial: Trial<{ a: Float32Array; b: Float32Array }> = {
    what: `matmul ${JSON.stringify(args)}`,
    inputs: { a, b },
    out: { dtype: 'float32', length: batch * m * n },
    ...(initial ? { initial } : {}),
    run: (kernels, out, inputs) => kernels.matmul(out, inputs.a, inputs.b, args),
  };
  await lab.agree(trial, { rtol: 1.5e-6, atol: 1e-30, scale: magnitudes(a, b, initial, args) });
}

async function batches(lab: Lab): Promise<void> {
  for (const [transA, transB] of flags) {
    for (const [m, k, n] of [
      [3, 5, 4],
      [9, 17, 8],
      [1, 8, 33],
    ] as const) {
      await agree(lab, argsOf(m, k, n, { batch: 3, transA, transB }));
      await agree(lab, argsOf(m, k, n, { batch: 3, transA, transB, aBatchStride: 0 }));
      await agree(lab, argsOf(m, k, n, { batch: 3, transA, transB, bBatchStride: 0 }));
      await agree(lab, argsOf(m, k, n, { batch: 2, transA, transB, aBatchStride: m * k + 7, bBatchStride: k * n + 5 }));
    }
  }
  await agree(lab, argsOf(3, 4, 5, { batch: 1, aBatchStride: 0, bBatchStride: 0 }));
}

async function scalesAndAdds(lab: Lab): Promise<void> {
  for (const [transA, transB] of flags) {
    for (const [m, k, n] of [
      [1, 3, 5],
      [7, 19, 13],
      [16, 300, 8],
    ] as const) {
      await agree(lab, argsOf(m, k, n, { transA, transB, alpha: -0.125 }));
      await agree(lab, argsOf(m, k, n, { transA, transB, accumulate: true }));
      await agree(lab, argsOf(m, k, n, { transA, transB, alpha: 3, accumulate: true, batch: 2 }));
    }
  }
}

/** A sum of nothing is 0, also where the output held NaN; with `accumulate` the output stays. */
async function emptySums(lab: Lab): Promise<void> {
  const nothing = () => lab.put(new Float32Array(0));
  const out = lab.out('float32', 6, new Float32Array(6).fill(Number.NaN));
  lab.backend.kernels.matmul(out, nothing(), nothing(), argsOf(2, 0, 3));
  await lab.check('k = 0', out, new Float32Array(6), exact);
  const kept = lab.out('float32', 6, Float32Array.from([1, 2, 3, 4, 5, 6]));
  lab.backend.kernels.matmul(kept, nothing(), nothing(), argsOf(2, 0, 3, { accumulate: true }));
  await lab.check('k = 0, accumulated', kept, [1, 2, 3, 4, 5, 6], exact);
  const none = lab.out('float32', 0);
  lab.backend.kernels.matmul(none, nothing(), nothing(), argsOf(2, 3, 4, { batch: 0 }));
  await lab.check('batch = 0', none, [], exact);
}

/** Whatever the output held is no part of the result, unless it is asked for; NaN and infinities go through the sums. */
async function specials(lab: Lab): Promise<void> {
  const { kernels } = lab.backend;
  const args = argsOf(9, 8, 9);
  const identity = Float32Array.from({ length: 72 }, (_, i) => (Math.floor(i / 9) === i % 9 ? 1 : 0));
  const a = uniformSample(1, 72);
  a[3] = Number.NaN;
  a[16] = Infinity;
  const dirty = lab.out('float32', 81, new Float32Array(81).fill(Number.NaN));
  kernels.matmul(dirty, lab.put(a), lab.put(identity), args);
  const want = Float64Array.from({ length: 81 }, (_, i) => (i % 9 === 8 ? 0 : a[Math.floor(i / 9) * 8 + (i % 9)]!));
  want.fill(Number.NaN, 0, 9); // NaN · 0 is NaN
  for (let j = 0; j < 9; j++) want[18 + j] = j === 0 ? Infinity : Number.NaN; // so is ∞ · 0
  await lab.check('NaN and ∞', dirty, want, exact);
}

async function longSums(lab: Lab): Promise<void> {
  const k = 32768;
  for (const [m, n, transA, transB] of [
    [2, 9, false, false],
    [2, 3, false, true],
    [6, 8, true, false],
    [1, 1, false, true],
  ] as const) {
    const args = argsOf(m, k, n, { transA, transB });
    const a = uniformSample(1, m * k, 0.5, 1.5);
    const b = uniformSample(2, k * n, 0.5, 1.5);
    const tolerance: Tolerance = { rtol: 2e-6 };
    const out = { dtype: 'float32', length: m * n } as const;
    await lab.agree({ what: `k = ${k}`, inputs: { a, b }, out, run: (kernels, y, x) => kernels.matmul(y, x.a, x.b, args) }, tolerance);
  }
}

async function repeats(lab: Lab): Promise<void> {
  const args = argsOf(37, 129, 41, { batch: 2 });
  const a = lab.put(uniformSample(1, 2 * 37 * 129));
  const b = lab.put(uniformSample(2, 2 * 129 * 41));
  const first = lab.out('float32', 2 * 37 * 41);
  const second = lab.out('float32', 2 * 37 * 41);
  for (const out of [first, second]) lab.backend.kernels.matmul(out, a, b, args);
  await lab.check('the second run', second, await lab.backend.read(first), exact);
}

export const matmulCases: readonly BackendCase[] = [
  ...flags.map(([transA, transB]): BackendCase => {
    const run = async (lab: Lab): Promise<void> => {
      for (const [m, k, n] of sizes) await agree(lab, argsOf(m, k, n, { transA, transB }));
    };
    return { name: `matmul: odd sizes, ${transA ? 'Aᵀ' : 'A'}${transB ? 'Bᵀ' : 'B'}`, run };
  }),
  { name: 'matmul: batches', run: batches },
  { name: 'matmul: alpha and accumulate', run: scalesAndAdds },
  { name: 'matmul: empty sums', run: emptySums },
  { name: 'matmul: NaN and infinities', run: specials },
  { name: 'matmul: long sums are blocked', run: longSums },
  { name: 'matmul: same bits again', run: repeats },
];
