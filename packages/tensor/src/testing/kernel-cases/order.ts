import type { AxisView, ReduceOp } from '../../backend.js';
import type { TypedArray } from '../../dtype.js';
import { type BackendCase, mustThrow } from '../backend-case.js';
import { dtypeOf, type Lab, type Trial } from '../backend-lab.js';
import { exact, type Tolerance } from '../closeness.js';
import { booleanSample, integerSample, uniformSample } from '../samples.js';

/* Kernels in which the order along an axis counts: running reductions, and the greatest elements. */

// biome-ignore format: a table
const axes: readonly AxisView[] = ([
  [1, 1, 1], [1, 2, 1], [1, 7, 1], [1, 33, 1], [1, 1000, 1], [5, 9, 1], [3, 129, 1], [1, 5, 3], [2, 7, 33], [3, 65, 4], [4, 1, 6],
  [0, 3, 2], [2, 0, 3], [2, 3, 0],
] as const).map(([outer, n, inner]) => ({ outer, n, inner }));

const sizeOf = ({ outer, n, inner }: AxisView): number => outer * n * inner;
const show = ({ outer, n, inner }: AxisView): string => `[${outer}, ${n}, ${inner}]`;

function cumulateTrial(op: ReduceOp, x: TypedArray, axis: AxisView): Trial<{ x: TypedArray }> {
  return {
    what: `running ${op} of ${dtypeOf(x)} ${show(axis)}`,
    inputs: { x },
    out: { dtype: dtypeOf(x), length: x.length },
    run: (kernels, out, inputs) => kernels.cumulate(op, out, inputs.x, axis),
  };
}

const tolerances: Readonly<Record<ReduceOp, Tolerance>> = { sum: { rtol: 1e-6, atol: 1e-6 }, prod: { rtol: 1e-6 }, max: exact, min: exact };

async function cumulates(lab: Lab, op: ReduceOp): Promise<void> {
  for (const [i, axis] of axes.entries()) {
    const x = op === 'prod' ? uniformSample(i, sizeOf(axis), 0.9, 1.1) : uniformSample(i, sizeOf(axis), -3, 3);
    await lab.agree(cumulateTrial(op, x, axis), tolerances[op]);
    await lab.agree(cumulateTrial(op, integerSample(i, sizeOf(axis), -(2 ** 31), 2 ** 31 - 1), axis), exact); // wraps
  }
  const nan = Float32Array.from([1, 2, Number.NaN, 4, -Infinity, 5]);
  await lab.agree(cumulateTrial(op, nan, { outer: 1, n: 6, inner: 1 }), exact);
}

/** One float32 accumulator stands still at 2²⁴. */
async function cumulatesLong(lab: Lab): Promise<void> {
  const x = new Float32Array(1001).fill(1);
  x[0] = 2 ** 24;
  await lab.agree(cumulateTrial('sum', x, { outer: 1, n: x.length, inner: 1 }), { rtol: 1e-7 });
}

function topkTrial(x: TypedArray, axis: AxisView, k: number, least: boolean): Trial<{ x: TypedArray }> {
  return {
    what: `the ${k} ${least ? 'least' : 'greatest'} of ${dtypeOf(x)} ${show(axis)}`,
    inputs: { x },
    out: { dtype: 'int32', length: axis.outer * k * axis.inner },
    run: (kernels, out, inputs) => kernels.topk(out, inputs.x, axis, k, least),
  };
}

/** Few values, so that there are ties, of which the first comes first; then with NaN, which is the greatest. */
async function ranks(lab: Lab, least: boolean): Promise<void> {
  for (const [i, axis] of axes.entries()) {
    const x = integerSample(i, sizeOf(axis), -4, 4);
    const floats = Float32Array.from(x, (v) => v / 3);
    const mixed = floats.map((v, j) => (j % 7 === 2 ? Number.NaN : v === 0 && j % 2 ? -0 : v > 1 ? Infinity : v < -1 ? -Infinity : v));
    for (const k of new Set([0, 1, 3, axis.n].filter((k) => k <= axis.n))) {
      for (const values of [x, floats, mixed, uniformSample(i, sizeOf(axis), -1e-3, 1e3)]) {
        await lab.agree(topkTrial(values, axis, k, least), exact);
      }
    }
  }
  await lab.agree(topkTrial(booleanSample(1, 20), { outer: 2, n: 10, inner: 1 }, 10, least), exact);
  const wide = Int32Array.from([0, 2 ** 31 - 1, -(2 ** 31), 5, -(2 ** 31), 2 ** 31 - 1]);
  await lab.agree(topkTrial(wide, { outer: 1, n: 6, inner: 1 }, 6, least), exact);
}

async function refusesK(lab: Lab): Promise<void> {
  const x = lab.put(uniformSample(1, 5));
  mustThrow('6 of 5', [6, 5], () => lab.backend.kernels.topk(lab.out('int32', 6), x, { outer: 1, n: 5, inner: 1 }, 6, false));
}

export const orderCases: readonly BackendCase[] = [
  ...(['sum', 'prod', 'max', 'min'] as const).map((op) => ({ name: `cumulate ${op}: odd sizes`, run: (lab: Lab) => cumulates(lab, op) })),
  { name: 'cumulate sum: one float32 would not do', run: cumulatesLong },
  { name: 'topk: the greatest', run: (lab) => ranks(lab, false) },
  { name: 'topk: the least', run: (lab) => ranks(lab, true) },
  { name: 'topk: more than there are', run: refusesK },
];
