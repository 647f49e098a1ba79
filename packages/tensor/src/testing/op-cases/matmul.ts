import * as ops from '../../index.js';
import { DTypeError, ShapeError, tensor } from '../../index.js';
import { floats, type OpCase, type OpSample, refuses, show } from '../op-case.js';

/** Matrices, vectors on either side, batches that broadcast, lengths of 1 and 0. */
// biome-ignore format: a table
const products: readonly (readonly [a: readonly number[], b: readonly number[]])[] = [
  [[1, 1], [1, 1]], [[2, 3], [3, 4]], [[3, 5], [5, 1]], [[1, 7], [7, 3]], [[5], [5]], [[5], [5, 3]], [[3, 5], [5]], [[2, 3, 4], [4]],
  [[4], [2, 4, 3]], [[2, 3, 4], [2, 4, 3]], [[2, 3, 4], [4, 5]], [[3, 4], [2, 4, 3]], [[2, 1, 3, 4], [1, 2, 4, 3]], [[1, 3, 4], [2, 4, 2]],
  [[2, 2, 3, 2], [2, 2, 2, 3]], [[0, 3], [3, 2]], [[2, 0], [0, 3]], [[0, 2, 3], [0, 3, 2]], [[9, 17], [17, 11]],
  [[0, 0], [3, 0, 0]], [[0], [0, 3]], [[2, 0], [0]], [[0], [0]], [[2, 0, 3], [3, 2]], [[2, 1, 0, 3], [4, 3, 2]], [[3], [2, 1, 3, 2]], [[1, 1, 3, 2], [2]],
];

const zeros = (...shape: number[]): ops.Tensor => ops.zeros(shape);
const matmul: OpCase = {
  name: 'matmul',
  samples: (rng) => [
    ...products.map(
      ([a, b]): OpSample => ({
        what: `${show(a)} · ${show(b)}`,
        inputs: [floats(rng, a), floats(rng, b)],
        run: (x, y) => ops.matmul(x, y),
      }),
    ),
    { what: 'Aᵀ · B', inputs: [floats(rng, [4, 3]), floats(rng, [4, 2])], run: (x, y) => ops.matmul(ops.transpose(x), y) },
    { what: 'A · Bᵀ', inputs: [floats(rng, [3, 4]), floats(rng, [2, 4])], run: (x, y) => ops.matmul(x, ops.transpose(y)) },
    { what: 'A · Aᵀ', inputs: [floats(rng, [2, 3, 4])], run: (x) => ops.matmul(x, ops.transpose(x)) },
    {
      what: 'Aᵀ · Bᵀ in batches',
      inputs: [floats(rng, [2, 4, 3]), floats(rng, [2, 2, 4])],
      run: (x, y) => ops.matmul(ops.transpose(x), ops.transpose(y)),
    },
    {
      what: 'transposed once, used by every batch',
      inputs: [floats(rng, [2, 3, 4]), floats(rng, [5, 4])],
      run: (x, y) => ops.matmul(x, ops.transpose(y)),
    },
    {
      what: 'an operand repeated by expand',
      inputs: [floats(rng, [1, 3, 4]), floats(rng, [2, 4, 2])],
      run: (x, y) => ops.matmul(ops.expand(x, [2, 3, 4]), y),
    },
    {
      what: 'both repeated by expand, along other axes',
      inputs: [floats(rng, [3, 1, 2, 4]), floats(rng, [2, 4, 3])],
      run: (x, y) => ops.matmul(ops.expand(x, [3, 2, 2, 4]), ops.expand(y, [3, 2, 4, 3])),
    },
    {
      what: 'rows repeated by expand',
      inputs: [floats(rng, [1, 4]), floats(rng, [4, 1])],
      run: (x, y) => ops.matmul(ops.expand(x, [3, 4]), ops.expand(y, [4, 2])),
    },
    {
      what: 'reversed operands',
      inputs: [floats(rng, [3, 4]), floats(rng, [4, 2])],
      run: (x, y) => ops.matmul(ops.flip(x), ops.flip(y, 1)),
    },
    {
      what: 'every second row of a transpose',
      inputs: [floats(rng, [4, 5]), floats(rng, [4, 3])],
      run: (x, y) => ops.matmul(ops.slice(ops.transpose(x), 0, undefined, undefined, 2), y),
    },
  ],
  errors: [
    refuses('inner lengths', ShapeError, ['matmul', '[2, 3]', '[4, 5]'], () => ops.matmul(zeros(2, 3), zeros(4, 5))),
    refuses('batches', ShapeError, ['matmul', '[2]', '[3]'], () => ops.matmul(zeros(2, 2, 3), zeros(3, 3, 2))),
    refuses('a scalar', ShapeError, ['matmul', '[]'], () => ops.matmul(zeros(), zeros(2, 3))),
    refuses('int32', DTypeError, ['matmul', 'int32'], () => ops.matmul(zeros(1, 1), ops.cast(zeros(1, 1), 'int32'))),
  ],
};

const activations = ['none', 'relu', 'gelu', 'geluTanh', 'silu'] as const;

const linear: OpCase = {
  name: 'linear',
  samples: (rng) => [
    ...activations.flatMap((activation): OpSample[] => [
      {
        what: `${activation}, with bias`,
        inputs: [floats(rng, [3, 5]), floats(rng, [4, 5]), floats(rng, [4])],
        run: (x, w, b) => ops.linear(x, w, b, { activation }),
      },
      {
        what: `${activation}, weight [in, out]`,
        inputs: [floats(rng, [2, 3, 5]), floats(rng, [5, 4])],
        run: (x, w) => ops.linear(x, w, null, { activation, transposed: true }),
      },
    ]),
    { what: 'a vector', inputs: [floats(rng, [5]), floats(rng, [4, 5]), floats(rng, [4])], run: (x, w, b) => ops.linear(x, w, b) },
    { what: 'no rows', inputs: [floats(rng, [0, 5]), floats(rng, [4, 5]), floats(rng, [4])], run: (x, w, b) => ops.linear(x, w, b) },
    { what: 'larger', inputs: [floats(rng, [17, 33]), floats(rng, [29, 33]), floats(rng, [29])], run: (x, w, b) => ops.linear(x, w, b) },
    {
      what: 'weight and bias from a packed one',
      inputs: [floats(rng, [3, 4]), floats(rng, [6, 4]), floats(rng, [6])],
      run: (x, w, b) => ops.linear(x, ops.slice(w, 0, 2, 4), ops.slice(b, 0, 2, 4)),
    },
  ],
  errors: [
    refuses('features', ShapeError, ['linear', '[2, 3]', '[4, 5]'], () => ops.linear(zeros(2, 3), zeros(4, 5))),
    refuses('bias', ShapeError, ['linear', 'bias', '[3]'], () => ops.linear(zeros(2, 5), zeros(4, 5), zeros(3))),
    refuses('dtype', DTypeError, ['linear', 'int32'], () => ops.linear(tensor(Int32Array.from([1])), zeros(1, 1))),
  ],
};

export const matmulOps: readonly OpCase[] = [matmul, linear];
