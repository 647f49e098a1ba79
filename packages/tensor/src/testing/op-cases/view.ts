import * as ops from '../../index.js';
import { ShapeError, tensor, ValueError } from '../../index.js';
import { booleans, floats, given, integers, type OpCase, type OpError, type OpSample, show } from '../op-case.js';

type Run = (...inputs: ops.Tensor[]) => ops.Tensor | readonly ops.Tensor[];

/** A row whose samples have one float input each. */
function viewCase(
  name: string,
  samples: readonly (readonly [what: string, shape: readonly number[], run: Run])[],
  errors: OpError[] = [],
): OpCase {
  return {
    name,
    samples: (rng) =>
      samples.map(([what, shape, run]): OpSample => ({ what: `${show(shape)}: ${what}`, inputs: [floats(rng, shape)], run })),
    errors,
  };
}

const zeros = (...shape: number[]): ops.Tensor => ops.zeros(shape);
const refuses = (what: string, kind: OpError['kind'], mentions: OpError['mentions'], run: () => unknown): OpError => ({
  what,
  kind,
  mentions,
  run,
});

const shapings: readonly OpCase[] = [
  viewCase(
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
  viewCase(
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
  viewCase(
    'transpose',
    [
      ['the last two', [3, 5], (x) => ops.transpose(x)],
      ['the last two of three', [2, 3, 4], (x) => ops.transpose(x)],
      ['named', [2, 3, 4], (x) => ops.transpose(x, 0, 2)],
      ['an axis with itself', [2, 3], (x) => ops.transpose(x, 1, 1)],
    ],
    [refuses('an axis out of range', ShapeError, ['transpose', 2], () => ops.transpose(zeros(2, 3), 0, 2))],
  ),
  viewCase('squeeze', [
    ['all', [1, 3, 1], (x) => ops.squeeze(x)],
    ['one', [1, 3, 1], (x) => ops.squeeze(x, -1)],
    ['one that is longer', [1, 3, 1], (x) => ops.squeeze(x, 1)],
    ['several', [1, 3, 1, 1], (x) => ops.squeeze(x, [0, 2])],
  ]),
  viewCase(
    'unsqueeze',
    [
      ['in front', [3, 5], (x) => ops.unsqueeze(x, 0)],
      ['at the end', [3, 5], (x) => ops.unsqueeze(x, -1)],
      ['a scalar', [], (x) => ops.unsqueeze(x, 0)],
    ],
    [refuses('an axis out of range', ShapeError, ['unsqueeze', 4], () => ops.unsqueeze(zeros(2, 3), 4))],
  ),
  viewCase('flatten', [
    ['all', [2, 3, 4], (x) => ops.flatten(x)],
    ['from the second', [2, 3, 4], (x) => ops.flatten(x, 1)],
    ['the first two', [2, 3, 4], (x) => ops.flatten(x, 0, 1)],
    ['a scalar', [], (x) => ops.flatten(x)],
  ]),
  viewCase('contiguous', [
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
  viewCase(
    'expand',
    [
      ['a row', [5], (x) => ops.expand(x, [3, 5])],
      ['a column', [3, 1], (x) => ops.expand(x, [3, 5])],
      ['kept lengths', [3, 1], (x) => ops.expand(x, [2, -1, 5])],
      ['a scalar', [], (x) => ops.expand(x, [2, 3])],
      ['to nothing', [1, 3], (x) => ops.expand(x, [0, 3])],
    ],
    [refuses('another length', ShapeError, ['[3]', '[2, 4]'], () => ops.expand(zeros(3), [2, 4]))],
  ),
  viewCase(
    'broadcastTo',
    [
      ['a row', [5], (x) => ops.broadcastTo(x, [3, 5])],
      ['several axes', [2, 1, 3, 1], (x) => ops.broadcastTo(x, [2, 4, 3, 5])],
      ['as it is', [2, 3], (x) => ops.broadcastTo(x, [2, 3])],
    ],
    [refuses('fewer axes', ShapeError, ['broadcastTo', '[2, 3]', '[3]'], () => ops.broadcastTo(zeros(2, 3), [3]))],
  ),
];

const parts: readonly OpCase[] = [
  viewCase(
    'slice',
    [
      ['the first rows', [5, 3], (x) => ops.slice(x, 0, 0, 2)],
      ['columns', [3, 7], (x) => ops.slice(x, 1, 2, 5)],
      ['from the end', [3, 7], (x) => ops.slice(x, -1, -3)],
      ['up to before the end', [3, 7], (x) => ops.slice(x, 1, 1, -1)],
      ['nothing', [3, 7], (x) => ops.slice(x, 1, 5, 2)],
      ['past the end', [3], (x) => ops.slice(x, 0, 1, 99)],
      ['of a slice', [6, 5], (x) => ops.slice(ops.slice(x, 0, 1, 5), 1, 2, 4)],
    ],
    [
      refuses('an axis out of range', ShapeError, ['slice', 2], () => ops.slice(zeros(2, 3), 2, 0, 1)),
      refuses('a position between elements', ValueError, ['slice', 0.5], () => ops.slice(zeros(2, 3), 0, 0.5)),
    ],
  ),
  viewCase(
    'select',
    [
      ['a row', [5, 3], (x) => ops.select(x, 0, 2)],
      ['a column from the end', [5, 3], (x) => ops.select(x, 1, -1)],
      ['an element', [7], (x) => ops.select(x, 0, 3)],
    ],
    [refuses('an index out of range', ValueError, ['select', 5, '[2, 3]'], () => ops.select(zeros(2, 3), 1, 5))],
  ),
  viewCase(
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
  viewCase(
    'chunk',
    [
      ['thirds', [6, 2], (x) => ops.chunk(x, 3)],
      ['a smaller last one', [2, 7], (x) => ops.chunk(x, 3, -1)],
      ['more chunks than elements', [2], (x) => ops.chunk(x, 5)],
    ],
    [refuses('no chunks', ValueError, ['chunk', 0], () => ops.chunk(zeros(4), 0))],
  ),
];

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
      refuses('other dtypes', ShapeError, ['concat', 'float32', 'bool'], () => ops.concat([zeros(2), tensor([true, false])])),
    ],
  },
  {
    name: 'stack',
    samples: (rng) => [
      { what: 'in front', inputs: [floats(rng, [2, 3]), floats(rng, [2, 3])], run: (...xs) => ops.stack(xs) },
      { what: 'at the end', inputs: [floats(rng, [2, 3]), floats(rng, [2, 3])], run: (...xs) => ops.stack(xs, -1) },
      { what: 'scalars', inputs: [floats(rng, []), floats(rng, [])], run: (...xs) => ops.stack(xs) },
    ],
    errors: [refuses('other lengths', ShapeError, ['concat'], () => ops.stack([zeros(2), zeros(3)]))],
  },
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
  ],
};

export const viewOps: readonly OpCase[] = [...shapings, ...repeats, ...parts, ...joins, casts];
