import * as t from '@multihead/tensor';
import type { Tensor } from '@multihead/tensor';
import { notBuilt, Skip } from '../suite.js';
import { type Argument, type Call, op, type SliceTag, type Table } from './call.js';

/* Views and pieces, indices. */

/** `source` axes go to `destination`, the others keep their order. Axes that are wrong are handed on, for permute to refuse. */
function movedim(c: Call): Tensor {
  const x = c.tensor('x');
  const wrap = (axis: number) => (axis < 0 && axis >= -x.rank ? axis + x.rank : axis);
  const moves = c.numbers('destination').map((to, i) => ({ to: wrap(to), from: wrap(c.numbers('source')[i]) }));
  const rest = [...x.shape.keys()].filter((axis) => !moves.some(({ from }) => from === axis));
  const order = [...x.shape.keys()].flatMap((place) => {
    const here = moves.filter(({ to }) => to === place).map(({ from }) => from);
    return here.length > 0 ? here : (rest.shift() ?? x.rank);
  });
  return t.permute(x, order);
}

function unflatten(c: Call): Tensor {
  const x = c.tensor('x');
  const axis = c.number('dim') < 0 ? c.number('dim') + x.rank : c.number('dim');
  return t.reshape(x, [...x.shape.slice(0, axis), ...c.numbers('sizes'), ...x.shape.slice(axis + 1)]);
}

function narrow(c: Call): Tensor {
  const start = c.operand('start');
  const from = typeof start === 'number' ? start : start.rank === 0 && start.dtype === 'int32' ? start.dataSync()[0] : Number.NaN;
  const x = c.tensor('x');
  // A negative start whose piece ends at the end: slice would take an end of 0 for the beginning.
  const end = from < 0 && from + c.number('length') === 0 ? undefined : from + c.number('length');
  return t.slice(x, c.number('dim'), from, end);
}

function squeeze(c: Call): Tensor {
  const [x, dim] = [c.tensor('x'), c.get('dim')];
  return x.rank === 0 ? t.reshape(x, []) : t.squeeze(x, (dim ?? undefined) as number | number[] | undefined);
}

function unbind(c: Call): Tensor[] {
  const axis = c.number('dim', 0);
  return t.split(c.tensor('x'), 1, axis).map((piece) => t.squeeze(piece, axis));
}

/** A scalar as a list of one. */
const asList = (x: Tensor) => (x.rank === 0 ? t.reshape(x, [1]) : x);

function gather(c: Call): Tensor {
  const [x, index] = [c.tensor('x'), c.tensor('index')];
  if (index.size === 0 && asList(index).rank !== asList(x).rank)
    throw new Skip('by design: takeAlong wants indices of the rank of x, even if there are none');
  return t.reshape(t.takeAlong(asList(x), asList(index), c.number('dim')), index.shape);
}

function indexSelect(c: Call): Tensor {
  const x = c.tensor('x');
  const rows = t.indexSelect(asList(x), c.number('dim'), asList(c.tensor('index')));
  return x.rank === 0 ? t.reshape(rows, []) : rows;
}

/** x[i, a:b, [p, q]]: integers, slices, and at most one list. */
function getItem(c: Call): Tensor {
  const index = c.get('index');
  const items: readonly Argument[] = Array.isArray(index) ? index : [index];
  if (items.filter(isList).length > 1) throw notBuilt('__getitem__ with several lists');
  let x = c.tensor('x');
  let axis = 0;
  for (const item of items) {
    if (typeof item === 'number') x = t.select(x, axis, item);
    else if (isList(item)) x = t.indexSelect(x, axis++, t.tensor(Int32Array.from(item as number[]), { backend: c.backend }));
    else if (isSlice(item)) x = sliced(x, axis++, item.$slice);
    else throw notBuilt('__getitem__ with masks, tensors, new axes or an ellipsis');
  }
  return x;
}

const isList = (item: Argument): item is readonly Argument[] => Array.isArray(item);
const isSlice = (item: Argument): item is SliceTag => typeof item === 'object' && item !== null && '$slice' in item;

function sliced(x: Tensor, axis: number, [start, end, step]: readonly (number | null)[]): Tensor {
  if (step !== null && step !== 1) throw notBuilt('__getitem__ with a step');
  return t.slice(x, axis, start ?? 0, end ?? undefined);
}

export const shape: Table = {
  reshape: op('x shape', (c) => t.reshape(c.tensor('x'), c.numbers('shape'))),
  view: op('x shape', (c) => t.reshape(c.tensor('x'), c.numbers('shape'))),
  flatten: op('x start_dim end_dim', (c) => t.flatten(c.tensor('x'), c.number('start_dim', 0), c.number('end_dim', -1))),
  unflatten: op('x dim sizes', unflatten),
  permute: op('x dims', (c) => t.permute(c.tensor('x'), c.numbers('dims'))),
  transpose: op('x dim0 dim1', (c) => t.transpose(c.tensor('x'), c.number('dim0'), c.number('dim1'))),
  swapaxes: op('x dim0 dim1', (c) => t.transpose(c.tensor('x'), c.number('dim0'), c.number('dim1'))),
  movedim: op('x source destination', movedim),
  squeeze: op('x dim', squeeze),
  'squeeze.multiple': op('x dim', squeeze),
  unsqueeze: op('x dim', (c) => t.unsqueeze(c.tensor('x'), c.number('dim'))),
  atleast_1d: op('x', (c) => asList(c.tensor('x'))),
  atleast_2d: op('x', (c) => (c.tensor('x').rank > 1 ? c.tensor('x') : t.unsqueeze(asList(c.tensor('x')), 0))),
  expand: op('x shape', (c) => t.expand(c.tensor('x'), c.numbers('shape'))),
  broadcast_to: op('x shape', (c) => t.broadcastTo(c.tensor('x'), c.numbers('shape'))),
  narrow: op('x dim start length', narrow),
  split: op('x size dim', (c) => t.split(c.tensor('x'), c.get('size') as number | number[], c.number('dim', 0))),
  split_with_sizes: op('x sizes dim', (c) => t.split(c.tensor('x'), c.numbers('sizes'), c.number('dim', 0))),
  chunk: op('x chunks dim', (c) => t.chunk(c.tensor('x'), c.number('chunks'), c.number('dim', 0))),
  unbind: op('x dim', unbind),
  cat: op('*tensors dim', (c) => t.concat(c.tensors('tensors'), c.number('dim', 0))),
  stack: op('*tensors dim', (c) => t.stack(c.tensors('tensors'), c.number('dim', 0))),
  tril: op('x diagonal', (c) => t.tril(c.tensor('x'), c.number('diagonal', 0))),
  triu: op('x diagonal', (c) => t.triu(c.tensor('x'), c.number('diagonal', 0))),

  gather: op('x dim index', gather),
  index_select: op('x dim index', indexSelect),
  __getitem__: op('x index', getItem),
};
