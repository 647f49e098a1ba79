import * as ops from '../../index.js';
import { DTypeError, Rng, ShapeError, tensor, ValueError } from '../../index.js';
import { floats, given, integers, type OpCase, type OpError, type OpInput, type OpSample, show } from '../op-case.js';

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

const dropout: OpCase = {
  name: 'dropout',
  samples: (rng) => [
    ...shapes.map((shape): OpSample => ({ what: show(shape), inputs: [floats(rng, shape)], run: (x) => ops.dropout(x, 0.4, new Rng(3)) })),
    { what: 'without rng', inputs: [floats(rng, [3, 5])], run: (x) => ops.dropout(x, 0.4) },
    { what: 'p = 0', inputs: [floats(rng, [3, 5])], run: (x) => ops.dropout(x, 0, new Rng(3)) },
    { what: 'p = 1', inputs: [floats(rng, [3, 5])], run: (x) => ops.dropout(x, 1, new Rng(3)) },
  ],
  errors: [refuses('p out of range', ValueError, ['dropout', 1.5], () => ops.dropout(zeros(2), 1.5, new Rng(0)))],
};

const crossEntropyOptions: readonly ops.CrossEntropyOptions[] = [
  {},
  { reduction: 'sum' },
  { reduction: 'none' },
  { labelSmoothing: 0.1 },
  { labelSmoothing: 1, reduction: 'sum' },
  { ignoreIndex: 2 },
  { ignoreIndex: 2, labelSmoothing: 0.2, reduction: 'none' },
];

const crossEntropy: OpCase = {
  name: 'crossEntropy',
  samples: (rng) => {
    const targets = given('int32', [4], [0, 2, 4, 1]);
    return [
      ...crossEntropyOptions.map(
        (options): OpSample => ({
          what: JSON.stringify(options),
          inputs: [floats(rng, [4, 5]), targets],
          run: (x, y) => ops.crossEntropy(x, y, options),
        }),
      ),
      { what: 'two axes of targets', inputs: [floats(rng, [2, 3, 5]), integers(rng, [2, 3], 0, 4)], run: (x, y) => ops.crossEntropy(x, y) },
      { what: 'one row', inputs: [floats(rng, [5]), given('int32', [], [3])], run: (x, y) => ops.crossEntropy(x, y) },
      {
        what: 'class weights',
        inputs: [floats(rng, [4, 5]), targets, floats(rng, [5], 0.5, 2)],
        run: (x, y, weight) => ops.crossEntropy(x, y, { weight, labelSmoothing: 0.1, ignoreIndex: 2 }),
      },
      {
        what: 'everything ignored, summed',
        inputs: [floats(rng, [2, 3]), given('int32', [2], [-100, -100])],
        run: (x, y) => ops.crossEntropy(x, y, { reduction: 'sum' }),
      },
      {
        what: 'no rows, summed',
        inputs: [floats(rng, [0, 3]), given('int32', [0], [])],
        run: (x, y) => ops.crossEntropy(x, y, { reduction: 'sum' }),
      },
    ];
  },
  errors: [
    refuses('shapes', ShapeError, ['crossEntropy', '[2, 3]', '[4]'], () => ops.crossEntropy(zeros(2, 3), tensor(new Int32Array(4)))),
    refuses('float targets', DTypeError, ['crossEntropy', 'int32'], () => ops.crossEntropy(zeros(2, 3), zeros(2))),
    refuses('a target out of range', ValueError, [], () => ops.crossEntropy(zeros(2, 3), tensor(Int32Array.from([0, 3])))),
    refuses('smoothing out of range', ValueError, ['labelSmoothing', 2], () =>
      ops.crossEntropy(zeros(1, 3), tensor(new Int32Array(1)), { labelSmoothing: 2 }),
    ),
  ],
};

type Loss = (x: ops.Tensor, y: ops.Tensor, options: { reduction?: ops.Reduction }) => ops.Tensor;

function lossCase(name: string, loss: Loss, target: (input: OpInput) => OpInput = (input) => input): OpCase {
  return {
    name,
    samples: (rng) =>
      (['mean', 'sum', 'none'] as const).flatMap((reduction) =>
        [[7], [3, 5], []].map(
          (shape): OpSample => ({
            what: `${show(shape)} ${reduction}`,
            inputs: [floats(rng, shape), target(floats(rng, shape))],
            run: (x, y) => loss(x, y, { reduction }),
          }),
        ),
      ),
    errors: [refuses('shapes', ShapeError, ['[2, 3]', '[4]'], () => loss(zeros(2, 3), zeros(4), {}))],
  };
}

/** From [-2, 2) to [0, 1). */
const probabilities = (input: OpInput): OpInput => ({ ...input, data: Float32Array.from(input.data, (v) => (v + 2) / 4) });

export const normOps: readonly OpCase[] = [
  softmaxCase('softmax', ops.softmax),
  softmaxCase('logSoftmax', ops.logSoftmax),
  layerNorm,
  rmsNorm,
];
export const lossOps: readonly OpCase[] = [
  dropout,
  crossEntropy,
  lossCase('mseLoss', ops.mseLoss),
  lossCase('l1Loss', ops.l1Loss),
  lossCase('smoothL1Loss', (x, y, options) => ops.smoothL1Loss(x, y, { ...options, beta: 0.7 })),
  lossCase('bceWithLogits', ops.bceWithLogits, probabilities),
];
