import * as ops from '../../index.js';
import { DTypeError, ShapeError, tensor } from '../../index.js';
import { floats, given, integers, type OpCase, type OpSample, show } from '../op-case.js';

// biome-ignore format: a table
const axes: readonly (readonly [shape: readonly number[], axis: number])[] = [
  [[1], 0], [[7], 0], [[33], -1], [[3, 5], 0], [[3, 5], 1], [[2, 3, 4], 1], [[2, 1, 3], 1], [[0, 3], 1], [[0, 3], 0], [[2, 0], -1],
];

type Along = (x: ops.Tensor, axis: number) => ops.Tensor | ops.Tensor[];

function alongCase(name: string, op: Along, [low, high]: readonly [number, number], more: OpCase['samples'] = () => []): OpCase {
  return {
    name,
    samples: (rng) => [
      ...axes.map(([shape, axis]): OpSample => {
        return { what: `${show(shape)} along ${axis}`, inputs: [floats(rng, shape, low, high)], run: (x) => op(x, axis) };
      }),
      ...more(rng),
    ],
    errors: [
      { what: 'an axis out of range', kind: ShapeError, mentions: [name, 2], run: () => op(tensor([[1, 2]]), 2) },
      { what: 'a scalar', kind: ShapeError, mentions: [name], run: () => op(tensor(1), 0) },
      { what: 'a bool', kind: DTypeError, mentions: [name, 'bool'], run: () => op(tensor([true]), 0) },
    ],
  };
}

const ways: readonly ops.CumulativeOptions[] = [{ exclusive: true }, { reverse: true }, { exclusive: true, reverse: true }];

function directedCase(name: string, op: typeof ops.cumsum, range: readonly [number, number], more: OpCase['samples'] = () => []): OpCase {
  return alongCase(
    name,
    (x, axis) => op(x, axis),
    range,
    (rng) => [
      ...ways.flatMap((options) =>
        axes.map(([shape, axis]): OpSample => {
          const what = `${show(shape)} along ${axis} ${JSON.stringify(options)}`;
          return { what, inputs: [floats(rng, shape, ...range)], run: (x) => op(x, axis, options) };
        }),
      ),
      { what: 'int32', inputs: [integers(rng, [3, 5], -9, 9)], run: (x) => op(x, 1, { exclusive: true }) },
      ...more(rng),
    ],
  );
}

const zeros = (...numbers: number[]): OpSample => ({
  what: `zeros in ${show(numbers)}`,
  inputs: [given('float32', [numbers.length], numbers)],
  run: (x) => ops.cumprod(x, 0),
  twice: false, // the first derivative is right, but not itself a product
});

const both = (found: ops.ValuesAndIndices) => [found.values, found.indices];

function recordCase(name: string, op: typeof ops.cummax): OpCase {
  return alongCase(
    name,
    (x, axis) => both(op(x, axis)),
    [-2, 2],
    (rng) => [
      { what: 'ties of int32', inputs: [integers(rng, [4, 9], 0, 2)], run: (x) => both(op(x, 1)) },
      { what: 'ties', inputs: [given('float32', [5], [1, 2, 2, 1, 2])], run: (x) => both(op(x, 0)), differentiable: false },
      {
        what: 'NaN',
        inputs: [given('float32', [5], [1, Number.NaN, 3, Number.NaN, 0])],
        run: (x) => both(op(x, 0)),
        differentiable: false,
      },
    ],
  );
}

const infinite = given('float32', [4], [-Infinity, -Infinity, 1, 2]);

export const cumulativeOps: readonly OpCase[] = [
  directedCase('cumsum', ops.cumsum, [-2, 2]),
  directedCase('cumprod', ops.cumprod, [0.5, 1.5], () => [
    zeros(2, 0, 3, 4),
    zeros(0, 2, 3),
    zeros(2, 3, 0, 4, 0, 5),
    zeros(0, 0),
    zeros(0),
  ]),
  recordCase('cummax', ops.cummax),
  recordCase('cummin', ops.cummin),
  alongCase('logcumsumexp', ops.logcumsumexp, [-2, 2], () => [
    { what: 'far apart', inputs: [given('float32', [4], [0, -1000, 1000, 1000])], run: (x) => ops.logcumsumexp(x, 0) },
    { what: 'infinities', inputs: [infinite], run: (x) => ops.logcumsumexp(x, 0), differentiable: false },
  ]),
];
