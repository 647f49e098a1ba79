import * as ops from '../../index.js';
import { DTypeError, ShapeError, tensor, ValueError } from '../../index.js';
import { floats, integers, type OpCase, type OpError, type OpSample, show } from '../op-case.js';

const zeros = (...shape: number[]): ops.Tensor => ops.zeros(shape);
const ids = (...numbers: number[]): ops.Tensor => tensor(Int32Array.from(numbers));
const refuses = (what: string, kind: OpError['kind'], mentions: OpError['mentions'], run: () => unknown): OpError => ({
  what,
  kind,
  mentions,
  run,
});

const embedding: OpCase = {
  name: 'embedding',
  samples: (rng) =>
    [[4], [2, 3], [], [0], [40]].map(
      (shape): OpSample => ({
        what: `ids ${show(shape)}`,
        inputs: [floats(rng, [7, 5]), integers(rng, shape, 0, 6)],
        run: (weight, at) => ops.embedding(weight, at),
      }),
    ),
  errors: [
    refuses('an id too large', ValueError, ['ids', 7, 1], () => ops.embedding(zeros(7, 2), ids(0, 7))),
    refuses('a negative id', ValueError, ['ids', -1, 0], () => ops.embedding(zeros(7, 2), ids(-1))),
    refuses('float ids', DTypeError, ['embedding', 'int32', 'float32'], () => ops.embedding(zeros(7, 2), zeros(2))),
    refuses('a table of one axis', ShapeError, ['embedding', '[7]'], () => ops.embedding(zeros(7), ids(0))),
  ],
};

const indexSelect: OpCase = {
  name: 'indexSelect',
  samples: (rng) => [
    { what: 'rows', inputs: [floats(rng, [5, 3]), integers(rng, [4], 0, 4)], run: (x, at) => ops.indexSelect(x, 0, at) },
    { what: 'columns', inputs: [floats(rng, [3, 5]), integers(rng, [4], 0, 4)], run: (x, at) => ops.indexSelect(x, 1, at) },
    { what: 'an inner axis', inputs: [floats(rng, [2, 4, 3]), integers(rng, [2], 0, 3)], run: (x, at) => ops.indexSelect(x, -2, at) },
    { what: 'nothing', inputs: [floats(rng, [3, 5]), integers(rng, [0], 0, 4)], run: (x, at) => ops.indexSelect(x, 1, at) },
  ],
  errors: [
    refuses('an id too large', ValueError, [3], () => ops.indexSelect(zeros(2, 3), 1, ids(3))),
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
  ],
  errors: [
    refuses('an id too large', ValueError, [], () => ops.takeAlong(zeros(2, 3), ops.reshape(ids(0, 3), [2, 1]))),
    refuses('another rank', ShapeError, ['takeAlong', '[2, 3]', '[2]'], () => ops.takeAlong(zeros(2, 3), ids(0, 1))),
  ],
};

function triangleCase(name: string, op: (x: ops.Tensor, k?: number) => ops.Tensor): OpCase {
  return {
    name,
    samples: (rng) => [
      ...[0, 1, -1, 9, -9].map((k): OpSample => ({ what: `k = ${k}`, inputs: [floats(rng, [4, 5])], run: (x) => op(x, k) })),
      { what: 'matrices', inputs: [floats(rng, [2, 3, 3])], run: (x) => op(x) },
      { what: 'one element', inputs: [floats(rng, [1, 1])], run: (x) => op(x) },
    ],
    errors: [refuses('one axis', ShapeError, ['[3]'], () => op(zeros(3)))],
  };
}

export const indexingOps: readonly OpCase[] = [
  embedding,
  indexSelect,
  takeAlong,
  triangleCase('tril', ops.tril),
  triangleCase('triu', ops.triu),
];
