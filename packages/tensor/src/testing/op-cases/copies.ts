import * as ops from '../../index.js';
import { DTypeError, ShapeError, tensor, ValueError } from '../../index.js';
import { booleans, floats, integers, type OpCase, oneInputCase, refuses } from '../op-case.js';

const zeros = (...shape: number[]): ops.Tensor => ops.zeros(shape);

const joins: readonly OpCase[] = [
  {
    name: 'concat',
    samples: (rng) => [
      { what: 'rows', inputs: [floats(rng, [2, 3]), floats(rng, [1, 3]), floats(rng, [4, 3])], run: (...xs) => ops.concat(xs) },
      { what: 'columns', inputs: [floats(rng, [2, 3]), floats(rng, [2, 1])], run: (...xs) => ops.concat(xs, -1) },
      { what: 'an inner axis', inputs: [floats(rng, [2, 3, 4]), floats(rng, [2, 2, 4])], run: (...xs) => ops.concat(xs, 1) },
      { what: 'with nothing', inputs: [floats(rng, [2, 3]), floats(rng, [0, 3])], run: (...xs) => ops.concat(xs) },
      { what: 'one', inputs: [floats(rng, [2, 3])], run: (x) => ops.concat([x]) },
      { what: 'the same twice', inputs: [floats(rng, [2, 3])], run: (x) => ops.concat([x, x], 1) },
      { what: 'int32', inputs: [integers(rng, [2], -9, 9), integers(rng, [3], -9, 9)], run: (...xs) => ops.concat(xs) },
    ],
    errors: [
      refuses('other lengths', ShapeError, ['concat', '[2, 3]', '[2, 4]'], () => ops.concat([zeros(2, 3), zeros(2, 4)])),
      refuses('other dtypes', DTypeError, ['concat', 'float32', 'bool'], () => ops.concat([zeros(2), tensor([true, false])])),
      refuses('another rank', ShapeError, ['concat', '[2]', '[2, 3]'], () => ops.concat([zeros(2, 3), zeros(2)])),
      refuses('none', ValueError, ['concat', 'none'], () => ops.concat([])),
      refuses('scalars', ShapeError, ['concat'], () => ops.concat([zeros(), zeros()])),
    ],
  },
  {
    name: 'stack',
    samples: (rng) => [
      { what: 'in front', inputs: [floats(rng, [2, 3]), floats(rng, [2, 3])], run: (...xs) => ops.stack(xs) },
      { what: 'at the end', inputs: [floats(rng, [2, 3]), floats(rng, [2, 3])], run: (...xs) => ops.stack(xs, -1) },
      { what: 'scalars', inputs: [floats(rng, []), floats(rng, [])], run: (...xs) => ops.stack(xs) },
    ],
    errors: [
      refuses('other lengths', ShapeError, ['stack', '[2]', '[3]'], () => ops.stack([zeros(2), zeros(3)])),
      refuses('other dtypes', DTypeError, ['stack', 'float32', 'bool'], () => ops.stack([zeros(1), tensor([true])])),
      refuses('none', ValueError, ['stack', 'none'], () => ops.stack([])),
      refuses('an axis out of range', ShapeError, ['stack', 3], () => ops.stack([zeros(2)], 3)),
    ],
  },
  oneInputCase(
    'roll',
    [
      ['row by row', [2, 3], (x) => ops.roll(x, 2)],
      ['rows', [3, 2], (x) => ops.roll(x, 1, 0)],
      ['backwards', [2, 5], (x) => ops.roll(x, -2, -1)],
      ['many times round', [7], (x) => ops.roll(x, 10_003, 0)],
      ['several axes', [3, 4], (x) => ops.roll(x, [1, -1], [0, 1])],
      ['one axis twice', [5], (x) => ops.roll(x, [1, 1], [0, 0])],
      ['not at all', [3], (x) => ops.roll(x, 0, 0)],
      ['a scalar', [], (x) => ops.roll(x, 3)],
      ['empty', [0, 3], (x) => ops.roll(x, 1, 0)],
    ],
    [
      refuses('no shifts', ValueError, ['roll', '[]'], () => ops.roll(zeros(3), [])),
      refuses('more shifts than axes', ValueError, ['roll', '[2, 1]', '[0]'], () => ops.roll(zeros(3, 3), [2, 1], 0)),
      refuses('half a shift', ValueError, ['roll', 0.5], () => ops.roll(zeros(3), 0.5)),
      refuses('an axis out of range', ShapeError, ['roll', 2], () => ops.roll(zeros(3, 3), 1, 2)),
    ],
  ),
];

const padTo =
  (mode: ops.PadMode, ...pads: [number, number][]) =>
  (x: ops.Tensor) =>
    ops.pad(x, pads, { mode });

const pads: OpCase = {
  name: 'pad',
  samples: (rng) => [
    ...oneInputCase('pad', [
      ['zeros', [3], (x) => ops.pad(x, [[2, 1]])],
      ['a value', [2, 3], (x) => ops.pad(x, [[1, 0], [0, 2]], { value: -1.5 })], // biome-ignore format: pairs
      ['the last axis', [2, 3], (x) => ops.pad(x, [[1, 1]])],
      ['cut off', [5, 4], (x) => ops.pad(x, [[-1, -2], [1, -1]])], // biome-ignore format: pairs
      ['cut down to nothing', [3, 2], (x) => ops.pad(x, [[-1, -2], [1, 0]])], // biome-ignore format: pairs
      ['not at all', [3], (x) => ops.pad(x, [])],
      ['a scalar', [], (x) => ops.pad(x, [])],
      ['nothing', [0, 2], (x) => ops.pad(x, [[1, 2], [0, 0]], { value: 3 })], // biome-ignore format: pairs
      ['reflected', [4, 3], padTo('reflect', [3, 1], [0, 2])],
      ['reflected as far as can be', [3], padTo('reflect', [2, 2])],
      ['reflected and cut off', [5], padTo('reflect', [2, -1])],
      ['reflected, of one', [1, 3], padTo('reflect', [0, 0], [1, 0])],
      ['the edge', [2, 3], padTo('edge', [4, 1], [1, 5])],
      ['the edge of one', [1], padTo('edge', [2, 2])],
      ['wrapped', [3, 4], padTo('wrap', [3, 1], [0, 2])],
    ]).samples(rng),
    { what: 'int32', inputs: [integers(rng, [2, 2], -9, 9)], run: (x) => ops.pad(x, [[1, 1]], { value: 7 }) },
    { what: 'bool', inputs: [booleans(rng, [3])], run: (x) => ops.pad(x, [[1, 2]], { value: 1 }) },
  ],
  errors: [
    refuses('too many pairs', ShapeError, ['pad', '[3]', 2], () => ops.pad(zeros(3), [[1, 1], [1, 1]])), // biome-ignore format: pairs
    refuses('more cut off than there is', ShapeError, ['pad', '[-2, -2]', 3], () => ops.pad(zeros(3), [[-2, -2]])),
    refuses('half an element', ValueError, ['pad', 0.5], () => ops.pad(zeros(3), [[0.5, 0]])),
    refuses('half a pair', ValueError, ['pad', '[1]'], () => ops.pad(zeros(3), [[1] as never])),
    refuses('a mirror too small', ValueError, ['reflect', 2, '[3, 0]'], () => padTo('reflect', [3, 0])(zeros(3))),
    refuses('round more than once', ValueError, ['wrap', 3, '[0, 4]'], () => padTo('wrap', [0, 4])(zeros(3))),
    refuses('the edge of nothing', ValueError, ['edge', '[0]'], () => padTo('edge', [1, 0])(zeros(0))),
    refuses('another mode', ValueError, ['pad', 'mode', 'mirror'], () => padTo('mirror' as never, [1, 0])(zeros(3))),
    refuses('a fraction beside int32', DTypeError, ['pad', 0.5], () => ops.pad(ops.arange(3), [[1, 0]], { value: 0.5 })),
    refuses('a number beside bool', DTypeError, ['pad', 2], () => ops.pad(tensor([true]), [[1, 0]], { value: 2 })),
  ],
};

const repeats: readonly OpCase[] = [
  oneInputCase(
    'tile',
    [
      ['rows and columns', [2, 3], (x) => ops.tile(x, [2, 3])],
      ['the last axis', [2, 3], (x) => ops.tile(x, 2)],
      ['new axes', [2], (x) => ops.tile(x, [2, 1, 3])],
      ['a scalar', [], (x) => ops.tile(x, [2, 2])],
      ['once', [2, 3], (x) => ops.tile(x, [1])],
      ['not at all', [2, 3], (x) => ops.tile(x, [0, 2])],
      ['nothing', [0, 2], (x) => ops.tile(x, [3, 2])],
      ['no numbers', [3], (x) => ops.tile(x, [])],
    ],
    [
      refuses('a negative number', ValueError, ['tile', '[2, -1]'], () => ops.tile(zeros(2), [2, -1])),
      refuses('half a time', ValueError, ['tile', 0.5], () => ops.tile(zeros(2), 0.5)),
    ],
  ),
  oneInputCase(
    'repeatInterleave',
    [
      ['all elements', [2, 3], (x) => ops.repeatInterleave(x, 2)],
      ['columns', [2, 3], (x) => ops.repeatInterleave(x, 3, 1)],
      ['a number for each', [3, 2], (x) => ops.repeatInterleave(x, [2, 0, 1], 0)],
      ['a number for each, further back', [2, 3, 2], (x) => ops.repeatInterleave(x, [0, 1, 3], -2)],
      ['a number for each element', [3], (x) => ops.repeatInterleave(x, [1, 2, 0])],
      ['not at all', [2, 3], (x) => ops.repeatInterleave(x, 0, 1)],
      ['a scalar', [], (x) => ops.repeatInterleave(x, 2)],
      ['nothing', [0, 2], (x) => ops.repeatInterleave(x, [], 0)],
    ],
    [
      refuses('too few numbers', ShapeError, ['repeatInterleave', 3, '[3, 2]'], () => ops.repeatInterleave(zeros(3, 2), [1, 2], 0)),
      refuses('a negative number', ValueError, ['repeatInterleave', -1], () => ops.repeatInterleave(zeros(3), -1)),
      refuses('an axis out of range', ShapeError, ['repeatInterleave', 1], () => ops.repeatInterleave(zeros(3), 2, 1)),
    ],
  ),
];

export const copyOps: readonly OpCase[] = [...joins, pads, ...repeats];
