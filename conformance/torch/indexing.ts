import * as t from '@multihead/tensor';
import type { Tensor } from '@multihead/tensor';
import { type Argument, type Call, op, type SliceTag, type Table } from './call.js';
import { asList } from './shape.js';

/* Elements by their places or by a mask, elements in order, what there is and how often. */

/** A function along an axis of a list, and of a scalar as of a list of one. */
const alongAxis = (run: (c: Call, x: Tensor, dim: number) => Tensor | readonly Tensor[]) => (c: Call) => {
  const x = c.tensor('x');
  const results = [run(c, asList(x), c.number('dim', -1))].flat() as Tensor[];
  return x.rank === 0 ? results.map((y) => t.reshape(y, [])) : results;
};

/** The indices decide whether the result is a scalar. */
function gather(c: Call): Tensor {
  const [x, index] = [asList(c.tensor('x')), c.tensor('index')];
  return t.reshape(t.takeAlong(x, index.size === 0 ? index : asList(index), c.number('dim')), index.shape);
}

/** What is written: a tensor, or one number for all places. */
function source(c: Call, name: string): Tensor | number {
  const value = c.operand(name) ?? c.operand('value');
  return typeof value === 'number' ? value : asList(value);
}

/** A mask as the ids of the places where it is true, one tensor for each of its axes. */
async function idsOf(mask: Tensor): Promise<Tensor[]> {
  return t.unbind(await t.nonzero(mask), 1);
}

const isTensor = (item: Argument): item is Tensor => item instanceof t.Tensor;
const isList = (item: Argument): item is readonly Argument[] => Array.isArray(item);
const tagged = (item: Argument, tag: string) => typeof item === 'object' && item !== null && tag in item;

/**
 * x[i, a:b, ..., None, [p, q], mask]. A list of numbers alone is one index, [p, q]; other lists are several indices. Views are taken
 * first, as PyTorch does; then all lists and tensors index together.
 */
async function getItem(c: Call): Promise<Tensor> {
  const index = c.get('index');
  const items = isList(index) && !index.every((item) => typeof item === 'number') ? index : [index];
  let x = c.tensor('x');
  const ids: (Tensor | null)[] = [];
  for (const item of items) {
    const axis = ids.length;
    if (typeof item === 'number') x = t.select(x, axis, item);
    else if (item === null) {
      x = t.unsqueeze(x, axis);
      ids.push(null);
    } else if (tagged(item, '$slice')) {
      const [start, end, step] = (item as SliceTag).$slice;
      x = t.slice(x, axis, start ?? undefined, end ?? undefined, step ?? undefined);
      ids.push(null);
    } else if (tagged(item, '$ellipsis')) {
      while (ids.length < x.rank - axesOf(items.slice(items.indexOf(item) + 1))) ids.push(null);
    } else {
      const at = isTensor(item) ? item : t.tensor(item as number[], { dtype: hasTruth(item) ? 'bool' : 'int32', backend: c.backend });
      ids.push(...(at.dtype === 'bool' ? await idsOf(at) : [at]));
    }
  }
  return ids.some((at) => at !== null) ? t.index(x, ids) : x;
}

/** The axes of `x` that are still to be indexed. */
function axesOf(items: readonly Argument[]): number {
  return items.reduce<number>((n, item) => n + (item === null ? 0 : isTensor(item) && item.dtype === 'bool' ? item.rank : 1), 0);
}

function hasTruth(item: Argument): boolean {
  return isList(item) ? item.some(hasTruth) : typeof item === 'boolean';
}

async function indexPut(c: Call): Promise<Tensor> {
  const ids: (Tensor | null)[] = [];
  for (const item of c.get('indices') as readonly (Tensor | null)[]) ids.push(...(item?.dtype === 'bool' ? await idsOf(item) : [item]));
  return t.indexPut(c.tensor('x'), ids, c.tensor('values'), { accumulate: c.flag('accumulate') });
}

async function nonzero(c: Call): Promise<Tensor | Tensor[]> {
  const x = c.tensor('x');
  if (!c.flag('as_tuple')) return t.nonzero(x);
  return idsOf(asList(x));
}

/** PyTorch sorts even where it need not. */
async function unique(c: Call): Promise<Tensor[]> {
  const { values, inverse, counts } = await t.unique(c.tensor('x'), { axis: c.get('dim') === null ? undefined : c.number('dim') });
  return [values, ...(c.flag('return_inverse') ? [inverse] : []), ...(c.flag('return_counts') ? [counts] : [])];
}

/** Weights are floats in PyTorch. */
function bincount(c: Call): Promise<Tensor> {
  const weights = c.optional('weights');
  return t.bincount(c.tensor('x'), {
    weights: weights ? t.cast(weights, weights.dtype === 'float64' ? 'float64' : 'float32') : undefined,
    minLength: c.number('minlength', 0),
  });
}

export const indexing: Table = {
  gather: op('x dim index', gather),
  scatter: op(
    'x dim index src value',
    alongAxis((c, x, dim) => t.scatter(x, dim, asList(c.tensor('index')), source(c, 'src'))),
  ),
  scatter_add: op(
    'x dim index src',
    alongAxis((c, x, dim) => t.scatterAdd(x, dim, asList(c.tensor('index')), asList(c.tensor('src')))),
  ),
  index_select: op(
    'x dim index',
    alongAxis((c, x, dim) => t.indexSelect(x, dim, asList(c.tensor('index')))),
  ),
  index_add: op(
    'x dim index source alpha',
    alongAxis((c, x, dim) => t.indexAdd(x, dim, asList(c.tensor('index')), asList(c.tensor('source')), { alpha: c.number('alpha', 1) })),
  ),
  index_put: op('x indices values accumulate', indexPut),
  __getitem__: op('x index', getItem),
  masked_select: op('x mask', (c) => t.maskedSelect(c.tensor('x'), c.tensor('mask'))),
  nonzero: op('x as_tuple', nonzero),

  sort: op(
    'x dim descending stable',
    alongAxis((c, x, axis) => {
      const { values, indices } = t.sort(x, { axis, descending: c.flag('descending') });
      return [values, indices];
    }),
  ),
  topk: op(
    'x k dim largest sorted',
    alongAxis((c, x, axis) => {
      const { values, indices } = t.topk(x, c.number('k'), { axis, largest: c.flag('largest', true) });
      return [values, indices];
    }),
  ),
  unique: op('x sorted return_inverse return_counts dim', unique),
  bincount: op('x weights minlength', bincount),
};
