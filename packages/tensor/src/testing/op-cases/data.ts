import * as ops from '../../index.js';
import { DTypeError, ShapeError, tensor, ValueError } from '../../index.js';
import { booleans, floats, given, integers, type OpCase, type OpSample, refuses, show } from '../op-case.js';

/* Ops whose shapes depend on data. */

const zeros = (...shape: number[]): ops.Tensor => ops.zeros(shape);
const ids = (...numbers: number[]): ops.Tensor => tensor(Int32Array.from(numbers));
const shapes: readonly (readonly number[])[] = [[], [7], [0], [3, 5], [2, 3, 4], [3, 0, 2]];

const nonzero: OpCase = {
  name: 'nonzero',
  asynchronous: true,
  samples: (rng) => [
    ...shapes.map((shape): OpSample => ({ what: `bool ${show(shape)}`, inputs: [booleans(rng, shape)], run: ops.nonzero })),
    { what: 'int32', inputs: [integers(rng, [4, 5], -1, 1)], run: ops.nonzero },
    { what: 'float32', inputs: [given('float32', [6], [0, -0, 1e-40, Number.NaN, -2, 0])], run: ops.nonzero },
    { what: 'nothing but 0', inputs: [given('float32', [2, 2], [0, 0, 0, 0])], run: ops.nonzero },
  ],
  errors: [refuses('no tensor', ops.BackendError, ['nonzero', 'x'], () => ops.nonzero([1] as never))],
};

const maskedSelect: OpCase = {
  name: 'maskedSelect',
  asynchronous: true,
  samples: (rng) => [
    ...shapes.map((shape): OpSample => ({ what: show(shape), inputs: [floats(rng, shape), booleans(rng, shape)], run: ops.maskedSelect })),
    { what: 'a mask for each row', inputs: [floats(rng, [3, 5]), booleans(rng, [3, 1])], run: ops.maskedSelect },
    { what: 'a mask with more axes', inputs: [floats(rng, [3, 1]), booleans(rng, [2, 1, 4])], run: ops.maskedSelect },
    { what: 'all', inputs: [floats(rng, [2, 3]), given('bool', [], [1])], run: ops.maskedSelect },
    { what: 'int32', inputs: [integers(rng, [6], -9, 9), booleans(rng, [6])], run: ops.maskedSelect },
  ],
  errors: [
    refuses('a mask of numbers', DTypeError, ['maskedSelect', 'mask', 'float32'], () => ops.maskedSelect(zeros(2), zeros(2))),
    refuses('shapes that do not broadcast', ShapeError, ['maskedSelect', '[2]', '[3]'], () =>
      ops.maskedSelect(zeros(2), tensor([true, true, false])),
    ),
  ],
};

const all = ({ values, inverse, counts, indices }: ops.Unique): ops.Tensor[] => [values, inverse, counts, indices];

const unique: OpCase = {
  name: 'unique',
  asynchronous: true,
  samples: (rng) =>
    [true, false].flatMap((sorted): OpSample[] => {
      const run = (axis?: number) => async (x: ops.Tensor) => all(await ops.unique(x, { axis, sorted }));
      const order = sorted ? 'sorted' : 'as they come';
      return [
        ...shapes.map((shape) => ({ what: `${show(shape)}, ${order}`, inputs: [integers(rng, shape, -2, 2)], run: run() })),
        { what: `rows, ${order}`, inputs: [integers(rng, [7, 2], 0, 1)], run: run(0) },
        { what: `columns, ${order}`, inputs: [integers(rng, [2, 9], 0, 1)], run: run(-1) },
        { what: `an inner axis, ${order}`, inputs: [booleans(rng, [2, 8, 2])], run: run(1) },
        { what: `no rows, ${order}`, inputs: [floats(rng, [0, 3])], run: run(0) },
        { what: `empty rows, ${order}`, inputs: [floats(rng, [3, 0])], run: run(0) },
        { what: `NaN and zeros, ${order}`, inputs: [given('float32', [6], [Number.NaN, 0, -0, -1, Number.NaN, Infinity])], run: run() },
      ];
    }),
  errors: [refuses('an axis out of range', ShapeError, ['unique', 2], () => ops.unique(zeros(2, 3), { axis: 2 }))],
};

const bincount: OpCase = {
  name: 'bincount',
  asynchronous: true,
  samples: (rng) => [
    { what: 'counts', inputs: [integers(rng, [20], 0, 6)], run: (x) => ops.bincount(x) },
    { what: 'at least so many', inputs: [integers(rng, [5], 0, 3)], run: (x) => ops.bincount(x, { minLength: 9 }) },
    { what: 'weights', inputs: [integers(rng, [9], 0, 3), floats(rng, [9])], run: (x, weights) => ops.bincount(x, { weights }) },
    {
      what: 'whole weights',
      inputs: [integers(rng, [9], 0, 3), integers(rng, [9], -5, 5)],
      run: (x, weights) => ops.bincount(x, { weights }),
    },
    { what: 'nothing', inputs: [integers(rng, [0], 0, 3)], run: (x) => ops.bincount(x) },
    { what: 'nothing, at least so many', inputs: [integers(rng, [0], 0, 3)], run: (x) => ops.bincount(x, { minLength: 2 }) },
  ],
  errors: [
    refuses('a negative element', ValueError, ['bincount', -1, 1], () => ops.bincount(ids(0, -1))),
    refuses('floats', DTypeError, ['bincount', 'float32'], () => ops.bincount(zeros(2))),
    refuses('two axes', ShapeError, ['bincount', '[1, 1]'], () => ops.bincount(ops.reshape(ids(0), [1, 1]))),
    refuses('other weights', ShapeError, ['bincount', 'weights', '[2]', '[1]'], () => ops.bincount(ids(0, 1), { weights: zeros(1) })),
    refuses('weights of bool', DTypeError, ['bincount', 'weights', 'bool'], () => ops.bincount(ids(0), { weights: tensor([true]) })),
    refuses('half a length', ValueError, ['bincount', 'minLength', 0.5], () => ops.bincount(ids(0), { minLength: 0.5 })),
  ],
};

export const dataOps: readonly OpCase[] = [nonzero, maskedSelect, unique, bincount];
