import * as t from '@multihead/tensor';
import type { ReduceOptions, Tensor } from '@multihead/tensor';
import { Skip } from '../suite.js';
import { type Call, op, type Table } from './call.js';

/* Reductions, and running ones. */

/** No axes are all axes, or none with `noop_with_empty_axes`. */
function optionsOf(c: Call): ReduceOptions {
  const axes = c.numbers('axes');
  const axis = axes.length > 0 ? axes : c.flag('noop_with_empty_axes') ? [] : undefined;
  return { axis, keepDims: c.flag('keepdims', true) };
}

const reduction = (fn: (x: Tensor, options: ReduceOptions) => Tensor) => op('x axes', (c) => fn(c.tensor('x'), optionsOf(c)));

type Reduction = (x: Tensor, options: ReduceOptions) => Tensor;

/** The greatest of truths is whether any is true, the least whether all are. */
const extreme = (fn: Reduction, ofTruths: Reduction) =>
  op('x axes', (c) => {
    const [x, options] = [c.tensor('x'), optionsOf(c)];
    if (x.size === 0) throw new Skip('by design: nothing has no extreme: amax and amin throw');
    return (x.dtype === 'bool' ? ofTruths : fn)(x, options);
  });

/** The place of the first extreme, or of the last one, counted from the other end. */
const place = (fn: (x: Tensor, axis: number) => Tensor) =>
  op('x', (c) => {
    const [x, axis] = [c.tensor('x'), c.number('axis', 0)];
    const places = c.flag('select_last_index') ? t.sub(x.shape.at(axis)! - 1, fn(t.flip(x, axis), axis)) : fn(x, axis);
    return c.flag('keepdims', true) ? t.unsqueeze(places, axis < 0 ? axis + x.rank : axis) : places;
  });

const running = (fn: (x: Tensor, axis: number, options: t.CumulativeOptions) => Tensor) =>
  op('x axis', (c) => fn(c.tensor('x'), c.number('axis'), { exclusive: c.flag('exclusive'), reverse: c.flag('reverse') }));

export const reduce: Table = {
  ReduceSum: reduction(t.sum),
  ReduceMean: reduction(t.mean),
  ReduceProd: reduction(t.prod),
  ReduceMax: extreme(t.amax, t.any),
  ReduceMin: extreme(t.amin, t.all),
  ReduceL1: reduction((x, options) => t.norm(x, { ...options, p: 1 })),
  ReduceL2: reduction((x, options) => t.norm(x, options)),
  ReduceLogSum: reduction((x, options) => t.log(t.sum(x, options))),
  ReduceLogSumExp: reduction(t.logsumexp),
  ReduceSumSquare: reduction((x, options) => t.sum(t.square(x), options)),
  ArgMax: place(t.argmax),
  ArgMin: place(t.argmin),
  CumSum: running(t.cumsum),
  CumProd: running(t.cumprod),
};
