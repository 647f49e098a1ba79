import * as ops from '../../index.js';
import { ShapeError } from '../../index.js';
import { booleans, floats, given, integers, type OpCase, oneInputCase, refuses } from '../op-case.js';

const zeros = (...shape: number[]): ops.Tensor => ops.zeros(shape);

const shapings: readonly OpCase[] = [
  oneInputCase(
    'reshape',
    [
      ['flat', [3, 5], (x) => ops.reshape(x, [15])],
      ['split', [6], (x) => ops.reshape(x, [2, 3])],
      ['regrouped', [2, 6], (x) => ops.reshape(x, [4, 3])],
      ['inferred', [2, 3, 4], (x) => ops.reshape(x, [-1, 4])],
      ['scalar', [1], (x) => ops.reshape(x, [])],
      ['from a scalar', [], (x) => ops.reshape(x, [1, 1])],
      ['empty', [0, 3], (x) => ops.reshape(x, [3, 0])],
      ['of a transpose', [4, 6], (x) => ops.reshape(ops.transpose(x), [3, 8])],
      ['of a transpose, mergeable', [2, 3, 4], (x) => ops.reshape(ops.transpose(x, 0, 1), [3, 2, 2, 2])],
    ],
    [
      refuses('another size', ShapeError, ['reshape', '[2, 3]', '[4]'], () => ops.reshape(zeros(2, 3), [4])),
      refuses('two unknowns', ShapeError, ['reshape'], () => ops.reshape(zeros(2, 3), [-1, -1])),
    ],
  ),
  oneInputCase(
    'permute',
    [
      ['two axes', [3, 5], (x) => ops.permute(x, [1, 0])],
      ['negative', [2, 3, 4], (x) => ops.permute(x, [-1, 0, 1])],
      ['none', [], (x) => ops.permute(x, [])],
      ['four', [2, 3, 2, 4], (x) => ops.permute(x, [0, 2, 1, 3])],
      ['empty', [0, 3], (x) => ops.permute(x, [1, 0])],
    ],
    [
      refuses('an axis twice', ShapeError, ['permute', '[2, 3]'], () => ops.permute(zeros(2, 3), [0, 0])),
      refuses('too few axes', ShapeError, ['permute', '[2, 3]'], () => ops.permute(zeros(2, 3), [0])),
    ],
  ),
  oneInputCase(
    'transpose',
    [
      ['the last two', [3, 5], (x) => ops.transpose(x)],
      ['the last two of three', [2, 3, 4], (x) => ops.transpose(x)],
      ['named', [2, 3, 4], (x) => ops.transpose(x, 0, 2)],
      ['an axis with itself', [2, 3], (x) => ops.transpose(x, 1, 1)],
    ],
    [refuses('an axis out of range', ShapeError, ['transpose', 2], () => ops.transpose(zeros(2, 3), 0, 2))],
  ),
  oneInputCase(
    'movedim',
    [
      ['one axis', [2, 3, 4], (x) => ops.movedim(x, 0, -1)],
      ['several', [2, 3, 2, 4], (x) => ops.movedim(x, [0, -1], [2, 0])],
      ['none', [2, 3], (x) => ops.movedim(x, [], [])],
      ['a scalar', [], (x) => ops.movedim(x, [], [])],
      ['empty', [0, 3], (x) => ops.movedim(x, 1, 0)],
    ],
    [
      refuses('an axis twice', ShapeError, ['movedim', 'twice'], () => ops.movedim(zeros(2, 3), [0, -2], [0, 1])),
      refuses('a place twice', ShapeError, ['movedim', 'twice'], () => ops.movedim(zeros(2, 3), [0, 1], [1, 1])),
      refuses('an axis out of range', ShapeError, ['movedim', 2], () => ops.movedim(zeros(2, 3), 2, 0)),
      refuses('lists of two lengths', ShapeError, ['movedim', '[0, 1]', '[1]'], () => ops.movedim(zeros(2, 3), [0, 1], [1])),
    ],
  ),
  oneInputCase(
    'unflatten',
    [
      ['in two', [3, 6], (x) => ops.unflatten(x, 1, [2, 3])],
      ['inferred', [3, 6, 2], (x) => ops.unflatten(x, -2, [2, -1])],
      ['in one', [6], (x) => ops.unflatten(x, 0, [6])],
      ['empty', [4, 0], (x) => ops.unflatten(x, 1, [2, 0, 3])],
      ['beside nothing', [4, 0], (x) => ops.unflatten(x, 0, [2, 2])],
    ],
    [
      refuses('another size', ShapeError, ['unflatten', '[2, 2]', 6], () => ops.unflatten(zeros(3, 6), 1, [2, 2])),
      refuses('no sizes', ShapeError, ['unflatten', '[3, 6]'], () => ops.unflatten(zeros(3, 6), 1, [])),
      refuses('a scalar', ShapeError, ['unflatten'], () => ops.unflatten(zeros(), 0, [1])),
    ],
  ),
  oneInputCase('squeeze', [
    ['all', [1, 3, 1], (x) => ops.squeeze(x)],
    ['to a scalar', [1, 1], (x) => ops.squeeze(x)],
    ['empty', [0, 1], (x) => ops.squeeze(x, [0, 1])],
    ['one', [1, 3, 1], (x) => ops.squeeze(x, -1)],
    ['one that is longer', [1, 3, 1], (x) => ops.squeeze(x, 1)],
    ['several', [1, 3, 1, 1], (x) => ops.squeeze(x, [0, 2])],
  ]),
  oneInputCase(
    'unsqueeze',
    [
      ['in front', [3, 5], (x) => ops.unsqueeze(x, 0)],
      ['at the end', [3, 5], (x) => ops.unsqueeze(x, -1)],
      ['a scalar', [], (x) => ops.unsqueeze(x, 0)],
      ['several', [3, 5], (x) => ops.unsqueeze(x, [0, -1, 2])],
      ['a scalar, several', [], (x) => ops.unsqueeze(x, [1, 0])],
      ['none', [3], (x) => ops.unsqueeze(x, [])],
    ],
    [
      refuses('an axis out of range', ShapeError, ['unsqueeze', 4], () => ops.unsqueeze(zeros(2, 3), 4)),
      refuses('a place twice', ShapeError, ['unsqueeze', 'twice'], () => ops.unsqueeze(zeros(2, 3), [0, -4])),
    ],
  ),
  oneInputCase(
    'flatten',
    [
      ['all', [2, 3, 4], (x) => ops.flatten(x)],
      ['from the second', [2, 3, 4], (x) => ops.flatten(x, 1)],
      ['the first two', [2, 3, 4], (x) => ops.flatten(x, 0, 1)],
      ['a scalar', [], (x) => ops.flatten(x)],
      ['empty', [2, 0, 3], (x) => ops.flatten(x, 1)],
    ],
    [
      refuses('an end before the start', ShapeError, ['flatten', '[2, 3, 4]', 2], () => ops.flatten(zeros(2, 3, 4), 2, 1)),
      refuses('an axis out of range', ShapeError, ['flatten', 3], () => ops.flatten(zeros(2, 3), 3)),
    ],
  ),
  oneInputCase('contiguous', [
    ['as it is', [3, 5], (x) => ops.contiguous(x)],
    ['of a transpose', [3, 5], (x) => ops.contiguous(ops.transpose(x))],
    ['of a repeated one', [5], (x) => ops.contiguous(ops.expand(x, [3, 5]))],
  ]),
  {
    name: 'detach',
    samples: (rng) => [{ what: 'off the tape', inputs: [floats(rng, [3])], run: (x) => ops.detach(x), differentiable: false }],
  },
];

const repeats: readonly OpCase[] = [
  oneInputCase(
    'expand',
    [
      ['a row', [5], (x) => ops.expand(x, [3, 5])],
      ['a column', [3, 1], (x) => ops.expand(x, [3, 5])],
      ['kept lengths', [3, 1], (x) => ops.expand(x, [2, -1, 5])],
      ['a scalar', [], (x) => ops.expand(x, [2, 3])],
      ['to nothing', [1, 3], (x) => ops.expand(x, [0, 3])],
    ],
    [
      refuses('another length', ShapeError, ['[3]', '[2, 4]'], () => ops.expand(zeros(3), [2, 4])),
      refuses('an axis that there is not, kept', ShapeError, ['expand', '[3]', '[-1, 3]'], () => ops.expand(zeros(3), [-1, 3])),
    ],
  ),
  oneInputCase(
    'broadcastTo',
    [
      ['a row', [5], (x) => ops.broadcastTo(x, [3, 5])],
      ['several axes', [2, 1, 3, 1], (x) => ops.broadcastTo(x, [2, 4, 3, 5])],
      ['as it is', [2, 3], (x) => ops.broadcastTo(x, [2, 3])],
    ],
    [
      refuses('fewer axes', ShapeError, ['broadcastTo', '[2, 3]', '[3]'], () => ops.broadcastTo(zeros(2, 3), [3])),
      refuses('a negative length', ShapeError, ['broadcastTo', '[3]', '[-1, 3]'], () => ops.broadcastTo(zeros(3), [-1, 3])),
    ],
  ),
];

const casts: OpCase = {
  name: 'cast',
  samples: (rng) => [
    { what: 'float32 to int32', inputs: [floats(rng, [3, 5], -9, 9)], run: (x) => ops.cast(x, 'int32') },
    { what: 'float32 to bool', inputs: [given('float32', [4], [0, 0.5, -1, 0])], run: (x) => ops.cast(x, 'bool') },
    { what: 'int32 to float32', inputs: [integers(rng, [3, 5], -9, 9)], run: (x) => ops.cast(x, 'float32') },
    { what: 'int32 to bool', inputs: [integers(rng, [7], -1, 1)], run: (x) => ops.cast(x, 'bool') },
    { what: 'bool to int32', inputs: [booleans(rng, [7])], run: (x) => ops.cast(x, 'int32') },
    { what: 'bool to float32', inputs: [booleans(rng, [2, 3])], run: (x) => ops.cast(x, 'float32') },
    { what: 'nothing', inputs: [floats(rng, [0])], run: (x) => ops.cast(x, 'int32') },
    { what: 'the first part', inputs: [integers(rng, [9], -9, 9)], run: (x) => ops.cast(ops.slice(x, 0, 0, 4), 'bool') },
  ],
};

export const viewOps: readonly OpCase[] = [...shapings, ...repeats, casts];
