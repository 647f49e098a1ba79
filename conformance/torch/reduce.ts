import * as t from '@multihead/tensor';
import type { ReduceOptions, Tensor } from '@multihead/tensor';
import { notBuilt } from '../suite.js';
import { type Call, op, type Table } from './call.js';

/* Reductions, and softmax with its kin. */

/**
 * The tensor and the axes of a reduction. No axes, or an empty list of them, are all axes in PyTorch, and it lets a scalar be reduced
 * over axis 0 or -1.
 */
export function reductionOf(c: Call): { x: Tensor; options: ReduceOptions } {
  const [given, dim, dtype] = [c.tensor('x'), c.get('dim'), c.dtype()];
  const x = dtype ? t.cast(given, dtype) : given;
  const none = dim === null || (Array.isArray(dim) && dim.length === 0) || scalarAxis(x, dim);
  return { x, options: { axis: none ? undefined : (dim as number | number[]), keepDims: c.flag('keepdim') } };
}

/** True for the axes that PyTorch lets a scalar have. */
function scalarAxis(x: Tensor, dim: unknown): boolean {
  return x.rank === 0 && [dim].flat().every((axis) => axis === 0 || axis === -1);
}

const reduction = (fn: (x: Tensor, options: ReduceOptions) => Tensor) =>
  op('x dim keepdim dtype', (c) => {
    const { x, options } = reductionOf(c);
    return fn(x, options);
  });

const spread = (fn: (x: Tensor, options: ReduceOptions & { correction: number }) => Tensor | Tensor[]) =>
  op('x dim unbiased keepdim correction', (c) => {
    const { x, options } = reductionOf(c);
    return fn(x, { ...options, correction: c.get('unbiased') === false ? 0 : c.number('correction', 1) });
  });

/** PyTorch without `dim` looks at all elements in a row. */
const place = (fn: (x: Tensor, axis: number) => Tensor) =>
  op('x dim keepdim', (c) => {
    const { x, options } = reductionOf(c);
    const kept = options.keepDims ? x.shape.map((n, i) => (options.axis === undefined || i === at(x, options.axis) ? 1 : n)) : null;
    const found = options.axis === undefined ? fn(t.reshape(x, [x.size]), 0) : fn(x, options.axis as number);
    return kept ? t.reshape(found, kept) : found;
  });

/** A scalar as a list of one, and what becomes of it as a scalar again. */
function asList(x: Tensor, run: (rows: Tensor) => Tensor[]): Tensor[] {
  if (x.rank > 0) return run(x);
  return run(t.reshape(x, [1])).map((y) => t.reshape(y, []));
}

const both = ({ values, indices }: t.ValuesAndIndices): Tensor[] => [values, indices];

/** torch.max with an axis; without one it is amax. */
const extremeWithPlace = (fn: (x: Tensor, options: t.ExtremeOptions) => t.ValuesAndIndices, whole: (x: Tensor) => Tensor) =>
  op('x dim keepdim', (c) => {
    const { options } = reductionOf(c);
    if (c.get('dim') === null) return whole(c.tensor('x'));
    return asList(c.tensor('x'), (x) => both(fn(x, { axis: c.number('dim'), keepDims: options.keepDims })));
  });

/** Running results, one output or several. */
const running = (fn: (x: Tensor, axis: number) => Tensor[]) =>
  op('x dim dtype', (c) => asList(reductionOf(c).x, (x) => fn(x, c.number('dim'))));

/** With the p-norms that have names. */
function norm(c: Call, order: string): Tensor {
  const { x, options } = reductionOf(c);
  const given = c.get(order) ?? 2;
  if (given === 'nuc') throw notBuilt('the nuclear norm');
  return t.norm(x, { ...options, p: given === 'fro' ? 2 : (given as number) });
}

function at(x: Tensor, axis: unknown): number {
  return Number(axis) < 0 ? Number(axis) + x.rank : Number(axis);
}

const alongAxis = (fn: (x: Tensor, axis: number) => Tensor) =>
  op('x dim dtype', (c) => {
    const { x } = reductionOf(c);
    return fn(x, c.number('dim', -1));
  });

export const reduce: Table = {
  sum: reduction(t.sum),
  mean: reduction(t.mean),
  prod: reduction(t.prod),
  amax: reduction(t.amax),
  amin: reduction(t.amin),
  logsumexp: reduction(t.logsumexp),
  var: spread(t.variance),
  std: spread(t.std),
  var_mean: spread((x, options) => [t.variance(x, options), t.mean(x, options)]),
  std_mean: spread((x, options) => [t.std(x, options), t.mean(x, options)]),
  argmax: place(t.argmax),
  argmin: place(t.argmin),
  any: reduction(t.any),
  all: reduction(t.all),
  max: extremeWithPlace(t.max, t.amax),
  min: extremeWithPlace(t.min, t.amin),
  'max.reduction_with_dim': extremeWithPlace(t.max, t.amax),
  'min.reduction_with_dim': extremeWithPlace(t.min, t.amin),
  'max.reduction_no_dim': reduction(t.amax),
  'min.reduction_no_dim': reduction(t.amin),
  cumsum: running((x, axis) => [t.cumsum(x, axis)]),
  cumprod: running((x, axis) => [t.cumprod(x, axis)]),
  cummax: running((x, axis) => both(t.cummax(x, axis))),
  cummin: running((x, axis) => both(t.cummin(x, axis))),
  logcumsumexp: running((x, axis) => [t.logcumsumexp(x, axis)]),
  norm: op('x p dim keepdim dtype', (c) => norm(c, 'p')),
  'norm.fro': op('x p dim keepdim dtype', (c) => norm(c, 'p')),
  'norm.inf': op('x p dim keepdim dtype', (c) => norm(c, 'p')),
  'linalg.vector_norm': op('x ord dim keepdim dtype', (c) => norm(c, 'ord')),
  softmax: alongAxis(t.softmax),
  'softmax.with_dtype': alongAxis(t.softmax),
  log_softmax: alongAxis(t.logSoftmax),
  'log_softmax.with_dtype': alongAxis(t.logSoftmax),
};
