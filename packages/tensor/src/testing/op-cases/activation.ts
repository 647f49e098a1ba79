import * as ops from '../../index.js';
import { DTypeError, ShapeError, tensor, ValueError } from '../../index.js';
import { floats, type OpCase, type OpSample, show } from '../op-case.js';
import { type Range, type Unary, unaryCase } from './elementwise.js';

const wide: Range = [-3, 3];

// biome-ignore format: a table
const plain: readonly (readonly [name: string, op: Unary, range: Range])[] = [
  ['sigmoid', ops.sigmoid, wide], ['relu', ops.relu, wide], ['gelu', ops.gelu, wide], ['geluTanh', ops.geluTanh, wide],
  ['silu', ops.silu, wide], ['quickGelu', ops.quickGelu, wide], ['logSigmoid', ops.logSigmoid, wide], ['mish', ops.mish, wide],
  ['reluSquared', ops.reluSquared, wide], ['selu', ops.selu, wide], ['relu6', ops.relu6, [-2, 9]], ['hardSwish', ops.hardSwish, [-5, 5]],
  ['softsign', ops.softsign, wide], ['tanhshrink', ops.tanhshrink, wide],
];

/** A row of a function with options: the shapes of the table with none, and each set of options once. */
function optionCase(name: string, op: Unary, others: Readonly<Record<string, Unary>>, range = wide, errors: OpCase['errors'] = []): OpCase {
  const base = unaryCase(name, op, range);
  return {
    ...base,
    samples: (rng) => [
      ...base.samples(rng),
      ...Object.entries(others).map(([what, run]): OpSample => ({ what, inputs: [floats(rng, [3, 5], ...range)], run })),
    ],
    errors: [...base.errors!, ...errors],
  };
}

const withOptions: readonly OpCase[] = [
  optionCase('softplus', (x) => ops.softplus(x), {
    'beta 2': (x) => ops.softplus(x, { beta: 2 }),
    'a low threshold': (x) => ops.softplus(x, { beta: 3, threshold: 0.2 }),
  }),
  optionCase('leakyRelu', (x) => ops.leakyRelu(x), { 'slope 0.3': (x) => ops.leakyRelu(x, 0.3) }),
  optionCase('elu', (x) => ops.elu(x), { 'alpha 0.5': (x) => ops.elu(x, 0.5) }),
  optionCase('celu', (x) => ops.celu(x), { 'alpha 0.5': (x) => ops.celu(x, 0.5), 'alpha -2': (x) => ops.celu(x, -2) }, wide, [
    { what: 'alpha 0', kind: ValueError, mentions: ['celu', 'alpha', 0], run: () => ops.celu(tensor([1]), 0) },
  ]),
  optionCase('threshold', (x) => ops.threshold(x, 0.5, -2), {
    'a scalar tensor': (x) => ops.threshold(x, 0.5, ops.fullLike(ops.sum(x), 4)),
  }),
  optionCase('hardtanh', (x) => ops.hardtanh(x), { bounds: (x) => ops.hardtanh(x, -2, 0.5) }),
  optionCase('hardSigmoid', (x) => ops.hardSigmoid(x), { 'as in ONNX': (x) => ops.hardSigmoid(x, { alpha: 0.2 }) }, [-5, 5]),
  optionCase('hardshrink', (x) => ops.hardshrink(x), {
    'lambda 1.5': (x) => ops.hardshrink(x, 1.5),
    'lambda -1': (x) => ops.hardshrink(x, -1),
  }),
  optionCase('softshrink', (x) => ops.softshrink(x), { 'lambda 1.5': (x) => ops.softshrink(x, 1.5) }, wide, [
    { what: 'lambda -1', kind: ValueError, mentions: ['softshrink', 'lambda', -1], run: () => ops.softshrink(tensor([1]), -1) },
  ]),
];

// biome-ignore format: a table
const slopes: readonly (readonly [x: readonly number[], weight: readonly number[]])[] = [
  [[], [1]], [[], []], [[7], [1]], [[3, 5], [1]], [[3, 5], [5]], [[2, 3, 4], [3]], [[2, 3, 1, 2], [3]], [[0, 3], [3]], [[2, 1, 3], [1]],
];

const prelu: OpCase = {
  name: 'prelu',
  samples: (rng) =>
    slopes.map(([x, weight]): OpSample => {
      return { what: `${show(x)} by ${show(weight)}`, inputs: [floats(rng, x), floats(rng, weight)], run: ops.prelu };
    }),
  errors: [
    {
      what: 'one too many',
      kind: ShapeError,
      mentions: ['prelu', '[2]', '[3]'],
      run: () => ops.prelu(tensor([[1, 2]]), tensor([1, 2, 3])),
    },
    { what: 'a matrix', kind: ShapeError, mentions: ['prelu', '[1, 2]'], run: () => ops.prelu(tensor([[1, 2]]), tensor([[1, 2]])) },
    { what: 'int32', kind: DTypeError, mentions: ['prelu', 'int32'], run: () => ops.prelu(tensor(Int32Array.of(1)), tensor([1])) },
  ],
};

// biome-ignore format: a table
const halvable: readonly (readonly [shape: readonly number[], axis: number])[] = [
  [[2], 0], [[8], -1], [[3, 6], -1], [[4, 3], 0], [[2, 4, 3], 1], [[2, 1, 34], 2], [[0, 4], 1], [[0, 4], 0], [[1, 2, 1, 3], -3],
];

function gatedCase(name: string, op: (x: ops.Tensor, axis?: number) => ops.Tensor): OpCase {
  return {
    name,
    samples: (rng) =>
      halvable.map(
        ([shape, axis]): OpSample => ({ what: `${show(shape)} by ${axis}`, inputs: [floats(rng, shape)], run: (x) => op(x, axis) }),
      ),
    errors: [
      {
        what: 'an odd axis',
        kind: ShapeError,
        mentions: [name, 3, '[2, 3]'],
        run: () => op(tensor(new Float32Array(6), { shape: [2, 3] })),
      },
      { what: 'a scalar', kind: ShapeError, mentions: [name], run: () => op(tensor(1)) },
      { what: 'int32', kind: DTypeError, mentions: [name, 'int32'], run: () => op(tensor(Int32Array.of(1, 2))) },
    ],
  };
}

export const activationOps: readonly OpCase[] = [
  ...plain.map(([name, op, range]) => unaryCase(name, op, range)),
  ...withOptions,
  prelu,
  gatedCase('glu', ops.glu),
  gatedCase('swiglu', ops.swiglu),
  gatedCase('geglu', ops.geglu),
];
