import * as ops from '../../index.js';
import { DTypeError, ShapeError, tensor, ValueError } from '../../index.js';
import { booleans, floats, given, integers, type OpCase, type OpInput, type OpSample, shapePairs, shapes, show } from '../op-case.js';

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
  ['exp2', ops.exp2, wide], ['log2', ops.log2, positive], ['log10', ops.log10, positive],
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

const predicates: readonly OpCase[] = [
  {
    name: 'isnan',
    samples: (rng) => [
      ...shapes.map((shape): OpSample => ({ what: show(shape), inputs: [floats(rng, shape)], run: ops.isnan })),
      { what: 'NaN', inputs: [given('float32', [4], [1, Number.NaN, Infinity, Number.NaN])], run: ops.isnan },
    ],
  },
  ...(
    [
      ['isinf', ops.isinf],
      ['isfinite', ops.isfinite],
    ] as const
  ).map(
    ([name, op]): OpCase => ({
      name,
      samples: (rng) => [
        ...shapes.map((shape): OpSample => ({ what: show(shape), inputs: [floats(rng, shape)], run: op })),
        { what: 'not finite', inputs: [given('float32', [5], [1, Number.NaN, Infinity, -Infinity, 3e38])], run: op },
      ],
      errors: [{ what: 'int32', kind: DTypeError, mentions: [name, 'int32'], run: () => op(tensor(Int32Array.of(1))) }],
    }),
  ),
  {
    name: 'logicalNot',
    samples: (rng) => shapes.map((shape) => ({ what: show(shape), inputs: [booleans(rng, shape)], run: ops.logicalNot })),
  },
];

type Binary = (a: ops.Operand, b: ops.Operand) => ops.Tensor;

// biome-ignore format: a table
const arithmetic: readonly (readonly [name: string, op: Binary, a: Range, b: Range])[] = [
  ['add', ops.add, wide, wide], ['sub', ops.sub, wide, wide], ['mul', ops.mul, wide, wide], ['div', ops.div, wide, [0.3, 3]],
  ['pow', ops.pow, [0.3, 2], wide], ['maximum', ops.maximum, wide, wide], ['minimum', ops.minimum, wide, wide],
  ['remainder', ops.remainder, wide, [0.7, 2]], ['fmod', ops.fmod, wide, [0.7, 2]], ['floorDivide', ops.floorDivide, wide, [0.7, 2]],
];

const shapeError = (name: string, op: Binary) => ({
  what: 'shapes that do not broadcast',
  kind: ShapeError,
  mentions: [name, '[2, 3]', '[4]'],
  run: () => op(tensor(new Float32Array(6), { shape: [2, 3] }), tensor(new Float32Array(4))),
});

const dtypeError = (name: string, op: Binary) => ({
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

// biome-ignore format: a table
const comparisons: readonly (readonly [name: string, op: Binary])[] = [
  ['eq', ops.eq], ['ne', ops.ne], ['lt', ops.lt], ['le', ops.le], ['gt', ops.gt], ['ge', ops.ge],
];

/** Few values, so that some are equal. */
function comparisonCase(name: string, op: Binary): OpCase {
  const coarse = (input: OpInput): OpInput => ({ ...input, data: Float32Array.from(input.data) });
  return {
    name,
    samples: (rng) => [
      ...shapePairs.map(([a, b]): OpSample => {
        const inputs = [coarse(integers(rng, a, 0, 2)), coarse(integers(rng, b, 0, 2))];
        return { what: `${show(a)} with ${show(b)}`, inputs, run: op };
      }),
      { what: 'int32', inputs: [integers(rng, [3, 5], 0, 2), integers(rng, [5], 0, 2)], run: op },
      { what: 'a number', inputs: [integers(rng, [9], 0, 2)], run: (x) => op(x, 1) },
    ],
    errors: [shapeError(name, op), dtypeError(name, op)],
  };
}

function logicalCase(name: string, op: Binary): OpCase {
  return {
    name,
    samples: (rng) =>
      shapePairs.map(([a, b]) => ({ what: `${show(a)} with ${show(b)}`, inputs: [booleans(rng, a), booleans(rng, b)], run: op })),
    errors: [{ what: 'floats', kind: DTypeError, mentions: [name, 'bool', 'float32'], run: () => op(tensor([1]), tensor([2])) }],
  };
}

const choices: readonly OpCase[] = [
  {
    name: 'where',
    samples: (rng) => [
      ...shapePairs.map(([a, b]): OpSample => {
        const inputs = [booleans(rng, b), floats(rng, a), floats(rng, b)];
        return { what: `${show(b)} ? ${show(a)} : ${show(b)}`, inputs, run: (c, x, y) => ops.where(c, x, y) };
      }),
      { what: 'a number if true', inputs: [booleans(rng, [3, 5]), floats(rng, [5])], run: (c, x) => ops.where(c, 2.5, x) },
      { what: 'a number if false', inputs: [booleans(rng, [5]), floats(rng, [3, 5])], run: (c, x) => ops.where(c, x, 0) },
      { what: 'int32', inputs: [booleans(rng, [5]), integers(rng, [3, 5], -9, 9)], run: (c, x) => ops.where(c, x, 0) },
    ],
    errors: [
      {
        what: 'a float condition',
        kind: DTypeError,
        mentions: ['where', 'bool', 'float32'],
        run: () => ops.where(tensor([1]), 0, tensor([2])),
      },
      {
        what: 'shapes that do not broadcast',
        kind: ShapeError,
        mentions: ['where', '[2]', '[3]'],
        run: () => ops.where(tensor([true, false]), tensor([1, 2, 3]), 0),
      },
    ],
  },
  {
    name: 'maskedFill',
    samples: (rng) => [
      ...shapes.map((shape): OpSample => {
        const inputs = [floats(rng, shape), booleans(rng, shape)];
        return { what: show(shape), inputs, run: (x, mask) => ops.maskedFill(x, mask, -1.5) };
      }),
      {
        what: 'a mask that broadcasts',
        inputs: [floats(rng, [2, 3, 4]), booleans(rng, [3, 1])],
        run: (x, mask) => ops.maskedFill(x, mask, 9),
      },
      {
        what: 'a scalar tensor',
        inputs: [floats(rng, [4]), booleans(rng, [3, 4]), floats(rng, [])],
        run: (x, mask, value) => ops.maskedFill(x, mask, value),
      },
    ],
    errors: [
      {
        what: 'a value that is no scalar',
        kind: ShapeError,
        mentions: ['maskedFill', 'value', '[1]'],
        run: () => ops.maskedFill(tensor([1, 2]), tensor([true, false]), tensor([3])),
      },
    ],
  },
  {
    name: 'nanToNum',
    samples: (rng) => [
      ...shapes.map((shape): OpSample => ({ what: show(shape), inputs: [floats(rng, shape)], run: (x) => ops.nanToNum(x) })),
      {
        what: 'not finite',
        inputs: [given('float32', [4], [1, Number.NaN, Infinity, -Infinity])],
        run: (x) => ops.nanToNum(x, { nan: 7, posinf: 8, neginf: 9 }),
        differentiable: false,
      },
      { what: 'int32', inputs: [integers(rng, [5], -9, 9)], run: (x) => ops.nanToNum(x) },
    ],
  },
];

export const elementwiseOps: readonly OpCase[] = [
  ...smooth.map(([name, op, range]) => unaryCase(name, op, range)),
  bounded,
  ...predicates,
  ...arithmetic.map(([name, op, a, b]) => arithmeticCase(name, op, a, b)),
  ...floating,
  ...comparisons.map(([name, op]) => comparisonCase(name, op)),
  logicalCase('logicalAnd', ops.logicalAnd),
  logicalCase('logicalOr', ops.logicalOr),
  logicalCase('logicalXor', ops.logicalXor),
  ...choices,
];
