import * as ops from '../../index.js';
import { DTypeError, ShapeError, tensor, ValueError } from '../../index.js';
import { floats, given, integers, type OpCase, type OpSample, shapePairs, shapes, show } from '../op-case.js';

export type Unary = (x: ops.Tensor) => ops.Tensor;
export type Range = readonly [low: number, high: number];

const wide: Range = [-3, 3];
const positive: Range = [0.1, 4];

/** Where each function is smooth; values come from here. */
// biome-ignore format: a table
const smooth: readonly (readonly [name: string, op: Unary, range: Range])[] = [
  ['neg', ops.neg, wide], ['abs', ops.abs, wide], ['sign', ops.sign, wide], ['square', ops.square, wide], ['sqrt', ops.sqrt, positive],
  ['rsqrt', ops.rsqrt, positive], ['reciprocal', ops.reciprocal, positive], ['exp', ops.exp, wide], ['log', ops.log, positive],
  ['expm1', ops.expm1, wide], ['log1p', ops.log1p, [-0.8, 4]], ['sin', ops.sin, wide], ['cos', ops.cos, wide], ['tanh', ops.tanh, wide],
  ['tan', ops.tan, [-1.2, 1.2]], ['asin', ops.asin, [-0.9, 0.9]], ['acos', ops.acos, [-0.9, 0.9]], ['atan', ops.atan, wide],
  ['sinh', ops.sinh, wide], ['cosh', ops.cosh, wide], ['asinh', ops.asinh, wide], ['acosh', ops.acosh, [1.2, 4]],
  ['atanh', ops.atanh, [-0.9, 0.9]], ['trunc', ops.trunc, wide],
  ['erf', ops.erf, wide], ['floor', ops.floor, wide], ['ceil', ops.ceil, wide], ['round', ops.round, wide], ['frac', ops.frac, wide],
  ['exp2', ops.exp2, wide],
];

const notFloat = { what: 'a bool', kind: DTypeError, mentions: ['bool'] };

/** A row of a function of one tensor, which no bool may be. */
export function unaryCase(name: string, op: Unary, [low, high]: Range): OpCase {
  return {
    name,
    samples: (rng) => shapes.map((shape) => ({ what: show(shape), inputs: [floats(rng, shape, low, high)], run: op })),
    errors: [{ ...notFloat, mentions: [], run: () => op(tensor([true, false])) }],
  };
}

/** A logarithm, which has to be exact where the answer is an integer. */
function exactLogarithm(name: string, op: Unary, base: number, [from, to]: Range): OpCase {
  const powers = Array.from({ length: to - from + 1 }, (_, i) => base ** (from + i));
  const sample: OpSample = { what: 'powers', inputs: [given('float32', [powers.length], powers)], run: op, differentiable: false };
  const logs = unaryCase(name, op, positive);
  return { ...logs, samples: (rng) => [...logs.samples(rng), { ...sample, values: { rtol: 0, atol: 0 } }] };
}

const bounded: OpCase = {
  name: 'clamp',
  samples: (rng) => [
    ...shapes.map((shape): OpSample => ({ what: show(shape), inputs: [floats(rng, shape)], run: (x) => ops.clamp(x, -1, 0.5) })),
    { what: 'from below', inputs: [floats(rng, [9])], run: (x) => ops.clamp(x, 0) },
    { what: 'from above', inputs: [floats(rng, [9])], run: (x) => ops.clamp(x, null, 0) },
    { what: 'crossing bounds', inputs: [floats(rng, [9])], run: (x) => ops.clamp(x, 1, -1) },
    { what: 'int32', inputs: [integers(rng, [9], -9, 9)], run: (x) => ops.clamp(x, -3, 4) },
    ...shapePairs.map(([a, b]): OpSample => {
      const inputs = [floats(rng, a), floats(rng, b, -2, 0), floats(rng, b, 0, 2)];
      return { what: `${show(a)} between tensors ${show(b)}`, inputs, run: (x, low, high) => ops.clamp(x, low, high) };
    }),
    {
      what: 'crossing tensors',
      inputs: [floats(rng, [20]), floats(rng, [20]), floats(rng, [20])],
      run: (x, low, high) => ops.clamp(x, low, high),
    },
    { what: 'a tensor below', inputs: [floats(rng, [3, 5]), floats(rng, [5])], run: (x, low) => ops.clamp(x, low) },
    { what: 'a tensor above', inputs: [floats(rng, [5]), floats(rng, [3, 1])], run: (x, high) => ops.clamp(x, null, high) },
    { what: 'a tensor and a number', inputs: [floats(rng, [9]), floats(rng, [9])], run: (x, low) => ops.clamp(x, low, 0.5) },
  ],
  errors: [
    { what: 'no bound', kind: ValueError, mentions: ['clamp', 'min', 'max'], run: () => ops.clamp(tensor([1])) },
    { what: 'a bool', kind: DTypeError, mentions: ['clamp', 'bool'], run: () => ops.clamp(tensor([true]), 0) },
    {
      what: 'two dtypes',
      kind: DTypeError,
      mentions: ['clamp', 'float32', 'int32'],
      run: () => ops.clamp(tensor([1]), tensor(Int32Array.of(1))),
    },
    { what: 'shapes', kind: ShapeError, mentions: ['clamp', '[2]', '[3]'], run: () => ops.clamp(tensor([1, 2]), tensor([1, 2, 3])) },
  ],
};

export type Binary = (a: ops.Operand, b: ops.Operand) => ops.Tensor;

// biome-ignore format: a table
const arithmetic: readonly (readonly [name: string, op: Binary, a: Range, b: Range])[] = [
  ['add', ops.add, wide, wide], ['sub', ops.sub, wide, wide], ['mul', ops.mul, wide, wide], ['div', ops.div, wide, [0.3, 3]],
  ['pow', ops.pow, [0.3, 2], wide], ['maximum', ops.maximum, wide, wide], ['minimum', ops.minimum, wide, wide],
  ['remainder', ops.remainder, wide, [0.7, 2]], ['fmod', ops.fmod, wide, [0.7, 2]], ['floorDivide', ops.floorDivide, wide, [0.7, 2]],
];

export const shapeError = (name: string, op: Binary) => ({
  what: 'shapes that do not broadcast',
  kind: ShapeError,
  mentions: [name, '[2, 3]', '[4]'],
  run: () => op(tensor(new Float32Array(6), { shape: [2, 3] }), tensor(new Float32Array(4))),
});

export const dtypeError = (name: string, op: Binary) => ({
  what: 'two dtypes',
  kind: DTypeError,
  mentions: [name, 'float32', 'int32'],
  run: () => op(tensor([1, 2]), tensor(Int32Array.from([1, 2]))),
});

function arithmeticCase(name: string, op: Binary, a: Range, b: Range): OpCase {
  return {
    name,
    samples: (rng) => [
      ...shapePairs.map(([left, right]): OpSample => {
        const inputs = [floats(rng, left, ...a), floats(rng, right, ...b)];
        return { what: `${show(left)} with ${show(right)}`, inputs, run: op };
      }),
      { what: 'a number on the right', inputs: [floats(rng, [3, 5], ...a)], run: (x) => op(x, 1.5) },
      { what: 'a number on the left', inputs: [floats(rng, [3, 5], ...b)], run: (x) => op(1.5, x) },
      { what: 'both the same tensor', inputs: [floats(rng, [5], 0.5, 2)], run: (x) => op(x, x) },
      { what: 'int32', inputs: [integers(rng, [3, 5], -9, 9), integers(rng, [5], 1, 4)], run: op },
    ],
    errors: [shapeError(name, op), dtypeError(name, op)],
  };
}

/** Of floats only. */
const floating: readonly OpCase[] = [
  {
    name: 'atan2',
    samples: (rng) => [
      ...shapePairs.map(([left, right]): OpSample => {
        const inputs = [floats(rng, left), floats(rng, right, 0.3, 2)];
        return { what: `${show(left)} with ${show(right)}`, inputs, run: ops.atan2 };
      }),
      { what: 'all quadrants', inputs: [given('float32', [4], [1, 1, -1, -1]), given('float32', [4], [2, -2, 2, -2])], run: ops.atan2 },
      { what: 'a number', inputs: [floats(rng, [5])], run: (x) => ops.atan2(x, -1) },
    ],
    errors: [
      shapeError('atan2', ops.atan2),
      { what: 'int32', kind: DTypeError, mentions: ['atan2', 'float'], run: () => ops.atan2(tensor(Int32Array.of(1)), 2) },
    ],
  },
  {
    name: 'logaddexp',
    samples: (rng) => [
      ...shapePairs.map(([left, right]): OpSample => {
        return { what: `${show(left)} with ${show(right)}`, inputs: [floats(rng, left), floats(rng, right)], run: ops.logaddexp };
      }),
      { what: 'far apart', inputs: [given('float32', [3], [1000, -1000, 0]), given('float32', [3], [0, -900, 0])], run: ops.logaddexp },
      { what: 'a number', inputs: [floats(rng, [5])], run: (x) => ops.logaddexp(1, x) },
      {
        what: 'infinities',
        inputs: [given('float32', [4], [Infinity, -Infinity, -Infinity, 1]), given('float32', [4], [Infinity, -Infinity, 1, Infinity])],
        run: ops.logaddexp,
        differentiable: false,
      },
    ],
    errors: [
      shapeError('logaddexp', ops.logaddexp),
      dtypeError('logaddexp', ops.logaddexp),
      { what: 'int32', kind: DTypeError, mentions: ['logaddexp', 'float'], run: () => ops.logaddexp(tensor(Int32Array.of(1)), 2) },
    ],
  },
  {
    name: 'lerp',
    samples: (rng) => [
      ...shapePairs.flatMap(([a, b]): OpSample[] => [
        { what: `${show(a)} to ${show(b)}`, inputs: [floats(rng, a), floats(rng, b)], run: (x, y) => ops.lerp(x, y, 0.3) },
        {
          what: `${show(a)} to ${show(b)} by ${show(b)}`,
          inputs: [floats(rng, a), floats(rng, b), floats(rng, b, -0.5, 1.5)],
          run: (x, y, w) => ops.lerp(x, y, w),
        },
      ]),
      { what: 'far along', inputs: [floats(rng, [9]), floats(rng, [9])], run: (x, y) => ops.lerp(x, y, 0.8) },
    ],
    errors: [
      shapeError('lerp', (a, b) => ops.lerp(a as ops.Tensor, b as ops.Tensor, 0.5)),
      dtypeError('lerp', (a, b) => ops.lerp(a as ops.Tensor, b as ops.Tensor, 0.5)),
      {
        what: 'int32',
        kind: DTypeError,
        mentions: ['lerp', 'float'],
        run: () => ops.lerp(tensor(Int32Array.of(1)), tensor(Int32Array.of(2)), 1),
      },
      {
        what: 'a weight',
        kind: ShapeError,
        mentions: ['lerp', '[2]', '[3]'],
        run: () => ops.lerp(tensor([1, 2]), tensor(1), tensor([1, 2, 3])),
      },
    ],
  },
];

export const elementwiseOps: readonly OpCase[] = [
  ...smooth.map(([name, op, range]) => unaryCase(name, op, range)),
  exactLogarithm('log2', ops.log2, 2, [-126, 127]),
  exactLogarithm('log10', ops.log10, 10, [0, 38]),
  bounded,
  ...arithmetic.map(([name, op, a, b]) => arithmeticCase(name, op, a, b)),
  ...floating,
];
