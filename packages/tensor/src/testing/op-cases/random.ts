import * as ops from '../../index.js';
import { DTypeError, Rng, ShapeError, tensor, ValueError } from '../../index.js';
import { floats, type OpCase, type OpError, type OpSample, show } from '../op-case.js';

const zeros = (...shape: number[]): ops.Tensor => ops.zeros(shape);
const refuses = (what: string, kind: OpError['kind'], mentions: OpError['mentions'], run: () => unknown): OpError => ({
  what,
  kind,
  mentions,
  run,
});
const shapes: readonly (readonly number[])[] = [[], [1], [0], [7], [3, 5], [2, 3, 4], [2, 0]];
const rng = () => new Rng(7);

/** The same numbers on every backend: the reference draws float64s from the same words. */
function drawCase(name: string, draw: (shape: readonly number[], rng: Rng) => ops.Tensor, errors: OpError[] = []): OpCase {
  return {
    name,
    samples: () => shapes.map((shape): OpSample => ({ what: show(shape), inputs: [], run: () => draw(shape, rng()) })),
    errors: [refuses('a negative length', ShapeError, [name, '[2, -1]'], () => draw([2, -1], rng())), ...errors],
  };
}

const floatsOnly = (name: string, draw: (shape: readonly number[], options: ops.RandomOptions) => ops.Tensor) =>
  refuses('int32', DTypeError, [name, 'int32'], () => draw([2], { rng: rng(), dtype: 'int32' }));

const dropout: OpCase = {
  name: 'dropout',
  samples: (rng) => [
    ...shapes.map((shape): OpSample => ({ what: show(shape), inputs: [floats(rng, shape)], run: (x) => ops.dropout(x, 0.4, new Rng(3)) })),
    { what: 'without rng', inputs: [floats(rng, [3, 5])], run: (x) => ops.dropout(x, 0.4) },
    { what: 'p = 0', inputs: [floats(rng, [3, 5])], run: (x) => ops.dropout(x, 0, new Rng(3)) },
    { what: 'p = 1', inputs: [floats(rng, [3, 5])], run: (x) => ops.dropout(x, 1, new Rng(3)) },
  ],
  errors: [refuses('p out of range', ValueError, ['dropout', 1.5], () => ops.dropout(zeros(2), 1.5, new Rng(0)))],
};

const bernoulli: OpCase = {
  ...drawCase('bernoulli', (shape, rng) => ops.bernoulli(shape, 0.3, { rng })),
  samples: (stream) => [
    ...shapes.map((shape): OpSample => ({ what: show(shape), inputs: [], run: () => ops.bernoulli(shape, 0.3, { rng: rng() }) })),
    { what: 'a tensor of p', inputs: [floats(stream, [5], 0, 1)], run: (p) => ops.bernoulli([3, 5], p, { rng: rng() }) },
  ],
  errors: [
    refuses('p out of range', ValueError, ['bernoulli', 1.5], () => ops.bernoulli([2], 1.5, { rng: rng() })),
    refuses('p that does not fit', ShapeError, ['bernoulli', '[2]', '[3, 2]'], () => ops.bernoulli([2], zeros(3, 2), { rng: rng() })),
    refuses('int32', DTypeError, ['bernoulli', 'int32'], () => ops.bernoulli([1], tensor(Int32Array.of(1)), { rng: rng() })),
  ],
};

const categorical: OpCase = {
  name: 'categorical',
  samples: (stream) => [
    ...[[4], [3, 5], [2, 3, 33], [0, 3], [2, 1]].flatMap((shape): OpSample[] => [
      { what: show(shape), inputs: [floats(stream, shape, 0, 1)], run: (p) => ops.categorical(p, { rng: rng() }) },
      {
        what: `${show(shape)}, 6 of each`,
        inputs: [floats(stream, shape, 0, 1)],
        run: (p) => ops.categorical(p, { rng: rng(), samples: 6 }),
      },
    ]),
  ],
  errors: [
    refuses('no classes', ShapeError, ['categorical', '[2, 0]'], () => ops.categorical(zeros(2, 0), { rng: rng() })),
    refuses('a scalar', ShapeError, ['categorical'], () => ops.categorical(zeros(), { rng: rng() })),
    refuses('half a sample', ValueError, ['categorical', 0.5], () => ops.categorical(zeros(2), { rng: rng(), samples: 0.5 })),
    refuses('int32', DTypeError, ['categorical', 'int32'], () => ops.categorical(tensor(Int32Array.of(1)), { rng: rng() })),
  ],
};

const permutation: OpCase = {
  name: 'permutation',
  samples: () => [0, 1, 7].map((n): OpSample => ({ what: String(n), inputs: [], run: () => ops.permutation(n, { rng: rng() }) })),
  errors: [refuses('a negative length', ShapeError, ['permutation', -1], () => ops.permutation(-1, { rng: rng() }))],
};

export const randomOps: readonly OpCase[] = [
  drawCase('rand', (shape, rng) => ops.rand(shape, { rng }), [floatsOnly('rand', ops.rand)]),
  drawCase('randn', (shape, rng) => ops.randn(shape, { rng }), [floatsOnly('randn', ops.randn)]),
  drawCase('uniform', (shape, rng) => ops.uniform(shape, { low: -3, high: 2, rng }), [
    floatsOnly('uniform', ops.uniform),
    refuses('crossing bounds', ValueError, ['uniform', 2, 1], () => ops.uniform([1], { low: 2, high: 1, rng: rng() })),
  ]),
  drawCase('normal', (shape, rng) => ops.normal(shape, { mean: 3, std: 0.5, rng }), [
    floatsOnly('normal', ops.normal),
    refuses('a negative std', ValueError, ['normal', -1], () => ops.normal([1], { std: -1, rng: rng() })),
  ]),
  drawCase('truncatedNormal', (shape, rng) => ops.truncatedNormal(shape, { mean: 1, std: 2, low: 0, high: 2, rng }), [
    floatsOnly('truncatedNormal', ops.truncatedNormal),
    refuses('crossing bounds', ValueError, ['truncatedNormal', 2, 1], () => ops.truncatedNormal([1], { low: 2, high: 1, rng: rng() })),
    refuses('std 0', ValueError, ['truncatedNormal', 'std', 0], () => ops.truncatedNormal([1], { std: 0, rng: rng() })),
  ]),
  bernoulli,
  categorical,
  permutation,
  dropout,
];
