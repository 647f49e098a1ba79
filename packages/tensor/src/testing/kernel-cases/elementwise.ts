import { activationGradOps, arithmeticOps, type BinaryOp, compareOps, type UnaryOp, unaryOps } from '../../backend.js';
import type { DType, TypedArray } from '../../dtype.js';
import { contiguousStrides, sizeOf } from '../../shape.js';
import type { BackendCase } from '../backend-case.js';
import type { Lab, Trial } from '../backend-lab.js';
import { exact, type Tolerance } from '../closeness.js';
import { booleanSample, denormals, integerSample, oddSizes, specialValues, uniformSample } from '../samples.js';
import { broadcasts, extent } from './broadcasts.js';

/** What IEEE 754 rounds correctly, or what does not round at all. */
// biome-ignore format: a table
const exactOps = new Set<UnaryOp | BinaryOp>([
  'neg', 'abs', 'sign', 'square', 'relu', 'floor', 'ceil', 'round', 'trunc', 'isnan', 'logicalNot',
  'add', 'sub', 'mul', 'maximum', 'minimum', 'fmod', ...compareOps, 'reluGrad',
]);
/** 2.5 units in the last place, which WGSL allows. */
const nearlyExactOps = new Set<UnaryOp | BinaryOp>(['sqrt', 'reciprocal', 'div']);

function toleranceOf(op: UnaryOp | BinaryOp): Tolerance {
  if (exactOps.has(op)) return exact;
  if (nearlyExactOps.has(op)) return { rtol: 3e-7 };
  if (op === 'remainder') return { rtol: 1e-6, atol: 1e-37 };
  return op === 'pow' ? { rtol: 4e-6, atol: 1e-37 } : { rtol: 2e-6, atol: 3e-7 };
}

/** Where an op has values worth comparing. */
const domains: { readonly [name: string]: readonly [low: number, high: number] } = {
  sqrt: [0, 9],
  rsqrt: [0.01, 9],
  reciprocal: [0.1, 9],
  log: [0.001, 9],
  log1p: [-0.9, 9],
  exp: [-80, 80],
  sin: [-100, 100],
  cos: [-100, 100],
  tan: [-1.4, 1.4],
  asin: [-1, 1],
  acos: [-1, 1],
  acosh: [1, 9],
  atanh: [-0.999, 0.999],
};

const integerUnaryOps: readonly UnaryOp[] = ['neg', 'abs', 'sign', 'square', 'relu'];
/** Steady at 0, where they are as good as x: a small result must be right relatively, too. */
// biome-ignore format: a list
const steadyOps: readonly UnaryOp[] = ['expm1', 'log1p', 'sin', 'tan', 'asin', 'atan', 'sinh', 'asinh', 'atanh', 'tanh', 'erf'];

function unaryTrial(op: UnaryOp, x: TypedArray): Trial<{ x: TypedArray }> {
  const dtype: DType = op === 'isnan' || op === 'logicalNot' ? 'bool' : x instanceof Int32Array ? 'int32' : 'float32';
  return {
    what: `${op} of ${x.length}`,
    inputs: { x },
    out: { dtype, length: x.length },
    run: (kernels, out, inputs) => kernels.unary(op, out, inputs.x),
  };
}

function unaryCases(op: UnaryOp): BackendCase[] {
  const sizes = async (lab: Lab): Promise<void> => {
    const [low, high] = domains[op] ?? [-6, 6];
    for (const n of oddSizes) {
      const x = op === 'logicalNot' ? booleanSample(n, n) : uniformSample(n, n, low, high);
      await lab.agree(unaryTrial(op, x), toleranceOf(op));
    }
  };
  if (op === 'logicalNot') return [{ name: `unary ${op}: odd sizes`, run: sizes }];
  return [
    { name: `unary ${op}: odd sizes`, run: sizes },
    { name: `unary ${op}: special values`, run: (lab) => lab.agree(unaryTrial(op, specialsFor(op)), toleranceOf(op)) },
  ];
}

/** Beyond 1e4 the sine of a float32 says little; elsewhere every special value counts. */
function specialsFor(op: UnaryOp): Float32Array {
  return op === 'sin' || op === 'cos' || op === 'tan'
    ? specialValues.filter((x) => !(Math.abs(x) > 1e4) || Math.abs(x) === Infinity)
    : specialValues;
}

function integerUnaryCase(op: UnaryOp): BackendCase {
  const x = Int32Array.from([0, 1, -1, 46341, -46341, 2 ** 31 - 1, -(2 ** 31), ...integerSample(3, 50, -(2 ** 31), 2 ** 31 - 1)]);
  return { name: `unary ${op}: int32`, run: (lab) => lab.agree(unaryTrial(op, x), exact) };
}

interface Operand {
  readonly data: TypedArray;
  readonly strides: readonly number[];
}

function binaryTrial(op: BinaryOp, shape: readonly number[], a: Operand, b: Operand): Trial<{ a: TypedArray; b: TypedArray }> {
  const bool = (compareOps as readonly string[]).includes(op);
  const dtype: DType = bool ? 'bool' : a.data instanceof Int32Array ? 'int32' : a.data instanceof Uint8Array ? 'bool' : 'float32';
  return {
    what: `${op} over [${shape}] with strides [${a.strides}] and [${b.strides}]`,
    inputs: { a: a.data, b: b.data },
    out: { dtype, length: sizeOf(shape) },
    run: (kernels, out, inputs) => kernels.binary(op, shape, out, inputs.a, a.strides, inputs.b, b.strides),
  };
}

function sampleFor(op: BinaryOp, seed: number, n: number, right: boolean): TypedArray {
  if (op === 'logicalAnd' || op === 'logicalOr') return booleanSample(seed, n);
  if (op === 'pow') return uniformSample(seed, n, right ? -3 : 0.1, 3);
  if (op === 'eq' || op === 'ne') return Float32Array.from(integerSample(seed, n, 0, 2));
  return (op === 'div' || op === 'fmod' || op === 'remainder') && right ? uniformSample(seed, n, 0.2, 3) : uniformSample(seed, n, -3, 3);
}

function binaryCases(op: BinaryOp): BackendCase[] {
  const agree = async (lab: Lab, shape: readonly number[], aStrides: readonly number[], bStrides: readonly number[]) => {
    const a = { data: sampleFor(op, 1, extent(shape, aStrides), false), strides: aStrides };
    const b = { data: sampleFor(op, 2, extent(shape, bStrides), true), strides: bStrides };
    await lab.agree(binaryTrial(op, shape, a, b), toleranceOf(op));
  };
  return [
    {
      name: `binary ${op}: odd sizes`,
      run: async (lab) => {
        for (const n of oddSizes) await agree(lab, [n], [1], [1]);
      },
    },
    {
      name: `binary ${op}: broadcasts`,
      run: async (lab) => {
        for (const [shape, a, b] of broadcasts) await agree(lab, shape, a, b);
      },
    },
  ];
}

/** Every special value with every other. */
function specialPairsCase(op: BinaryOp): BackendCase {
  const n = specialValues.length;
  const trial = binaryTrial(op, [n, n], { data: specialValues, strides: [1, 0] }, { data: specialValues, strides: [0, 1] });
  return { name: `binary ${op}: special values`, run: (lab) => lab.agree(trial, toleranceOf(op)) };
}

/** Activations grow unusable beyond these; NaN must come through. */
function gradSpecialsCase(op: BinaryOp): BackendCase {
  const x = Float32Array.from([...specialValues].filter((v) => !(Math.abs(v) > 20)));
  const dy = uniformSample(5, x.length);
  const trial = binaryTrial(op, [x.length], { data: x, strides: [1] }, { data: dy, strides: [1] });
  return { name: `binary ${op}: special values`, run: (lab) => lab.agree(trial, { rtol: 2e-6, atol: 3e-6 }) };
}

function integerBinaryCase(op: BinaryOp): BackendCase {
  const wide = [0, 1, -1, 7, -7, 46341, 65536, 2 ** 31 - 1, -(2 ** 31), 123456789, -987654321];
  const narrow = [0, 1, -1, 2, -2, 3, -3, 10, 31];
  const a = Int32Array.from(wide);
  const b = Int32Array.from(op === 'pow' ? narrow : op === 'div' ? wide.filter((v) => v !== 0 && v !== -1) : wide);
  const trial = binaryTrial(op, [a.length, b.length], { data: a, strides: [1, 0] }, { data: b, strides: [0, 1] });
  return { name: `binary ${op}: int32`, run: (lab) => lab.agree(trial, exact) };
}

const divisionCase: BackendCase = {
  name: 'binary div: int32 by 0 gives 0, the least by -1 itself',
  run: async (lab) => {
    const a = { data: Int32Array.from([5, 0, -5, -(2 ** 31), -(2 ** 31), 9, 9]), strides: [1] };
    const b = { data: Int32Array.from([0, 0, 0, 0, -1, -1, 2]), strides: [1] };
    await lab.agree(binaryTrial('div', [7], a, b), exact);
  },
};

/** Elementwise kernels may write over an input. */
async function inPlace(lab: Lab): Promise<void> {
  const { kernels } = lab.backend;
  for (const n of [1, 5, 16, 67]) {
    const a = uniformSample(1, n);
    const b = uniformSample(2, n);
    const strides = contiguousStrides([n]);
    const out = lab.out('float32', n, a);
    kernels.unary('neg', out, out);
    await lab.check(
      'unary in place',
      out,
      a.map((v) => -v),
      exact,
    );
    kernels.binary('mul', [n], out, out, strides, lab.put(b), strides);
    await lab.check(
      'binary over a',
      out,
      a.map((v, i) => -v * b[i]!),
      exact,
    );
    const other = lab.out('float32', n, b);
    kernels.binary('sub', [n], other, lab.put(a), strides, other, strides);
    await lab.check(
      'binary over b',
      other,
      a.map((v, i) => v - b[i]!),
      exact,
    );
  }
}

async function signedZeros(lab: Lab): Promise<void> {
  const x = lab.put(Float32Array.from([0, -0, 1, -1]));
  const out = lab.out('float32', 4);
  for (const [op, want] of [
    ['neg', [-Infinity, Infinity, -1, 1]],
    ['abs', [Infinity, Infinity, 1, 1]],
  ] as const) {
    lab.backend.kernels.unary(op, out, x);
    const got = Float32Array.from(await lab.backend.read(out), (v) => 1 / v);
    await lab.check(`1 / ${op}(x)`, lab.put(got), want, exact);
  }
}

async function unaryDenormals(lab: Lab): Promise<void> {
  for (const op of ['neg', 'abs', 'sign', 'relu', 'sqrt', 'floor', 'ceil', 'isnan'] as const) {
    await lab.agree(unaryTrial(op, denormals), { rtol: 3e-7 });
  }
  const ones = { data: Float32Array.from([1]), strides: [0] };
  for (const op of ['add', 'mul', 'maximum', 'lt', 'ne'] as const) {
    await lab.agree(binaryTrial(op, [denormals.length], { data: denormals, strides: [1] }, ones), exact);
  }
  const out = lab.out('bool', denormals.length);
  lab.backend.kernels.cast(out, lab.put(denormals));
  await lab.check('denormals as bool', out, new Array<number>(denormals.length).fill(1), exact);
}

async function steadyNearZero(lab: Lab): Promise<void> {
  const x = Float32Array.from([1e-3, -1e-3, 1e-5, -1e-5, 3e-8, -3e-8, 1e-20, -1e-20, 0.02, -0.02, 0.3, -0.3]);
  for (const op of steadyOps) await lab.agree(unaryTrial(op, x), { rtol: 2e-6 });
}

export const elementwiseCases: readonly BackendCase[] = [
  ...unaryOps.flatMap(unaryCases),
  ...integerUnaryOps.map(integerUnaryCase),
  { name: 'unary: precise near zero', run: steadyNearZero },
  ...[...arithmeticOps, ...compareOps, ...activationGradOps].flatMap(binaryCases),
  ...[...arithmeticOps, ...compareOps].filter((op) => !op.startsWith('logical')).map(specialPairsCase),
  ...activationGradOps.map(gradSpecialsCase),
  ...[...arithmeticOps, ...compareOps].filter((op) => !op.startsWith('logical') && op !== 'atan2').map(integerBinaryCase),
  divisionCase,
  { name: 'elementwise: in place', run: inPlace },
  { name: 'elementwise: signed zeros', run: signedZeros },
  { name: 'elementwise: denormals', run: unaryDenormals },
];
