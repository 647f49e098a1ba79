import * as t from '@multihead/tensor';
import type { Tensor } from '@multihead/tensor';
import { type Call, op, type Outputs, type Table } from './call.js';

/* Gathering, scattering, searching. */

/** Negative indices count from the end, which `takeAlong` and `scatter` do not let them do. */
function fromStart(indices: Tensor, n: number): Tensor {
  return t.where(t.lt(indices, 0), t.add(indices, n), indices);
}

const size = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1);

function gatherElements(c: Call): Tensor {
  const [x, axis] = [c.tensor('x'), c.number('axis', 0)];
  return t.takeAlong(x, fromStart(c.tensor('indices'), x.shape.at(axis)!), axis);
}

/** Tuples of indices in the last axis as one tensor for each axis that they are for. */
function byAxis(indices: Tensor): Tensor[] {
  return t.unbind(indices, -1);
}

/** The axes before `batch_dims` are walked together with those of the indices. */
function gatherNd(c: Call): Tensor {
  const [x, ids, batch] = [c.tensor('x'), byAxis(c.tensor('indices')), c.number('batch_dims', 0)];
  const walks = x.shape.slice(0, batch).map((n, axis) => {
    const walk = t.arange(0, n, 1, { dtype: 'int32', backend: c.backend });
    return t.reshape(walk, ids[0].shape.map((_, i) => (i === axis ? n : 1))); // biome-ignore format: one call
  });
  return t.index(x, [...walks, ...ids]);
}

const reductions = { add: 'sum', mul: 'prod', max: 'amax', min: 'amin' } as const;
type Reduction = 'none' | keyof typeof reductions;

function scatterElements(c: Call): Tensor {
  const [x, axis, updates] = [c.tensor('x'), c.number('axis', 0), c.tensor('updates')];
  const indices = fromStart(c.tensor('indices'), x.shape.at(axis)!);
  const reduction = c.text<Reduction>('reduction', 'none');
  if (reduction === 'none') return t.scatter(x, axis, indices, updates);
  if (reduction === 'add') return t.scatterAdd(x, axis, indices, updates);
  return t.scatterReduce(x, axis, indices, updates, { reduce: reductions[reduction] });
}

function scatterNd(c: Call): Tensor {
  const [x, ids, updates] = [c.tensor('x'), byAxis(c.tensor('indices')), c.tensor('updates')];
  const reduction = c.text<Reduction>('reduction', 'none');
  if (reduction === 'none' || reduction === 'add') return t.indexPut(x, ids, updates, { accumulate: reduction === 'add' });
  // With the indexed axes as one, and the rest as one: row `ids` of as many as the former.
  const [inner, rest] = [x.shape.slice(0, ids.length), size(x.shape.slice(ids.length))];
  const rows = ids.reduce((row, id, axis) => t.add(t.mul(row, inner[axis]), fromStart(id, inner[axis])), t.zerosLike(ids[0]));
  const source = t.reshape(updates, [rows.size, rest]);
  const at = t.broadcastTo(t.reshape(rows, [rows.size, 1]), source.shape);
  return t.reshape(t.scatterReduce(t.reshape(x, [size(inner), rest]), 0, at, source, { reduce: reductions[reduction] }), x.shape);
}

/** The condition may be shorter than the axis: what is beyond it is left out. */
async function compress(c: Call): Promise<Tensor> {
  const x = c.has('axis') ? c.tensor('x') : t.flatten(c.tensor('x'));
  const chosen = await t.nonzero(c.tensor('condition')); // [n, 1]
  return t.indexSelect(x, c.number('axis', 0), t.flatten(chosen));
}

function topK(c: Call): Outputs {
  const { values, indices } = t.topk(c.tensor('x'), c.number('k'), { axis: c.number('axis', -1), largest: c.flag('largest', true) });
  return [values, indices];
}

async function unique(c: Call): Promise<Outputs> {
  const axis = c.has('axis') ? c.number('axis') : undefined;
  const { values, indices, inverse, counts } = await t.unique(c.tensor('x'), { axis, sorted: c.flag('sorted', true) });
  return [values, indices, t.flatten(inverse), counts];
}

export const indexing: Table = {
  Gather: op('x indices', (c) => t.take(c.tensor('x'), c.tensor('indices'), c.number('axis', 0))),
  GatherElements: op('x indices', gatherElements),
  GatherND: op('x indices', gatherNd),
  Scatter: op('x indices updates', scatterElements),
  ScatterElements: op('x indices updates', scatterElements),
  ScatterND: op('x indices updates', scatterNd),
  ArrayFeatureExtractor: op('x indices', (c) => t.indexSelect(c.tensor('x'), -1, c.tensor('indices'))),
  Compress: op('x condition', compress),
  NonZero: op('x', async (c) => t.transpose(await t.nonzero(c.tensor('x')))),
  TopK: op('x k', topK),
  Unique: op('x', unique),
};
