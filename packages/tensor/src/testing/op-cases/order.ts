import * as ops from '../../index.js';
import { ShapeError, ValueError } from '../../index.js';
import { booleans, floats, given, integers, type OpCase, type OpInput, type OpSample, refuses, show } from '../op-case.js';

const zeros = (...shape: number[]): ops.Tensor => ops.zeros(shape);
const both = ({ values, indices }: ops.Ordered): ops.Tensor[] => [values, indices];

/** Every axis, in both directions; many equals; NaN and infinities; other dtypes; lines of one and of none. */
function orderSamples(rng: ops.Rng, run: (x: ops.Tensor, axis: number | undefined, greatestFirst: boolean) => ops.Tensor[]): OpSample[] {
  const special = given('float32', [9], [0, Number.NaN, -1, Infinity, 2, -Infinity, -0, Number.NaN, 2]);
  const inputs: readonly (readonly [OpInput, number | undefined])[] = [
    [floats(rng, [7]), undefined],
    [floats(rng, [3, 33]), -1],
    [floats(rng, [5, 4]), 0],
    [floats(rng, [2, 5, 3]), 1],
    [floats(rng, [3, 1]), 1],
    [floats(rng, [0, 3]), 1],
    [floats(rng, [3, 0]), 1],
    [integers(rng, [4, 9], -2, 2), 1],
    [booleans(rng, [9]), 0],
  ];
  return [false, true].flatMap((greatestFirst) => {
    const direction = greatestFirst ? 'falling' : 'rising';
    const sample = ([input, axis]: (typeof inputs)[number]): OpSample => ({
      what: `${show(input.shape)}, axis ${axis}, ${direction}`,
      inputs: [input],
      run: (x) => run(x, axis, greatestFirst),
    });
    return [
      ...inputs.map(sample),
      {
        what: `NaN, infinities and equals, ${direction}`,
        inputs: [special],
        run: (x: ops.Tensor) => run(x, 0, greatestFirst),
        differences: false,
      },
    ];
  });
}

export const orderOps: readonly OpCase[] = [
  {
    name: 'topk',
    samples: (rng) => [
      ...orderSamples(rng, (x, axis = -1, largest) => both(ops.topk(x, Math.min(3, x.shape.at(axis)!), { axis, largest }))),
      { what: 'none', inputs: [floats(rng, [4])], run: (x) => both(ops.topk(x, 0)) },
      { what: 'all', inputs: [floats(rng, [4])], run: (x) => both(ops.topk(x, 4)) },
    ],
    errors: [
      refuses('more than there are', ValueError, ['topk', 'k', 4, '[2, 3]'], () => ops.topk(zeros(2, 3), 4)),
      refuses('a negative number', ValueError, ['topk', 'k', -1], () => ops.topk(zeros(3), -1)),
      refuses('half an element', ValueError, ['topk', 'k', 0.5], () => ops.topk(zeros(3), 0.5)),
      refuses('a scalar', ShapeError, ['topk'], () => ops.topk(zeros(), 1)),
    ],
  },
  {
    name: 'sort',
    samples: (rng) => orderSamples(rng, (x, axis, descending) => both(ops.sort(x, { axis, descending }))),
    errors: [
      refuses('an axis out of range', ShapeError, ['sort', 2], () => ops.sort(zeros(2, 3), { axis: 2 })),
      refuses('a scalar', ShapeError, ['sort'], () => ops.sort(zeros())),
    ],
  },
  {
    name: 'argsort',
    samples: (rng) => orderSamples(rng, (x, axis, descending) => [ops.argsort(x, { axis, descending })]),
    errors: [refuses('an axis out of range', ShapeError, ['argsort', 2], () => ops.argsort(zeros(2, 3), { axis: 2 }))],
  },
];
