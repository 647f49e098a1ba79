import * as ops from '../../index.js';
import { DTypeError, ShapeError, tensor, ValueError } from '../../index.js';
import { floats, given, integers, type OpCase, type OpError, type OpInput, type OpSample, show } from '../op-case.js';

const zeros = (...shape: number[]): ops.Tensor => ops.zeros(shape);
const refuses = (what: string, kind: OpError['kind'], mentions: OpError['mentions'], run: () => unknown): OpError => ({
  what,
  kind,
  mentions,
  run,
});
const unknown = 'product' as ops.Reduction;

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
      ...([{}, { reduction: 'none' }, { labelSmoothing: 0.2 }, { reduction: 'sum' }] as const).map(
        (options): OpSample => ({
          what: `probabilities ${JSON.stringify(options)}`,
          inputs: [floats(rng, [4, 5]), floats(rng, [4, 5], 0, 1)],
          run: (x, y) => ops.crossEntropy(x, y, options),
        }),
      ),
      {
        what: 'probabilities, class weights',
        inputs: [floats(rng, [2, 3, 5]), floats(rng, [2, 3, 5], 0, 1), floats(rng, [5], 0.5, 2)],
        run: (x, y, weight) => ops.crossEntropy(x, y, { weight, labelSmoothing: 0.1 }),
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
    refuses('bool targets', DTypeError, ['crossEntropy', 'int32', 'bool'], () => ops.crossEntropy(zeros(2, 3), tensor([true, false]))),
    refuses('probabilities of another shape', ShapeError, ['crossEntropy', '[2, 3]', '[2]'], () => ops.crossEntropy(zeros(2, 3), zeros(2))),
    refuses('weights of another length', ShapeError, ['crossEntropy', 'weight', '[3]', '[2]'], () =>
      ops.crossEntropy(zeros(2, 3), tensor(new Int32Array(2)), { weight: zeros(2) }),
    ),
    refuses('a reduction', ValueError, ['crossEntropy', 'product'], () =>
      ops.crossEntropy(zeros(1, 3), tensor(new Int32Array(1)), { reduction: unknown }),
    ),
    refuses('a target out of range', ValueError, [], () => ops.crossEntropy(zeros(2, 3), tensor(Int32Array.from([0, 3])))),
    refuses('smoothing out of range', ValueError, ['labelSmoothing', 2], () =>
      ops.crossEntropy(zeros(1, 3), tensor(new Int32Array(1)), { labelSmoothing: 2 }),
    ),
  ],
};

const nll: OpCase = {
  name: 'nllLoss',
  samples: (rng) => [
    ...([{}, { reduction: 'sum' }, { reduction: 'none' }, { ignoreIndex: 2 }, { ignoreIndex: 2, reduction: 'none' }] as const).map(
      (options): OpSample => ({
        what: JSON.stringify(options),
        inputs: [floats(rng, [4, 5]), given('int32', [4], [0, 2, 4, 1])],
        run: (x, y) => ops.nllLoss(x, y, options),
      }),
    ),
    { what: 'two axes of targets', inputs: [floats(rng, [2, 3, 5]), integers(rng, [2, 3], 0, 4)], run: (x, y) => ops.nllLoss(x, y) },
    { what: 'one row', inputs: [floats(rng, [5]), given('int32', [], [3])], run: (x, y) => ops.nllLoss(x, y) },
    {
      what: 'class weights',
      inputs: [floats(rng, [4, 5]), given('int32', [4], [0, -1, 4, 1]), floats(rng, [5], 0.5, 2)],
      run: (x, y, weight) => ops.nllLoss(x, y, { weight, ignoreIndex: -1 }),
    },
  ],
  errors: [
    refuses('shapes', ShapeError, ['nllLoss', '[2, 3]', '[4]'], () => ops.nllLoss(zeros(2, 3), tensor(new Int32Array(4)))),
    refuses('float targets', DTypeError, ['nllLoss', 'int32'], () => ops.nllLoss(zeros(2, 3), zeros(2))),
    refuses('a target out of range', ValueError, [], () => ops.nllLoss(zeros(2, 3), tensor(Int32Array.from([0, 3])))),
    refuses('a reduction', ValueError, ['nllLoss', 'product'], () =>
      ops.nllLoss(zeros(1, 3), tensor(new Int32Array(1)), { reduction: unknown }),
    ),
  ],
};

type Loss = (x: ops.Tensor, y: ops.Tensor, options: ops.LossOptions) => ops.Tensor;

interface LossCase {
  /** Makes the first and the second input what they have to be. */
  readonly x?: (input: OpInput) => OpInput;
  readonly y?: (input: OpInput) => OpInput;
  readonly more?: OpCase['samples'];
  readonly errors?: OpCase['errors'];
}

const same = (input: OpInput): OpInput => input;

function lossCase(name: string, loss: Loss, { x: first = same, y: second = same, more, errors = [] }: LossCase = {}): OpCase {
  return {
    name,
    samples: (rng) => [
      ...(['mean', 'sum', 'none'] as const).flatMap((reduction) =>
        [[7], [3, 5], []].map(
          (shape): OpSample => ({
            what: `${show(shape)} ${reduction}`,
            inputs: [first(floats(rng, shape)), second(floats(rng, shape))],
            run: (x, y) => loss(x, y, { reduction }),
          }),
        ),
      ),
      ...(more?.(rng) ?? []),
    ],
    errors: [
      refuses('shapes', ShapeError, ['[2, 3]', '[4]'], () => loss(zeros(2, 3), zeros(4), {})),
      refuses('two dtypes', DTypeError, [name, 'int32'], () => loss(zeros(2), tensor(Int32Array.of(1, 2)), {})),
      refuses('a reduction', ValueError, [name, 'product'], () => loss(zeros(2), zeros(2), { reduction: unknown })),
      ...errors,
    ],
  };
}

/** From [-2, 2) to [0, 1). */
const probabilities = (input: OpInput): OpInput => ({ ...input, data: Float32Array.from(input.data, (v) => (v + 2) / 4) });
/** From [-2, 2) to [0.1, 0.9). */
const inner = (input: OpInput): OpInput => ({ ...input, data: Float32Array.from(input.data, (v) => 0.5 + v / 5) });

const divergence: LossCase = {
  y: inner,
  more: (rng) => [
    {
      what: 'batchmean',
      inputs: [floats(rng, [3, 5]), inner(floats(rng, [3, 5]))],
      run: (x, y) => ops.klDiv(x, y, { reduction: 'batchmean' }),
    },
    {
      what: 'batchmean of a scalar',
      inputs: [floats(rng, []), inner(floats(rng, []))],
      run: (x, y) => ops.klDiv(x, y, { reduction: 'batchmean' }),
    },
    { what: 'logTarget', inputs: [floats(rng, [3, 5]), floats(rng, [3, 5])], run: (x, y) => ops.klDiv(x, y, { logTarget: true }) },
    {
      what: 'a target of 0',
      inputs: [floats(rng, [3]), given('float32', [3], [0, 0.5, 0.5])],
      run: (x, y) => ops.klDiv(x, ops.detach(y), { reduction: 'sum' }),
      differentiable: false, // by x it is, but differences by y take the logarithm of negative numbers
    },
  ],
};

const pairs = refuses('one column against a row', ShapeError, ['[3, 1]', '[3]'], () => ops.bceWithLogits(zeros(3, 1), zeros(3)));

const withWeights: OpCase['samples'] = (rng) => [
  {
    what: 'weight',
    inputs: [floats(rng, [3, 5]), probabilities(floats(rng, [3, 5])), floats(rng, [5])],
    run: (x, y, weight) => ops.bceWithLogits(x, y, { weight }),
  },
  {
    what: 'posWeight',
    inputs: [floats(rng, [3, 5]), probabilities(floats(rng, [3, 5])), floats(rng, [5], 0.5, 2)],
    run: (x, y, posWeight) => ops.bceWithLogits(x, y, { posWeight, reduction: 'none' }),
  },
  {
    what: 'both',
    inputs: [floats(rng, [3, 5]), probabilities(floats(rng, [3, 5])), floats(rng, [3, 1]), floats(rng, [5], 0.5, 2)],
    run: (x, y, weight, posWeight) => ops.bceWithLogits(x, y, { weight, posWeight, reduction: 'sum' }),
  },
  {
    what: 'large logits',
    inputs: [given('float32', [4], [1000, -1000, 1000, -1000]), given('float32', [4], [1, 0, 0, 1])],
    run: (x, y) => ops.bceWithLogits(x, y, { posWeight: ops.fullLike(ops.sum(x), 2), reduction: 'none' }),
  },
];

export const lossOps: readonly OpCase[] = [
  crossEntropy,
  nll,
  lossCase('mseLoss', ops.mseLoss),
  lossCase('l1Loss', ops.l1Loss),
  lossCase('smoothL1Loss', (x, y, options) => ops.smoothL1Loss(x, y, { ...options, beta: 0.7 }), {
    more: (rng) => [{ what: 'beta 0', inputs: [floats(rng, [5]), floats(rng, [5])], run: (x, y) => ops.smoothL1Loss(x, y, { beta: 0 }) }],
    errors: [refuses('a negative beta', ValueError, ['smoothL1Loss', -1], () => ops.smoothL1Loss(zeros(2), zeros(2), { beta: -1 }))],
  }),
  lossCase('huberLoss', (x, y, options) => ops.huberLoss(x, y, { ...options, delta: 0.7 }), {
    more: (rng) => [{ what: 'delta 1', inputs: [floats(rng, [5]), floats(rng, [5])], run: (x, y) => ops.huberLoss(x, y) }],
    errors: [refuses('delta 0', ValueError, ['huberLoss', 'delta', 0], () => ops.huberLoss(zeros(2), zeros(2), { delta: 0 }))],
  }),
  lossCase('klDiv', ops.klDiv, divergence),
  lossCase('bceLoss', ops.bceLoss, {
    x: inner,
    y: probabilities,
    more: (rng) => [
      {
        what: 'weight',
        inputs: [inner(floats(rng, [3, 5])), probabilities(floats(rng, [3, 5])), floats(rng, [5])],
        run: (x, y, weight) => ops.bceLoss(x, y, { weight }),
      },
    ],
  }),
  lossCase('bceWithLogits', ops.bceWithLogits, { y: probabilities, more: withWeights, errors: [pairs] }),
];
