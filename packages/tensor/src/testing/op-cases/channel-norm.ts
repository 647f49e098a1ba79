import * as ops from '../../index.js';
import { DTypeError, ShapeError, ValueError } from '../../index.js';
import { floats, type OpCase, type OpError, type OpSample, show } from '../op-case.js';

type Shape = readonly number[];

const refuses = (what: string, kind: OpError['kind'], mentions: OpError['mentions'], run: () => unknown): OpError => ({
  what,
  kind,
  mentions,
  run,
});
const zeros = (...shape: number[]): ops.Tensor => ops.zeros(shape);

/** Without parameters, with the weight alone, with both. */
function affine(
  shapes: readonly Shape[],
  norm: (x: ops.Tensor, weight: ops.Tensor | null, bias: ops.Tensor | null) => ops.Tensor,
): OpCase['samples'] {
  return (rng) =>
    shapes.flatMap((shape) =>
      [0, 1, 2].map((parameters): OpSample => {
        const inputs = [floats(rng, shape), ...Array.from({ length: parameters }, () => floats(rng, [shape[1]!]))];
        return { what: `${show(shape)} with ${parameters} parameters`, inputs, run: (x, w, b) => norm(x, w ?? null, b ?? null) };
      }),
    );
}

const groupNorm: OpCase = {
  name: 'groupNorm',
  samples: (rng) => [
    // biome-ignore format: a list
    ...affine([[2, 4, 3], [1, 6, 2, 2], [3, 8], [0, 2], [1, 2, 33]], (x, w, b) => ops.groupNorm(x, w, b, { groups: 2, eps: 1e-3 }))(rng),
    { what: 'one group', inputs: [floats(rng, [2, 3, 5])], run: (x) => ops.groupNorm(x, null, null, { groups: 1 }) },
    { what: 'a large eps', inputs: [floats(rng, [2, 3, 5])], run: (x) => ops.groupNorm(x, null, null, { groups: 3, eps: 0.5 }) },
  ],
  errors: [
    refuses('groups that do not divide', ShapeError, ['groupNorm', '[2, 7, 4]', 2], () =>
      ops.groupNorm(zeros(2, 7, 4), null, null, { groups: 2 }),
    ),
    refuses('one axis', ShapeError, ['groupNorm', '[4]'], () => ops.groupNorm(zeros(4), null, null, { groups: 1 })),
    refuses('no groups', ValueError, ['groupNorm', 'groups', 0], () => ops.groupNorm(zeros(2, 4), null, null, { groups: 0 })),
    refuses('the weight', ShapeError, ['groupNorm', 'weight', '[3]', '[4]'], () =>
      ops.groupNorm(zeros(2, 4), zeros(3), null, { groups: 2 }),
    ),
    refuses('int32', DTypeError, ['groupNorm', 'int32'], () =>
      ops.groupNorm(ops.zeros([2, 4], { dtype: 'int32' }), null, null, { groups: 2 }),
    ),
  ],
};

const instanceNorm: OpCase = {
  name: 'instanceNorm',
  samples: affine([[2, 3, 5], [1, 2, 3, 2], [0, 2, 3], [1, 1, 33]], (x, w, b) => ops.instanceNorm(x, w, b, { eps: 1e-3 })), // biome-ignore format: a list
  errors: [
    refuses('two axes', ShapeError, ['instanceNorm', '[2, 4]'], () => ops.instanceNorm(zeros(2, 4))),
    refuses('the bias', ShapeError, ['instanceNorm', 'bias', '[4]', '[2]'], () => ops.instanceNorm(zeros(2, 2, 4), null, zeros(4))),
  ],
};

// biome-ignore format: a list
const batchShapes: readonly Shape[] = [[4, 3], [2, 3, 5], [3, 2, 2, 2], [1, 1, 17]];

const batchNorm: OpCase = {
  name: 'batchNorm',
  samples: (rng) =>
    [...batchShapes, [0, 3], [1, 2]].flatMap((shape) =>
      [0, 2].map((parameters): OpSample => {
        const channels = [shape[1]!];
        const given = [
          floats(rng, channels),
          floats(rng, channels, 0.2, 2),
          ...Array.from({ length: parameters }, () => floats(rng, channels)),
        ];
        return {
          what: `${show(shape)} with ${parameters} parameters`,
          inputs: [floats(rng, shape), ...given],
          run: (x, mean, variance, w, b) => ops.batchNorm(x!, w ?? null, b ?? null, { mean: mean!, variance: variance!, eps: 0.1 }),
        };
      }),
    ),
  errors: [
    refuses('the mean', ShapeError, ['batchNorm', 'mean', '[3]', '[2]'], () =>
      ops.batchNorm(zeros(4, 3), null, null, { mean: zeros(2), variance: zeros(3) }),
    ),
    refuses('one axis', ShapeError, ['batchNorm', '[3]'], () =>
      ops.batchNorm(zeros(3), null, null, { mean: zeros(3), variance: zeros(3) }),
    ),
  ],
};

const batchNormTrain: OpCase = {
  name: 'batchNormTrain',
  samples: (rng) => [
    ...affine(batchShapes, (x, w, b) => ops.batchNormTrain(x, w, b, { eps: 0.01 }).output)(rng),
    {
      what: 'the statistics',
      inputs: [floats(rng, [3, 2, 4])],
      run: (x) => {
        const { batch } = ops.batchNormTrain(x);
        return [batch.mean, batch.variance];
      },
    },
    {
      what: 'the running statistics',
      inputs: [floats(rng, [3, 2, 4]), floats(rng, [2]), floats(rng, [2], 0.5, 2)],
      run: (x, mean, variance) => {
        const { running } = ops.batchNormTrain(x!, null, null, { running: { mean: mean!, variance: variance! }, momentum: 0.3 });
        return [running!.mean, running!.variance];
      },
      differentiable: false,
    },
  ],
  errors: [
    refuses('one element', ValueError, ['batchNormTrain', '[1, 3]'], () => ops.batchNormTrain(zeros(1, 3))),
    refuses('the running mean', ShapeError, ['batchNormTrain', 'running.mean', '[2]'], () =>
      ops.batchNormTrain(zeros(4, 3), null, null, { running: { mean: zeros(2), variance: zeros(3) } }),
    ),
  ],
};

export const channelNormOps: readonly OpCase[] = [groupNorm, instanceNorm, batchNorm, batchNormTrain];
