import * as ops from '../../index.js';
import { DTypeError, ShapeError, tensor } from '../../index.js';
import { floats, given, type OpCase, type OpSample, show } from '../op-case.js';
import { empty, reductions, say } from './reduce.js';

const norms: OpCase = {
  name: 'norm',
  samples: (rng) => [
    ...reductions.map((r): OpSample => ({ what: say(r), inputs: [floats(rng, r.shape)], run: (x) => ops.norm(x, r.options) })),
    ...[0, 1, 1.5, 3, 4, Infinity, -Infinity].map(
      (p): OpSample => ({ what: `p ${p}`, inputs: [floats(rng, [3, 5])], run: (x) => ops.norm(x, { p, axis: 1 }) }),
    ),
    // away from 0, where their gradients are infinite
    ...[0.5, -1, -2.1].map(
      (p): OpSample => ({ what: `p ${p}`, inputs: [floats(rng, [3, 5], 0.4, 2)], run: (x) => ops.norm(x, { p, axis: 0, keepDims: true }) }),
    ),
    ...empty.map((r): OpSample => ({ what: say(r), inputs: [floats(rng, r.shape)], run: (x) => ops.norm(x, r.options) })),
    { what: 'large', inputs: [given('float32', [2], [3e30, -4e30])], run: (x) => ops.norm(x), differentiable: false },
    { what: 'small', inputs: [given('float32', [2], [3e-30, -4e-30])], run: (x) => ops.norm(x), differentiable: false },
  ],
  errors: [
    {
      what: 'nothing, p = ∞',
      kind: ShapeError,
      mentions: ['norm', Infinity, '[2, 0]'],
      run: () => ops.norm(tensor([], { shape: [2, 0] }), { p: Infinity, axis: 1 }),
    },
    { what: 'int32', kind: DTypeError, mentions: ['norm', 'int32'], run: () => ops.norm(tensor(Int32Array.of(1))) },
    { what: 'an axis out of range', kind: ShapeError, mentions: ['norm', 2], run: () => ops.norm(tensor([1]), { axis: 2 }) },
  ],
};

const directions: readonly OpCase[] = [
  {
    name: 'normalize',
    samples: (rng) => [
      ...[[7], [3, 5], [2, 3, 4], [0, 3], [2, 1]].map(
        (shape): OpSample => ({ what: show(shape), inputs: [floats(rng, shape)], run: (x) => ops.normalize(x) }),
      ),
      { what: 'p 1 along axis 1', inputs: [floats(rng, [2, 3, 4])], run: (x) => ops.normalize(x, { p: 1, axis: 1 }) },
      { what: 'over two axes', inputs: [floats(rng, [2, 3, 4])], run: (x) => ops.normalize(x, { axis: [0, 2] }) },
      { what: 'shorter than eps', inputs: [floats(rng, [2, 3], -0.1, 0.1)], run: (x) => ops.normalize(x, { eps: 10 }) },
    ],
    errors: [
      { what: 'int32', kind: DTypeError, mentions: ['normalize', 'int32'], run: () => ops.normalize(tensor(Int32Array.of(1))) },
      { what: 'an axis out of range', kind: ShapeError, mentions: [1], run: () => ops.normalize(tensor([1]), { axis: 1 }) },
    ],
  },
  {
    name: 'cosineSimilarity',
    samples: (rng) => [
      ...(
        [
          [[7], [7]],
          [
            [3, 5],
            [3, 5],
          ],
          [
            [1, 2, 3],
            [2, 1, 3],
          ],
          [[3, 5], [5]],
          [
            [2, 1],
            [2, 3],
          ],
          [
            [0, 3],
            [0, 3],
          ],
        ] as const
      ).map(([a, b]): OpSample => {
        return { what: `${show(a)} with ${show(b)}`, inputs: [floats(rng, a), floats(rng, b)], run: (x, y) => ops.cosineSimilarity(x, y) };
      }),
      { what: 'along axis 0', inputs: [floats(rng, [3, 5]), floats(rng, [3, 5])], run: (x, y) => ops.cosineSimilarity(x, y, { axis: 0 }) },
    ],
    errors: [
      {
        what: 'shapes',
        kind: ShapeError,
        mentions: ['cosineSimilarity', '[2]', '[3]'],
        run: () => ops.cosineSimilarity(tensor([1, 2]), tensor([1, 2, 3])),
      },
      {
        what: 'an axis out of range',
        kind: ShapeError,
        mentions: ['cosineSimilarity', 2],
        run: () => ops.cosineSimilarity(tensor([1]), tensor([1]), { axis: 2 }),
      },
      {
        what: 'int32',
        kind: DTypeError,
        mentions: ['cosineSimilarity', 'int32'],
        run: () => ops.cosineSimilarity(tensor([1]), tensor(Int32Array.of(1))),
      },
    ],
  },
];

export const vectorNormOps: readonly OpCase[] = [norms, ...directions];
