import { broadcastView } from '../autograd.js';
import { DTypeError, ShapeError, ValueError } from '../errors.js';
import { show } from '../shape.js';
import { checkTensor, commonBackend, type Tensor } from '../tensor.js';
import { gatherAt } from './indexing.js';
import { checkIds, rowsAt } from './places.js';
import { addRows, putRows, repeated } from './rows.js';
import { permute, reshape } from './view.js';

/*
 * Several axes indexed at once, NumPy's advanced indexing. Slices, single indices and new axes are views (`slice`, `select`, `unsqueeze`)
 * and come before it; a mask becomes ids by `nonzero`, whose shape depends on the mask.
 */

/** The axes that have ids, which lie side by side from `first` on once `order` has been applied. */
interface Plan {
  readonly ids: readonly Tensor[];
  readonly names: readonly string[];
  readonly first: number;
  /** The axes of `x`, those with ids in front; null where they are neighbours already. */
  readonly order: readonly number[] | null;
}

function planned(op: string, x: Tensor, at: readonly (Tensor | null)[]): Plan {
  checkTensor(op, 'x', x);
  if (at.length > x.rank) throw new ShapeError(`${op}: ids: expected at most ${x.rank} for x ${show(x.shape)}, got ${at.length}`);
  const axes = at.flatMap((ids, axis) => (ids === null ? [] : [axis]));
  const names = axes.map((axis) => `ids[${axis}]`);
  const ids = axes.map((axis) => at[axis]!);
  if (ids.length === 0) throw new ValueError(`${op}: ids: expected at least one tensor, got none`);
  for (const [i, t] of ids.entries()) checkIds(op, names[i]!, t);
  commonBackend(op, { x, ...Object.fromEntries(ids.map((t, i) => [names[i]!, t])) });
  const first = axes[0]!;
  if (axes.at(-1)! - first === axes.length - 1) return { ids, names, first, order: null };
  return { ids, names, first: 0, order: [...axes, ...[...x.shape.keys()].filter((axis) => !axes.includes(axis))] };
}

/**
 * The elements of `x` at the positions that the ids of several axes name together.
 *
 * y[i, ...] = x[ids₀[i], ids₁[i], ...]: one int32 tensor for each of the first axes, null for an axis that stays whole. The ids broadcast to
 * one shape [I, …], which stands where the indexed axes stood if these are neighbours, else in front: x [A, B, C] with ids [null, i, j] gives
 * [A, I, …], with [i, null, j] it gives [I, …, B]. Negative ids count from the end. `x` is of any dtype.
 * Throws a DTypeError for ids of another type, a ShapeError for more ids than axes or shapes that do not broadcast, a ValueError for no ids
 * or an id out of range.
 * Source: NumPy, "Advanced indexing".
 *
 * @example
 * index(tensor([[0, 1], [2, 3]]), [tensor(Int32Array.of(0, 1)), tensor(Int32Array.of(1, -2))]); // [1, 2]
 * index(tensor([[0, 1], [2, 3]]), [null, tensor(Int32Array.of(1, 1, 0))]); // [[1, 1, 0], [3, 3, 2]]
 */
export function index(x: Tensor, ids: readonly (Tensor | null)[]): Tensor {
  const plan = planned('index', x, ids);
  return gatherAt('index', plan.order ? permute(x, plan.order) : x, plan.first, plan.ids, plan.names, true);
}

/**
 * A copy of `x` with `values` at the positions that the ids of several axes name together.
 *
 * y[ids₀[i], ids₁[i], ...] = values[i, ...], else y = x; `values` is a number or broadcasts to the shape of `index(x, ids)`. With `accumulate`
 * values are added to what is there, each as often as its place is named; without it the last one wins where a place is named twice, and it
 * alone has a gradient. `x` is of any dtype (with `accumulate` a float type or int32), `values` of the same.
 * Throws as `index`, a DTypeError for values of another type, a ShapeError for values that do not broadcast.
 * Source: torch.index_put.
 *
 * @example
 * indexPut(tensor([[0, 1], [2, 3]]), [tensor(Int32Array.of(0, 1)), tensor(Int32Array.of(1, 0))], tensor([8, 9])); // [[0, 8], [9, 3]]
 * indexPut(tensor([1, 1]), [tensor(Int32Array.of(0, 0))], 2, { accumulate: true }); // [5, 1]
 */
export function indexPut(
  x: Tensor,
  ids: readonly (Tensor | null)[],
  values: Tensor | number,
  options: { accumulate?: boolean } = {},
): Tensor {
  const op = 'indexPut';
  const plan = planned(op, x, ids);
  commonBackend(op, { x, values: typeof values === 'number' ? null : values });
  const given = typeof values === 'number' ? repeated(op, 'values', values, x, []) : values;
  if (given.dtype !== x.dtype) throw new DTypeError(`${op}: values: expected ${x.dtype} as x, got ${given.dtype}`);
  const base = plan.order ? permute(x, plan.order) : x;
  const at = rowsAt(op, base.shape, plan.first, plan.ids, plan.names, true);
  const source = reshape(broadcastView(op, given, at.shape), [...at.ids.shape, at.rows[1]!]);
  const update = options.accumulate ? addRows : putRows;
  const y = reshape(update(op, reshape(base, at.rows), at.ids, source), base.shape);
  const { order } = plan;
  return order ? permute(y, order.map((_, axis) => order.indexOf(axis))) : y; // biome-ignore format: one call
}
