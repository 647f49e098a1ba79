import type { AxisView, ReduceOp } from '../../backend.js';
import type { TypedArray } from '../../dtype.js';
import { type BackendCase, mustThrow } from '../backend-case.js';
import { dtypeOf, type Lab, type Trial } from '../backend-lab.js';
import { exact, type Tolerance } from '../closeness.js';
import { booleanSample, integerSample, uniformSample } from '../samples.js';

const reduceOps: readonly ReduceOp[] = ['sum', 'prod', 'max', 'min'];

/** [outer, n, inner], the reduced axis in the middle: last, first and inner axes, and lengths around every block. */
// biome-ignore format: a table
const axes: readonly (readonly [outer: number, n: number, inner: number])[] = [
  [1, 1, 1], [1, 2, 1], [1, 7, 1], [1, 8, 1], [1, 33, 1], [1, 1000, 1], [1, 4099, 1], [5, 9, 1], [17, 64, 1], [3, 129, 1],
  [1, 5, 3], [1, 9, 16], [1, 300, 5], [2, 7, 33], [3, 65, 4], [4, 1, 6], [0, 3, 2], [2, 3, 0],
];

const axisOf = ([outer, n, inner]: (typeof axes)[number]): AxisView => ({ outer, n, inner });

function reduceTrial(op: ReduceOp, x: TypedArray, axis: AxisView): Trial<{ x: TypedArray }> {
  return {
    what: `${op} of ${dtypeOf(x)} [${axis.outer}, ${axis.n}, ${axis.inner}]`,
    inputs: { x },
    out: { dtype: dtypeOf(x), length: axis.outer * axis.inner },
    run: (kernels, out, inputs) => kernels.reduce(op, out, inputs.x, axis),
  };
}

/** Of each sum, the sum of its terms' magnitudes: what its rounding error is in proportion to. */
function magnitudes(x: ArrayLike<number>, { outer, n, inner }: AxisView): Float64Array {
  const out = new Float64Array(outer * inner);
  for (let i = 0; i < outer * n * inner; i++) {
    out[Math.floor(i / (n * inner)) * inner + (i % inner)]! += Math.abs(x[i]!);
  }
  return out;
}

function sizesCase(op: ReduceOp): BackendCase {
  const run = async (lab: Lab): Promise<void> => {
    for (const [i, shape] of axes.entries()) {
      const axis = axisOf(shape);
      const size = axis.outer * axis.n * axis.inner;
      const x = op === 'prod' ? uniformSample(i, size, 0.9, 1.1) : uniformSample(i, size, -3, 3);
      const tolerance: Tolerance = op === 'sum' ? { rtol: 4e-7, scale: magnitudes(x, axis) } : op === 'prod' ? { rtol: 4e-5 } : exact;
      await lab.agree(reduceTrial(op, x, axis), tolerance);
    }
  };
  return { name: `reduce ${op}: odd sizes`, run };
}

async function ofNothing(lab: Lab, op: ReduceOp): Promise<void> {
  for (const axis of [
    { outer: 3, n: 0, inner: 2 },
    { outer: 1, n: 0, inner: 1 },
  ]) {
    await lab.agree(reduceTrial(op, new Float32Array(0), axis), exact);
  }
}

async function ofIntegers(lab: Lab, op: ReduceOp): Promise<void> {
  const axis = { outer: 3, n: 67, inner: 2 };
  await lab.agree(reduceTrial(op, integerSample(1, 3 * 67 * 2, -9, 9), axis), exact);
  await lab.agree(reduceTrial(op, integerSample(2, 3 * 67 * 2, -(2 ** 31), 2 ** 31 - 1), axis), exact); // wraps
  if (op === 'max' || op === 'min') await lab.agree(reduceTrial(op, booleanSample(3, 3 * 67 * 2, 0.02), axis), exact);
}

async function ofSpecials(lab: Lab, op: ReduceOp): Promise<void> {
  const { NaN: nan } = Number;
  // biome-ignore format: a row is a case
  const rows = [
    [1, nan, 3, 4, 5], [nan, 1, 2, 3, 4], [1, 2, 3, 4, nan], [nan, nan, nan, nan, nan], [Infinity, 1, 2, 3, 4], [-Infinity, 1, 2, 3, 4],
    [Infinity, -Infinity, 1, 1, 1], [-Infinity, -Infinity, -Infinity, -Infinity, -Infinity], [0, -0, 0, -0, 0], [nan, Infinity, 1, 1, 1],
    [-1, -2, -3, -4, -5], [1e38, 1e38, 1e38, 1e38, 1e38],
  ];
  const x = Float32Array.from(rows.flat());
  const columns = Float32Array.from({ length: x.length }, (_, i) => rows[i % rows.length]![Math.floor(i / rows.length)]!);
  await lab.agree(reduceTrial(op, x, { outer: rows.length, n: 5, inner: 1 }), { rtol: 1e-6 });
  await lab.agree(reduceTrial(op, columns, { outer: 1, n: 5, inner: rows.length }), { rtol: 1e-6 });
}

/** One float32 accumulator for a million numbers near 1 is off by about 1e-3, one of pairwise or blocked sums by 1e-7. */
async function sumsInBlocks(lab: Lab): Promise<void> {
  const n = 2 ** 20;
  await lab.agree(reduceTrial('sum', uniformSample(1, n, 0.5, 1.5), { outer: 1, n, inner: 1 }), { rtol: 2e-6 });
  await lab.agree(reduceTrial('sum', uniformSample(2, n, 0.5, 1.5), { outer: 1, n: n / 4, inner: 4 }), { rtol: 2e-6 });
  const tiny = new Float32Array(100_001).fill(0.25);
  tiny[0] = 1e7;
  await lab.agree(reduceTrial('sum', tiny, { outer: 1, n: tiny.length, inner: 1 }), { rtol: 2e-6 });
}

async function repeats(lab: Lab): Promise<void> {
  const n = 100_003;
  const x = lab.put(uniformSample(7, n));
  const first = lab.out('float32', 1);
  const second = lab.out('float32', 1);
  for (const out of [first, second]) lab.backend.kernels.reduce('sum', out, x, { outer: 1, n, inner: 1 });
  await lab.check('the second run', second, await lab.backend.read(first), exact);
}

function argmaxTrial(x: TypedArray, axis: AxisView, least: boolean): Trial<{ x: TypedArray }> {
  return {
    what: `${least ? 'argmin' : 'argmax'} of ${dtypeOf(x)} [${axis.outer}, ${axis.n}, ${axis.inner}]`,
    inputs: { x },
    out: { dtype: 'int32', length: axis.outer * axis.inner },
    run: (kernels, out, inputs) => kernels.argmax(out, inputs.x, axis, least),
  };
}

/** Few values, so that there are ties, which the first wins; then with NaN, whose first wins over all. */
async function findsExtremes(lab: Lab, least: boolean): Promise<void> {
  for (const [i, shape] of axes.entries()) {
    const axis = axisOf(shape);
    const x = integerSample(i, axis.outer * axis.n * axis.inner, -4, 4);
    const floats = Float32Array.from(x);
    await lab.agree(argmaxTrial(x, axis, least), exact);
    await lab.agree(argmaxTrial(floats, axis, least), exact);
    await lab.agree(
      argmaxTrial(
        floats.map((v) => (v === 1 ? Number.NaN : v)),
        axis,
        least,
      ),
      exact,
    );
    await lab.agree(
      argmaxTrial(
        floats.map((v) => (v > 0 ? Infinity : -Infinity)),
        axis,
        least,
      ),
      exact,
    );
  }
  mustThrow('argmax of an empty axis', [], () => {
    lab.backend.kernels.argmax(lab.out('int32', 2), lab.put(new Float32Array(0)), { outer: 2, n: 0, inner: 1 }, least);
  });
}

export const reduceCases: readonly BackendCase[] = [
  ...reduceOps.flatMap((op): BackendCase[] => [
    sizesCase(op),
    { name: `reduce ${op}: of nothing`, run: (lab) => ofNothing(lab, op) },
    { name: `reduce ${op}: integers`, run: (lab) => ofIntegers(lab, op) },
    { name: `reduce ${op}: special values`, run: (lab) => ofSpecials(lab, op) },
  ]),
  { name: 'reduce sum: long sums are blocked', run: sumsInBlocks },
  { name: 'reduce sum: same bits again', run: repeats },
  { name: 'argmax: ties, NaN and odd sizes', run: (lab) => findsExtremes(lab, false) },
  { name: 'argmin: ties, NaN and odd sizes', run: (lab) => findsExtremes(lab, true) },
];
