import * as ops from '../../index.js';
import { DTypeError, ShapeError, tensor } from '../../index.js';
import { floats, given, type OpCase, type OpError, type OpSample, show } from '../op-case.js';

const zeros = (...shape: number[]): ops.Tensor => ops.zeros(shape);
const refuses = (what: string, kind: OpError['kind'], mentions: OpError['mentions'], run: () => unknown): OpError => ({
  what,
  kind,
  mentions,
  run,
});
const shapes: readonly (readonly number[])[] = [[1], [7], [3, 5], [2, 3, 4], [2, 33], [0, 4], [5, 1]];

function softmaxCase(name: string, op: (x: ops.Tensor, axis?: number) => ops.Tensor): OpCase {
  return {
    name,
    samples: (rng) => [
      ...shapes.map((shape): OpSample => ({ what: show(shape), inputs: [floats(rng, shape, -4, 4)], run: (x) => op(x) })),
      { what: 'the first axis', inputs: [floats(rng, [3, 5])], run: (x) => op(x, 0) },
      { what: 'an inner axis', inputs: [floats(rng, [2, 3, 4])], run: (x) => op(x, 1) },
      { what: 'large', inputs: [given('float32', [2, 3], [1000, 1001, 999, -1000, -1001, -1002])], run: (x) => op(x) },
      {
        what: '-∞',
        inputs: [given('float32', [2, 3], [-Infinity, 0, 1, -Infinity, -Infinity, -Infinity])],
        run: (x) => op(x),
        differentiable: false,
      },
    ],
    errors: [
      refuses('an axis out of range', ShapeError, [name, 2], () => op(zeros(2, 3), 2)),
      refuses('int32', DTypeError, [name, 'int32'], () => op(tensor(Int32Array.from([1])))),
    ],
  };
}

const layerNorm: OpCase = {
  name: 'layerNorm',
  samples: (rng) => [
    ...shapes
      .filter((shape) => shape.at(-1)! > 1)
      .flatMap((shape): OpSample[] => [
        { what: show(shape), inputs: [floats(rng, shape)], run: (x) => ops.layerNorm(x) },
        {
          what: `${show(shape)}, affine`,
          inputs: [floats(rng, shape), floats(rng, shape.slice(-1)), floats(rng, shape.slice(-1))],
          run: (x, w, b) => ops.layerNorm(x, w, b),
        },
      ]),
    { what: 'without bias', inputs: [floats(rng, [3, 5]), floats(rng, [5])], run: (x, w) => ops.layerNorm(x, w) },
    {
      what: 'two axes',
      inputs: [floats(rng, [2, 3, 4]), floats(rng, [3, 4]), floats(rng, [3, 4])],
      run: (x, w, b) => ops.layerNorm(x, w, b),
    },
    { what: 'a large eps', inputs: [floats(rng, [3, 5])], run: (x) => ops.layerNorm(x, null, null, { eps: 0.5 }) },
    { what: 'bias alone', inputs: [floats(rng, [3, 5]), floats(rng, [5])], run: (x, b) => ops.layerNorm(x, null, b) },
  ],
  errors: [
    refuses('another length', ShapeError, ['layerNorm', '[4]', '[2, 3]'], () => ops.layerNorm(zeros(2, 3), zeros(4))),
    refuses('int32', DTypeError, ['layerNorm', 'int32'], () => ops.layerNorm(tensor(Int32Array.from([1, 2])))),
  ],
};

const rmsNorm: OpCase = {
  name: 'rmsNorm',
  samples: (rng) => [
    ...shapes.flatMap((shape): OpSample[] => [
      { what: show(shape), inputs: [floats(rng, shape, 0.5, 2)], run: (x) => ops.rmsNorm(x) },
      {
        what: `${show(shape)}, weight`,
        inputs: [floats(rng, shape, 0.5, 2), floats(rng, shape.slice(-1))],
        run: (x, w) => ops.rmsNorm(x, w),
      },
    ]),
    { what: 'two axes', inputs: [floats(rng, [2, 3, 4]), floats(rng, [3, 4])], run: (x, w) => ops.rmsNorm(x, w, { eps: 0.1 }) },
  ],
  errors: [refuses('another length', ShapeError, ['rmsNorm', '[4]', '[2, 3]'], () => ops.rmsNorm(zeros(2, 3), zeros(4)))],
};

export const normOps: readonly OpCase[] = [
  softmaxCase('softmax', ops.softmax),
  softmaxCase('logSoftmax', ops.logSoftmax),
  layerNorm,
  rmsNorm,
];
