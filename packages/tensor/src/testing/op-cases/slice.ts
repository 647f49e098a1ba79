import * as ops from '../../index.js';
import { DTypeError, ShapeError, tensor, ValueError } from '../../index.js';
import { type OpCase, oneInputCase, refuses } from '../op-case.js';

const zeros = (...shape: number[]): ops.Tensor => ops.zeros(shape);

const pieces: readonly OpCase[] = [
  oneInputCase(
    'slice',
    [
      ['the first rows', [5, 3], (x) => ops.slice(x, 0, 0, 2)],
      ['columns', [3, 7], (x) => ops.slice(x, 1, 2, 5)],
      ['from the end', [3, 7], (x) => ops.slice(x, -1, -3)],
      ['up to before the end', [3, 7], (x) => ops.slice(x, 1, 1, -1)],
      ['nothing', [3, 7], (x) => ops.slice(x, 1, 5, 2)],
      ['past the end', [3], (x) => ops.slice(x, 0, 1, 99)],
      ['of a slice', [6, 5], (x) => ops.slice(ops.slice(x, 0, 1, 5), 1, 2, 4)],
      ['every second', [3, 7], (x) => ops.slice(x, 1, undefined, undefined, 2)],
      ['every third from the second', [8], (x) => ops.slice(x, 0, 1, undefined, 3)],
      ['backwards', [3, 4], (x) => ops.slice(x, 0, undefined, undefined, -1)],
      ['every second, backwards', [7, 2], (x) => ops.slice(x, 0, undefined, undefined, -2)],
      ['backwards between bounds', [2, 7], (x) => ops.slice(x, -1, 5, 1, -1)],
      ['backwards from beyond the end', [5], (x) => ops.slice(x, 0, 99, -99, -2)],
      ['backwards of one', [1], (x) => ops.slice(x, 0, undefined, undefined, -1)],
      ['backwards of nothing', [0, 3], (x) => ops.slice(x, 0, undefined, undefined, -1)],
      ['nothing, backwards', [5], (x) => ops.slice(x, 0, 1, 3, -1)],
      ['a wide step', [5], (x) => ops.slice(x, 0, 2, undefined, 10)],
      ['backwards twice', [2, 5], (x) => ops.slice(ops.slice(x, 1, undefined, undefined, -2), 1, undefined, undefined, -1)],
    ],
    [
      refuses('a step of 0', ValueError, ['slice', 'step', 0], () => ops.slice(zeros(2, 3), 0, 0, 1, 0)),
      refuses('half a step', ValueError, ['slice', 'step', 0.5], () => ops.slice(zeros(2, 3), 0, 0, 1, 0.5)),
      refuses('an axis out of range', ShapeError, ['slice', 2], () => ops.slice(zeros(2, 3), 2, 0, 1)),
      refuses('a position between elements', ValueError, ['slice', 0.5], () => ops.slice(zeros(2, 3), 0, 0.5)),
    ],
  ),
  oneInputCase(
    'narrow',
    [
      ['columns', [3, 7], (x) => ops.narrow(x, 1, 2, 3)],
      ['from the end', [3, 7], (x) => ops.narrow(x, -1, -3, 3)],
      ['all', [4], (x) => ops.narrow(x, 0, 0, 4)],
      ['nothing', [4, 2], (x) => ops.narrow(x, 0, 4, 0)],
      ['nothing of nothing', [2, 0], (x) => ops.narrow(x, 1, 0, 0)],
    ],
    [
      refuses('a start out of range', ValueError, ['narrow', 'start', 4, 3], () => ops.narrow(zeros(2, 3), 1, 4, 0)),
      refuses('a start before the first', ValueError, ['narrow', 'start', -4], () => ops.narrow(zeros(2, 3), 1, -4, 0)),
      refuses('an end out of range', ValueError, ['narrow', 'length', 3, '[2, 3]'], () => ops.narrow(zeros(2, 3), 1, 1, 3)),
      refuses('a negative length', ValueError, ['narrow', 'length', -1], () => ops.narrow(zeros(2, 3), 1, 1, -1)),
      refuses('no number', ValueError, ['narrow', 'start', 'NaN'], () => ops.narrow(zeros(2, 3), 1, Number.NaN, 1)),
      refuses('a scalar', ShapeError, ['narrow'], () => ops.narrow(zeros(), 0, 0, 1)),
    ],
  ),
  oneInputCase(
    'select',
    [
      ['a row', [5, 3], (x) => ops.select(x, 0, 2)],
      ['a column from the end', [5, 3], (x) => ops.select(x, 1, -1)],
      ['an element', [7], (x) => ops.select(x, 0, 3)],
    ],
    [refuses('an index out of range', ValueError, ['select', 5, '[2, 3]'], () => ops.select(zeros(2, 3), 1, 5))],
  ),
  oneInputCase(
    'split',
    [
      ['equal pieces', [6, 2], (x) => ops.split(x, 2)],
      ['a smaller last piece', [7], (x) => ops.split(x, 3)],
      ['given sizes', [2, 6], (x) => ops.split(x, [1, 3, 2], 1)],
      ['an empty piece', [4], (x) => ops.split(x, [0, 4])],
      ['one piece used', [2, 6], (x) => ops.split(x, [1, 3, 2], 1)[1]!],
    ],
    [refuses('sizes that do not add up', ShapeError, ['split', '[1, 2]', 4], () => ops.split(zeros(4), [1, 2]))],
  ),
  oneInputCase(
    'chunk',
    [
      ['thirds', [6, 2], (x) => ops.chunk(x, 3)],
      ['a smaller last one', [2, 7], (x) => ops.chunk(x, 3, -1)],
      ['more chunks than elements', [2], (x) => ops.chunk(x, 5)],
    ],
    [refuses('no chunks', ValueError, ['chunk', 0], () => ops.chunk(zeros(4), 0))],
  ),
  oneInputCase(
    'unbind',
    [
      ['rows', [3, 2], (x) => ops.unbind(x)],
      ['columns', [3, 2], (x) => ops.unbind(x, -1)],
      ['elements', [3], (x) => ops.unbind(x)],
      ['empty rows', [2, 0], (x) => ops.unbind(x)],
      ['one of them', [2, 3], (x) => ops.unbind(x, 1)[1]!],
    ],
    [refuses('a scalar', ShapeError, ['unbind'], () => ops.unbind(zeros()))],
  ),
  oneInputCase(
    'flip',
    [
      ['all axes', [3, 5], (x) => ops.flip(x)],
      ['one axis', [2, 3, 4], (x) => ops.flip(x, 1)],
      ['two of three', [2, 3, 4], (x) => ops.flip(x, [-1, 0])],
      ['none', [3], (x) => ops.flip(x, [])],
      ['a scalar', [], (x) => ops.flip(x)],
      ['empty', [3, 0, 2], (x) => ops.flip(x, [0, 1])],
      ['one element', [1, 1], (x) => ops.flip(x)],
      ['twice', [5], (x) => ops.flip(ops.flip(x))],
      ['then merged', [2, 3], (x) => ops.reshape(ops.flip(x), [6])],
      ['tokens of an attention', [1, 2, 5, 4], (x) => ops.attention(ops.flip(x, 2), ops.flip(x, [1, 2]), ops.flip(x, [2, 3]))],
      ['in a product', [3, 4], (x) => ops.matmul(ops.flip(x, 1), ops.flip(ops.transpose(x), 0))],
    ],
    [
      refuses('an axis twice', ShapeError, ['flip', 'twice'], () => ops.flip(zeros(2, 3), [0, -2])),
      refuses('an axis out of range', ShapeError, ['flip', 2], () => ops.flip(zeros(2, 3), 2)),
    ],
  ),
];

const diagonals: readonly OpCase[] = [
  oneInputCase(
    'diagonal',
    [
      ['main', [3, 5], (x) => ops.diagonal(x)],
      ['above', [3, 5], (x) => ops.diagonal(x, { offset: 2 })],
      ['below', [5, 3], (x) => ops.diagonal(x, { offset: -1 })],
      ['beyond', [3, 3], (x) => ops.diagonal(x, { offset: 5 })],
      ['of other axes', [2, 3, 4], (x) => ops.diagonal(x, { axis1: 0, axis2: 2 })],
      ['of axes in the other order', [2, 3, 4], (x) => ops.diagonal(x, { axis1: -1, axis2: 1, offset: 1 })],
      ['empty', [0, 3], (x) => ops.diagonal(x)],
    ],
    [
      refuses('one axis twice', ShapeError, ['diagonal', '[2, 3]', 1], () => ops.diagonal(zeros(2, 3), { axis1: 1, axis2: -1 })),
      refuses('one dimension', ShapeError, ['diagonal'], () => ops.diagonal(zeros(3))),
    ],
  ),
  oneInputCase(
    'diag',
    [
      ['a vector', [3], (x) => ops.diag(x)],
      ['above', [2], (x) => ops.diag(x, 2)],
      ['below', [3], (x) => ops.diag(x, -1)],
      ['nothing', [0], (x) => ops.diag(x)],
      ['of a matrix', [3, 4], (x) => ops.diag(x, 1)],
    ],
    [
      refuses('a scalar', ShapeError, ['diag', '[]'], () => ops.diag(zeros())),
      refuses('half an offset', ShapeError, ['diag', 0.5], () => ops.diag(zeros(2), 0.5)),
    ],
  ),
  oneInputCase(
    'trace',
    [
      ['square', [3, 3], (x) => ops.trace(x)],
      ['wide', [2, 5], (x) => ops.trace(x)],
      ['empty', [0, 3], (x) => ops.trace(x)],
    ],
    [
      refuses('a vector', ShapeError, ['trace', '[3]'], () => ops.trace(zeros(3))),
      refuses('bool', DTypeError, ['bool'], () => ops.trace(tensor([[true]]))),
    ],
  ),
  ...[ops.tril, ops.triu].map((triangle) =>
    oneInputCase(
      triangle.name,
      [
        ...[0, 1, -1, 9, -9].map((k) => [`k = ${k}`, [4, 5], (x: ops.Tensor) => triangle(x, k)] as const),
        ['matrices', [2, 3, 3], (x) => triangle(x)],
        ['one element', [1, 1], (x) => triangle(x)],
        ['empty', [2, 0, 3], (x) => triangle(x)],
      ],
      [refuses('one axis', ShapeError, [triangle.name, '[3]'], () => triangle(zeros(3)))],
    ),
  ),
];

const windows = oneInputCase(
  'slidingWindowView',
  [
    ['overlapping', [7], (x) => ops.slidingWindowView(x, 0, 3)],
    ['every second', [3, 8], (x) => ops.slidingWindowView(x, 1, 3, 2)],
    ['side by side', [6, 2], (x) => ops.slidingWindowView(x, 0, 2, 2)],
    ['with gaps', [2, 9, 2], (x) => ops.slidingWindowView(x, -2, 2, 3)],
    ['one', [4, 2], (x) => ops.slidingWindowView(x, 0, 4)],
    ['of size 1', [3], (x) => ops.slidingWindowView(x, 0, 1)],
    ['of nothing', [3], (x) => ops.slidingWindowView(x, 0, 0)],
    ['beside nothing', [4, 0], (x) => ops.slidingWindowView(x, 0, 2)],
    ['of windows', [6], (x) => ops.slidingWindowView(ops.slidingWindowView(x, 0, 3), 0, 2)],
    ['multiplied', [6], (x) => ops.mul(ops.slidingWindowView(x, 0, 4), ops.slidingWindowView(x, 0, 4))],
  ],
  [
    refuses('a window too large', ValueError, ['slidingWindowView', 'size', 4, '[2, 3]'], () => ops.slidingWindowView(zeros(2, 3), 1, 4)),
    refuses('a step of 0', ValueError, ['slidingWindowView', 'step', 0], () => ops.slidingWindowView(zeros(3), 0, 2, 0)),
    refuses('a scalar', ShapeError, ['slidingWindowView'], () => ops.slidingWindowView(zeros(), 0, 1)),
  ],
);

export const sliceOps: readonly OpCase[] = [...pieces, ...diagonals, windows];
