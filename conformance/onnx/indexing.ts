import * as t from '@multihead/tensor';
import type { Tensor } from '@multihead/tensor';
import { type Call, op, type Table } from './call.js';

/* Gathering. */

/** Negative indices count from the end; ours must not be negative. */
function fromStart(indices: Tensor, n: number): Tensor {
  return t.where(t.lt(indices, 0), t.add(indices, n), indices);
}

const size = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1);

function gather(c: Call): Tensor {
  const [x, indices, axis] = [c.tensor('x'), c.tensor('indices'), c.number('axis', 0)];
  const at = axis < 0 ? axis + x.rank : axis;
  const picked = t.indexSelect(x, at, t.reshape(fromStart(indices, x.shape[at]), [indices.size]));
  return t.reshape(picked, [...x.shape.slice(0, at), ...indices.shape, ...x.shape.slice(at + 1)]);
}

function gatherElements(c: Call): Tensor {
  const [x, axis] = [c.tensor('x'), c.number('axis', 0)];
  return t.takeAlong(x, fromStart(c.tensor('indices'), x.shape.at(axis)!), axis);
}

/** Tuples of indices in the last axis, into axes of the lengths `shape`, as places in those axes taken as one. */
function places(indices: Tensor, shape: readonly number[], backend: t.Backend): Tensor {
  const lengths = t.tensor(Int32Array.from(shape), { backend });
  const strides = t.tensor(Int32Array.from(shape, (_, i) => size(shape.slice(i + 1))), { backend }); // biome-ignore format: one call
  const positive = t.where(t.lt(indices, 0), t.add(indices, lengths), indices);
  return t.sum(t.mul(positive, strides), { axis: -1 });
}

function gatherNd(c: Call): Tensor {
  const [x, indices, batch] = [c.tensor('x'), c.tensor('indices'), c.number('batch_dims', 0)];
  const [lead, depth] = [x.shape.slice(0, batch), indices.shape.at(-1)!];
  const [inner, rest] = [x.shape.slice(batch, batch + depth), x.shape.slice(batch + depth)];
  const own = t.reshape(places(indices, inner, c.backend), [size(lead), -1]); // [batch, indices]
  const starts = t.mul(t.arange(0, size(lead), 1, { dtype: 'int32', backend: c.backend }), size(inner));
  const rows = t.reshape(t.add(own, t.unsqueeze(starts, 1)), [-1]);
  const picked = t.indexSelect(t.reshape(x, [size(lead) * size(inner), ...rest]), 0, rows);
  return t.reshape(picked, [...indices.shape.slice(0, -1), ...rest]);
}

export const indexing: Table = {
  Gather: op('x indices', gather),
  GatherElements: op('x indices', gatherElements),
  GatherND: op('x indices', gatherNd),
  ArrayFeatureExtractor: op('x indices', (c) => t.indexSelect(c.tensor('x'), -1, c.tensor('indices'))),
};
