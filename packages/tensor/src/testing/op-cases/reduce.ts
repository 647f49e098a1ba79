import * as ops from '../../index.js';
import { ShapeError, tensor } from '../../index.js';
import { booleans, floats, given, integers, type OpCase, type OpSample, show } from '../op-case.js';

export interface Reduction {
  readonly shape: readonly number[];
  readonly options: ops.ReduceOptions;
}

/** All axes, single ones, the first and the last, several apart, negative ones, kept or dropped. */
export const reductions: readonly Reduction[] = [
  { shape: [], options: {} },
  { shape: [1], options: {} },
  { shape: [7], options: { axis: 0 } },
  { shape: [33], options: { keepDims: true } },
  { shape: [3, 5], options: {} },
  { shape: [3, 5], options: { axis: 0 } },
  { shape: [3, 5], options: { axis: 1, keepDims: true } },
  { shape: [3, 5], options: { axis: -1 } },
  { shape: [2, 3, 4], options: { axis: 1 } },
  { shape: [2, 3, 4], options: { axis: [0, 1] } },
  { shape: [2, 3, 4], options: { axis: [0, 2] } },
  { shape: [2, 3, 4], options: { axis: [-1, 0], keepDims: true } },
  { shape: [2, 3, 2, 3], options: { axis: [1, 3] } },
  { shape: [2, 1, 3], options: { axis: 1 } },
  { shape: [1, 1], options: { axis: [0, 1], keepDims: true } },
];

/** Where nothing, or only some axes, are empty. */
export const empty: readonly Reduction[] = [
  { shape: [0, 3], options: { axis: 1 } },
  { shape: [0, 3], options: { axis: 0 } },
  { shape: [2, 0], options: { axis: -1, keepDims: true } },
];

export const say = ({ shape, options }: Reduction): string => `${show(shape)} ${JSON.stringify(options)}`;

type Reduce = (x: ops.Tensor, options: ops.ReduceOptions) => ops.Tensor;

function reduceCase(name: string, op: Reduce, range: readonly [number, number], also: readonly Reduction[] = [], int32 = false): OpCase {
  return {
    name,
    samples: (rng) => [
      ...[...reductions, ...also].map(
        (r): OpSample => ({ what: say(r), inputs: [floats(rng, r.shape, ...range)], run: (x) => op(x, r.options) }),
      ),
      ...(int32 ? [{ what: 'int32', inputs: [integers(rng, [3, 5], -3, 3)], run: (x: ops.Tensor) => op(x, { axis: 0 }) }] : []),
    ],
    errors: [
      {
        what: 'an axis out of range',
        kind: ShapeError,
        mentions: [2, -2],
        run: () =>
          op(
            tensor([
              [1, 2],
              [3, 4],
            ]),
            { axis: 2 },
          ),
      },
      {
        what: 'an axis twice',
        kind: ShapeError,
        mentions: ['twice'],
        run: () =>
          op(
            tensor([
              [1, 2],
              [3, 4],
            ]),
            { axis: [1, -1] },
          ),
      },
    ],
  };
}

const wide = [-2, 2] as const;
/** Products grow with their lengths. */
const nearOne = [0.5, 1.5] as const;

/** Samples of at least two elements along the axes, which a variance with correction 1 needs. */
const several = reductions.filter(({ shape }) => shape.length > 0 && shape.every((n) => n > 1));

const spreads: readonly OpCase[] = [
  {
    name: 'variance',
    samples: (rng) => [
      ...several.map((r): OpSample => ({ what: say(r), inputs: [floats(rng, r.shape)], run: (x) => ops.variance(x, r.options) })),
      { what: 'biased', inputs: [floats(rng, [3, 5])], run: (x) => ops.variance(x, { axis: -1, correction: 0 }) },
      { what: 'of one, biased', inputs: [floats(rng, [3, 1])], run: (x) => ops.variance(x, { axis: -1, correction: 0 }) },
      // (x - mean)² far from 0: as the difference of two sums it would be all rounding error
      {
        what: 'of 100 ± 1',
        inputs: [floats(rng, [2, 40], 99, 101)],
        run: (x) => ops.variance(x, { axis: -1 }),
        values: { rtol: 1e-4 },
        gradients: { atol: 1e-5 },
      },
    ],
  },
  {
    name: 'std',
    samples: (rng) => [
      ...several.map((r): OpSample => ({ what: say(r), inputs: [floats(rng, r.shape)], run: (x) => ops.std(x, r.options) })),
      { what: 'biased', inputs: [floats(rng, [3, 5])], run: (x) => ops.std(x, { axis: -1, correction: 0 }) },
    ],
  },
];

function truthCase(name: string, op: Reduce): OpCase {
  return {
    ...reduceCase(name, op, wide, empty),
    samples: (rng) => [
      ...[...reductions, ...empty].flatMap((r): OpSample[] => [
        { what: `bool ${say(r)}`, inputs: [booleans(rng, r.shape)], run: (x) => op(x, r.options) },
        { what: `int32 ${say(r)}`, inputs: [integers(rng, r.shape, 0, 2)], run: (x) => op(x, r.options) },
      ]),
      { what: 'floats', inputs: [given('float32', [2, 3], [0, -0, 0, 1, Number.NaN, -1e-30])], run: (x) => op(x, { axis: 1 }) },
    ],
  };
}

function extremeCase(name: string, op: Reduce): OpCase {
  const base = reduceCase(name, op, wide, empty.slice(0, 1), true);
  const ties = given('float32', [2, 5], [1, 3, 3, 2, 3, 0, 0, 0, 0, 0]);
  const nan = given('float32', [2, 3], [1, Number.NaN, 3, 1, 2, 3]);
  return {
    ...base,
    samples: (rng) => [
      ...base.samples(rng),
      { what: 'ties', inputs: [ties], run: (x) => op(x, { axis: -1 }), differentiable: false },
      { what: 'NaN', inputs: [nan], run: (x) => op(x, { axis: -1 }), differentiable: false },
    ],
    errors: [
      ...base.errors!,
      { what: 'nothing', kind: ShapeError, mentions: [name, '[2, 0]'], run: () => op(tensor([], { shape: [2, 0] }), { axis: 1 }) },
    ],
  };
}

function argCase(name: string, op: (x: ops.Tensor, axis?: number) => ops.Tensor): OpCase {
  return {
    name,
    samples: (rng) => [
      { what: 'the last axis', inputs: [floats(rng, [3, 5])], run: (x) => op(x) },
      { what: 'the first axis', inputs: [floats(rng, [3, 5])], run: (x) => op(x, 0) },
      { what: 'an inner axis', inputs: [floats(rng, [2, 9, 3])], run: (x) => op(x, -2) },
      { what: 'one element', inputs: [floats(rng, [1])], run: (x) => op(x) },
      { what: 'no rows', inputs: [floats(rng, [0, 3])], run: (x) => op(x) },
      { what: 'ties', inputs: [integers(rng, [4, 9], 0, 2)], run: (x) => op(x) },
      { what: 'NaN', inputs: [given('float32', [2, 3], [1, Number.NaN, 3, 1, 2, 3])], run: (x) => op(x) },
    ],
    errors: [
      { what: 'nothing', kind: ShapeError, mentions: [name, '[2, 0]'], run: () => op(tensor([], { shape: [2, 0] })) },
      { what: 'an axis out of range', kind: ShapeError, mentions: [name, 3], run: () => op(tensor([[1, 2]]), 3) },
    ],
  };
}

function placedCase(name: string, op: (x: ops.Tensor, options?: ops.ExtremeOptions) => ops.ValuesAndIndices): OpCase {
  const both = (found: ops.ValuesAndIndices) => [found.values, found.indices];
  return {
    name,
    samples: (rng) => [
      { what: 'the last axis', inputs: [floats(rng, [3, 5])], run: (x) => both(op(x)) },
      { what: 'the first axis', inputs: [floats(rng, [3, 5])], run: (x) => both(op(x, { axis: 0 })) },
      { what: 'an inner axis, kept', inputs: [floats(rng, [2, 9, 3])], run: (x) => both(op(x, { axis: -2, keepDims: true })) },
      { what: 'one element', inputs: [floats(rng, [1])], run: (x) => both(op(x)) },
      { what: 'no rows', inputs: [floats(rng, [0, 3])], run: (x) => both(op(x)) },
      { what: 'ties of int32', inputs: [integers(rng, [4, 9], 0, 2)], run: (x) => both(op(x)) },
      { what: 'ties', inputs: [given('float32', [2, 4], [1, 3, 3, 1, 0, 0, 0, 0])], run: (x) => both(op(x)), differentiable: false },
      { what: 'NaN', inputs: [given('float32', [2, 3], [1, Number.NaN, 3, 1, 2, 3])], run: (x) => both(op(x)), differentiable: false },
    ],
    errors: [
      { what: 'nothing', kind: ShapeError, mentions: [name, '[2, 0]'], run: () => op(tensor([], { shape: [2, 0] })) },
      { what: 'an axis out of range', kind: ShapeError, mentions: [name, 3], run: () => op(tensor([[1, 2]]), { axis: 3 }) },
    ],
  };
}

const prodOp = reduceCase('prod', ops.prod, nearOne, empty, true);

export const reduceOps: readonly OpCase[] = [
  reduceCase('sum', ops.sum, wide, empty, true),
  reduceCase('mean', ops.mean, wide, empty.slice(0, 1)),
  {
    ...prodOp,
    samples: (rng) => [
      ...prodOp.samples(rng),
      { what: 'one zero', inputs: [given('float32', [2, 3], [2, 0, 3, 1, 2, 3])], run: (x) => ops.prod(x, { axis: 1 }), twice: false },
      { what: 'two zeros', inputs: [given('float32', [2, 3], [2, 0, 0, 1, 0, 3])], run: (x) => ops.prod(x, { axis: 1 }), twice: false },
    ],
  },
  extremeCase('amax', ops.amax),
  extremeCase('amin', ops.amin),
  truthCase('any', ops.any),
  truthCase('all', ops.all),
  ...spreads,
  {
    ...reduceCase('logsumexp', ops.logsumexp, wide, empty.slice(0, 1)),
    samples: (rng) => [
      ...reduceCase('logsumexp', ops.logsumexp, wide, empty.slice(0, 1)).samples(rng),
      { what: 'large', inputs: [given('float32', [3], [1000, 1001, 999])], run: (x) => ops.logsumexp(x), values: { rtol: 1e-6 } },
      {
        what: 'infinities',
        inputs: [given('float32', [3, 2], [-Infinity, -Infinity, Infinity, 1, -Infinity, 0])],
        run: (x) => ops.logsumexp(x, { axis: 1 }),
        differentiable: false,
      },
    ],
  },
  argCase('argmax', ops.argmax),
  argCase('argmin', ops.argmin),
  placedCase('max', ops.max),
  placedCase('min', ops.min),
];
