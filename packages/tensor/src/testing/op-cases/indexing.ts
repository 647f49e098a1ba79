import * as ops from '../../index.js';
import { DTypeError, ShapeError, tensor, ValueError } from '../../index.js';
import { booleans, floats, given, integers, type OpCase, type OpSample, refuses, show } from '../op-case.js';

const zeros = (...shape: number[]): ops.Tensor => ops.zeros(shape);
const ids = (...numbers: number[]): ops.Tensor => tensor(Int32Array.from(numbers));
const embedding: OpCase = {
  name: 'embedding',
  samples: (rng) => [
    ...[[4], [2, 3], [], [0], [40]].map(
      (shape): OpSample => ({
        what: `ids ${show(shape)}`,
        inputs: [floats(rng, [7, 5]), integers(rng, shape, 0, 6)],
        run: (weight, at) => ops.embedding(weight, at),
      }),
    ),
    {
      what: 'the first rows by the first ids',
      inputs: [floats(rng, [7, 5]), integers(rng, [6], 0, 3)],
      run: (weight, at) => ops.embedding(ops.slice(weight, 0, 0, 4), ops.slice(at, 0, 0, 2)),
    },
    {
      // Differences would see the padding row.
      what: 'a padding row',
      inputs: [floats(rng, [4, 3]), given('int32', [2, 3], [0, 2, 3, 2, 1, 2])],
      run: (weight, at) => [2, -2].map((paddingIdx) => ops.embedding(weight, at, { paddingIdx })),
      differences: false,
    },
  ],
  errors: [
    refuses('an id too large', ValueError, ['embedding', 'ids', 7, 1], () => ops.embedding(zeros(7, 2), ids(0, 7))),
    refuses('a negative id', ValueError, ['ids', -1, 0], () => ops.embedding(zeros(7, 2), ids(-1))),
    refuses('float ids', DTypeError, ['embedding', 'int32', 'float32'], () => ops.embedding(zeros(7, 2), zeros(2))),
    refuses('a table of one axis', ShapeError, ['embedding', '[7]'], () => ops.embedding(zeros(7), ids(0))),
    refuses('a padding row out of range', ValueError, ['paddingIdx', 7, -7], () => ops.embedding(zeros(7, 2), ids(0), { paddingIdx: 7 })),
  ],
};

const indexSelect: OpCase = {
  name: 'indexSelect',
  samples: (rng) => [
    { what: 'rows', inputs: [floats(rng, [5, 3]), integers(rng, [4], 0, 4)], run: (x, at) => ops.indexSelect(x, 0, at) },
    { what: 'columns', inputs: [floats(rng, [3, 5]), integers(rng, [4], 0, 4)], run: (x, at) => ops.indexSelect(x, 1, at) },
    { what: 'an inner axis', inputs: [floats(rng, [2, 4, 3]), integers(rng, [2], 0, 3)], run: (x, at) => ops.indexSelect(x, -2, at) },
    { what: 'nothing', inputs: [floats(rng, [3, 5]), integers(rng, [0], 0, 4)], run: (x, at) => ops.indexSelect(x, 1, at) },
    { what: 'of nothing', inputs: [floats(rng, [0, 5]), integers(rng, [2], 0, 4)], run: (x, at) => ops.indexSelect(x, 1, at) },
    { what: 'bool', inputs: [booleans(rng, [3, 5]), integers(rng, [7], 0, 4)], run: (x, at) => ops.indexSelect(x, 1, at) },
  ],
  errors: [
    refuses('an id too large', ValueError, ['indexSelect', 3, '[2, 3]'], () => ops.indexSelect(zeros(2, 3), 1, ids(3))),
    refuses('a negative id', ValueError, ['indexSelect', 'ids', -1], () => ops.indexSelect(zeros(2, 3), 0, ids(-1))),
    refuses('an id that another row would have', ValueError, ['indexSelect', 1, 3], () => ops.indexSelect(zeros(2, 3), 1, ids(0, 3))),
    refuses('float ids', DTypeError, ['indexSelect', 'float32'], () => ops.indexSelect(zeros(2, 3), 1, zeros(1))),
    refuses('a scalar', ShapeError, ['indexSelect'], () => ops.indexSelect(zeros(), 0, ids(0))),
    refuses('ids of two axes', ShapeError, ['indexSelect', '[1, 1]'], () => ops.indexSelect(zeros(2, 3), 1, ops.reshape(ids(0), [1, 1]))),
  ],
};

const takeAlong: OpCase = {
  name: 'takeAlong',
  samples: (rng) => [
    { what: 'the last axis', inputs: [floats(rng, [3, 5]), integers(rng, [3, 2], 0, 4)], run: (x, at) => ops.takeAlong(x, at) },
    { what: 'the first axis', inputs: [floats(rng, [4, 3]), integers(rng, [6, 3], 0, 3)], run: (x, at) => ops.takeAlong(x, at, 0) },
    { what: 'an inner axis', inputs: [floats(rng, [2, 4, 3]), integers(rng, [2, 2, 3], 0, 3)], run: (x, at) => ops.takeAlong(x, at, 1) },
    { what: 'fewer rows', inputs: [floats(rng, [3, 5]), integers(rng, [2, 1], 0, 4)], run: (x, at) => ops.takeAlong(x, at) },
    { what: 'one axis', inputs: [floats(rng, [7]), integers(rng, [9], 0, 6)], run: (x, at) => ops.takeAlong(x, at) },
    { what: 'nothing', inputs: [floats(rng, [3, 5]), integers(rng, [3, 0], 0, 4)], run: (x, at) => ops.takeAlong(x, at) },
    { what: 'nothing, of another rank', inputs: [floats(rng, [5]), integers(rng, [2, 0], 0, 4)], run: (x, at) => ops.takeAlong(x, at) },
    { what: 'int32', inputs: [integers(rng, [2, 5], -9, 9), integers(rng, [2, 3], 0, 4)], run: (x, at) => ops.takeAlong(x, at) },
  ],
  errors: [
    refuses('an id too large', ValueError, ['takeAlong', 3, '[2, 3]'], () => ops.takeAlong(zeros(2, 3), ops.reshape(ids(0, 3), [2, 1]))),
    refuses('a negative id', ValueError, ['takeAlong', 'ids', -1], () => ops.takeAlong(zeros(3), ids(-1))),
    refuses('more rows', ShapeError, ['takeAlong', '[2, 3]', '[3, 1]'], () =>
      ops.takeAlong(zeros(2, 3), ops.reshape(ids(0, 0, 0), [3, 1])),
    ),
    refuses('another rank', ShapeError, ['takeAlong', '[2, 3]', '[2]'], () => ops.takeAlong(zeros(2, 3), ids(0, 1))),
  ],
};

const take: OpCase = {
  name: 'take',
  samples: (rng) => [
    { what: 'single elements', inputs: [floats(rng, [3, 4]), integers(rng, [2, 3], -12, 11)], run: (x, at) => ops.take(x, at) },
    { what: 'rows', inputs: [floats(rng, [3, 4]), integers(rng, [5], -3, 2)], run: (x, at) => ops.take(x, at, 0) },
    {
      what: 'an inner axis by a matrix',
      inputs: [floats(rng, [2, 5, 3]), integers(rng, [2, 2], -5, 4)],
      run: (x, at) => ops.take(x, at, 1),
    },
    { what: 'one column', inputs: [floats(rng, [3, 4]), integers(rng, [], 0, 3)], run: (x, at) => ops.take(x, at, -1) },
    { what: 'nothing', inputs: [floats(rng, [3]), integers(rng, [0], 0, 2)], run: (x, at) => ops.take(x, at) },
    { what: 'of a scalar', inputs: [floats(rng, []), integers(rng, [2], 0, 0)], run: (x, at) => ops.take(x, at) },
  ],
  errors: [
    refuses('an id too large', ValueError, ['take', 12], () => ops.take(zeros(3, 4), ids(12))),
    refuses('an id before the first', ValueError, ['take', 'ids', -3, '[2, 3]'], () => ops.take(zeros(2, 3), ids(-4), 1)),
    refuses('float ids', DTypeError, ['take', 'int32', 'float32'], () => ops.take(zeros(3), zeros(1))),
    refuses('an axis out of range', ShapeError, ['take', 1], () => ops.take(zeros(3), ids(0), 1)),
  ],
};

const oneHot: OpCase = {
  name: 'oneHot',
  samples: (rng) => [
    ...[[4], [2, 3], [], [0]].map(
      (shape): OpSample => ({ what: `ids ${show(shape)}`, inputs: [integers(rng, shape, 0, 4)], run: (at) => ops.oneHot(at, 5) }),
    ),
    { what: 'float32', inputs: [integers(rng, [3], 0, 1)], run: (at) => ops.oneHot(at, 2, { dtype: 'float32' }) },
  ],
  errors: [
    refuses('an id too large', ValueError, ['ids', 3], () => ops.oneHot(ids(3), 3)),
    refuses('a negative id', ValueError, ['ids', -1], () => ops.oneHot(ids(-1), 3)),
    refuses('float ids', DTypeError, ['oneHot', 'float32'], () => ops.oneHot(zeros(2), 3)),
    refuses('no classes', ValueError, ['oneHot', 'classes', 0], () => ops.oneHot(ids(0), 0)),
  ],
};

const index: OpCase = {
  name: 'index',
  samples: (rng) => [
    { what: 'rows', inputs: [floats(rng, [4, 3]), integers(rng, [5], -4, 3)], run: (x, i) => ops.index(x, [i]) },
    { what: 'columns', inputs: [floats(rng, [4, 3]), integers(rng, [2, 2], 0, 2)], run: (x, i) => ops.index(x, [null, i]) },
    {
      what: 'elements',
      inputs: [floats(rng, [4, 3]), integers(rng, [5], 0, 3), integers(rng, [5], -3, 2)],
      run: (x, i, j) => ops.index(x, [i, j]),
    },
    {
      what: 'rows against columns',
      inputs: [floats(rng, [4, 3]), integers(rng, [2, 1], 0, 3), integers(rng, [4], 0, 2)],
      run: (x, i, j) => ops.index(x, [i, j]),
    },
    {
      what: 'two inner axes',
      inputs: [floats(rng, [2, 3, 4, 2]), integers(rng, [3], 0, 2), integers(rng, [3], 0, 3)],
      run: (x, i, j) => ops.index(x, [null, i, j]),
    },
    {
      what: 'axes that are apart',
      inputs: [floats(rng, [2, 3, 4]), integers(rng, [5], 0, 1), integers(rng, [1], 0, 3)],
      run: (x, i, j) => ops.index(x, [i, null, j]),
    },
    {
      what: 'axes that are apart, behind another',
      inputs: [floats(rng, [2, 3, 2, 4]), integers(rng, [3], 0, 2), integers(rng, [2, 3], 0, 3)],
      run: (x, i, j) => ops.index(x, [null, i, null, j]),
    },
    { what: 'one element', inputs: [floats(rng, [3, 2]), integers(rng, [], 0, 1)], run: (x, i) => ops.index(x, [i, i]) },
    { what: 'nothing', inputs: [floats(rng, [3, 2]), integers(rng, [0], 0, 1)], run: (x, i) => ops.index(x, [null, i]) },
    { what: 'beside nothing', inputs: [floats(rng, [3, 0]), integers(rng, [2], 0, 1)], run: (x, i) => ops.index(x, [i]) },
  ],
  errors: [
    refuses('an id too large', ValueError, ['index', 'ids[1]', 3, '[2, 3]'], () => ops.index(zeros(2, 3), [null, ids(0, 3)])),
    refuses('more ids than axes', ShapeError, ['index', '[3]', 2], () => ops.index(zeros(3), [ids(0), ids(0)])),
    refuses('ids that do not broadcast', ShapeError, ['index', '[2]', '[3]'], () => ops.index(zeros(2, 3), [ids(0, 0), ids(0, 0, 0)])),
    refuses('no ids', ValueError, ['index', 'none'], () => ops.index(zeros(2, 3), [null])),
    refuses('a mask', DTypeError, ['index', 'ids[0]', 'bool'], () => ops.index(zeros(2), [tensor([true, false])])),
  ],
};

export const indexingOps: readonly OpCase[] = [embedding, indexSelect, takeAlong, take, oneHot, index];
