import * as ops from '../../index.js';
import { DTypeError, ShapeError, tensor } from '../../index.js';
import { booleans, floats, given, integers, type OpCase, type OpInput, type OpSample, shapePairs, shapes, show } from '../op-case.js';
import { type Binary, dtypeError, shapeError } from './elementwise.js';

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

export const compareOps: readonly OpCase[] = [
  ...predicates,
  ...comparisons.map(([name, op]) => comparisonCase(name, op)),
  logicalCase('logicalAnd', ops.logicalAnd),
  logicalCase('logicalOr', ops.logicalOr),
  logicalCase('logicalXor', ops.logicalXor),
  ...choices,
];
