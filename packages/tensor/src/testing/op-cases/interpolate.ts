import * as ops from '../../index.js';
import { DTypeError, ShapeError, tensor, ValueError } from '../../index.js';
import { floats, type OpCase, type OpError, type OpSample, show } from '../op-case.js';

const refuses = (what: string, kind: OpError['kind'], mentions: OpError['mentions'], run: () => unknown): OpError => ({
  what,
  kind,
  mentions,
  run,
});
const zeros = (...shape: number[]): ops.Tensor => ops.zeros(shape);

// biome-ignore format: a table
const settings: readonly (readonly [x: readonly number[], options: ops.InterpolateOptions])[] = [
  [[2, 3, 4], { size: 7 }],
  [[1, 2, 7], { size: 3 }],
  [[1, 2, 4, 3], { scale: 2 }],
  [[2, 1, 4, 5], { size: [3, 5], mode: 'nearest-exact' }],
  [[2, 3, 5], { size: 8, mode: 'linear' }],
  [[1, 2, 5], { scale: 0.7, mode: 'linear', alignCorners: true }],
  [[1, 1, 1], { size: 3, mode: 'linear' }],
  [[1, 2, 3, 4], { size: [5, 2], mode: 'bilinear' }],
  [[2, 1, 3, 4], { scale: [2, 1.5], mode: 'bilinear', alignCorners: true }],
  [[1, 2, 3, 2], { size: [4, 5], mode: 'bicubic' }],
  [[1, 1, 5, 4], { size: [1, 3], mode: 'bicubic', alignCorners: true }],
  [[1, 2, 7, 5], { size: [3, 2], mode: 'bilinear', antialias: true }],
  [[1, 1, 9, 4], { size: [2, 6], mode: 'bicubic', antialias: true }],
  [[0, 2, 3, 3], { size: 2, mode: 'bilinear' }],
];

const interpolate: OpCase = {
  name: 'interpolate',
  samples: (rng) => [
    ...settings.map(
      ([x, options]): OpSample => ({
        what: `${show(x)} ${JSON.stringify(options)}`,
        inputs: [floats(rng, x)],
        run: (input) => ops.interpolate(input, options),
      }),
    ),
    {
      what: 'integers, nearest',
      inputs: [{ data: Int32Array.of(1, 2, 3), shape: [1, 1, 3] }],
      run: (x) => ops.interpolate(x, { size: 5, mode: 'nearest-exact' }),
    },
  ],
  errors: [
    refuses('ranks', ShapeError, ['interpolate', '[2, 3]'], () => ops.interpolate(zeros(2, 3), { size: 2 })),
    refuses('the rank of a mode', ShapeError, ['interpolate', 'bilinear', '[1, 2, 3]'], () =>
      ops.interpolate(zeros(1, 2, 3), { size: 2, mode: 'bilinear' }),
    ),
    refuses('nothing', ShapeError, ['interpolate', '[1, 2, 0]'], () => ops.interpolate(zeros(1, 2, 0), { size: 2 })),
    refuses('neither', ValueError, ['interpolate', 'neither'], () => ops.interpolate(zeros(1, 2, 3), {})),
    refuses('both', ValueError, ['interpolate', 'both'], () => ops.interpolate(zeros(1, 2, 3), { size: 2, scale: 2 })),
    refuses('size', ValueError, ['interpolate', 'size', 0], () => ops.interpolate(zeros(1, 2, 3), { size: 0 })),
    refuses('scale', ValueError, ['interpolate', 'scale', -1], () => ops.interpolate(zeros(1, 2, 3), { scale: -1 })),
    refuses('a scale that leaves nothing', ValueError, ['interpolate', 'scale', 0.1], () =>
      ops.interpolate(zeros(1, 2, 3), { scale: 0.1 }),
    ),
    refuses('corners', ValueError, ['interpolate', 'alignCorners'], () => ops.interpolate(zeros(1, 2, 3), { size: 2, alignCorners: true })),
    refuses('antialias', ValueError, ['interpolate', 'antialias'], () =>
      ops.interpolate(zeros(1, 2, 3), { size: 2, mode: 'linear', antialias: true }),
    ),
    refuses('int32', DTypeError, ['interpolate', 'int32'], () =>
      ops.interpolate(tensor(new Int32Array(3), { shape: [1, 1, 3] }), { size: 2, mode: 'linear' }),
    ),
    refuses('mode', ValueError, ['interpolate', 'mode', 'area'], () =>
      ops.interpolate(zeros(1, 1, 3), { size: 2, mode: 'area' as 'linear' }),
    ),
  ],
};

export const interpolateOps: readonly OpCase[] = [interpolate];
