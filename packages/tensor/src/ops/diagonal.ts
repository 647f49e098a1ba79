import { ShapeError } from '../errors.js';
import { normalizeAxis, show } from '../shape.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { sub } from './arithmetic.js';
import { ge, le, where } from './compare.js';
import { arange } from './create.js';
import { embed, type Place, placedView } from './placed-view.js';
import { sum } from './reduce.js';
import { reshape } from './view.js';

/* Diagonals, and what is above or below them. Diagonal k of a matrix has the elements whose column is their row + k. */

export interface DiagonalOptions {
  /** Which diagonal: above the main one if positive, below it if negative. */
  offset?: number;
  /** The axis of rows. */
  axis1?: number;
  /** The axis of columns. */
  axis2?: number;
}

/**
 * Diagonal `offset` of the matrices that `axis1` and `axis2` span, by default the first two axes, as a new last axis. A view.
 *
 * y[..., i] = x[i, i + k, ...] for k ≥ 0, x[i - k, i, ...] below: [M, N, ...] to [..., n], where n is what lies within the matrix. Any
 * dtype. Throws a ShapeError for an axis that is out of range, or one axis named twice.
 * Source: torch.diagonal, numpy.diagonal.
 *
 * @example
 * diagonal(tensor([[0, 1, 2], [3, 4, 5]])); // [0, 4]
 * diagonal(tensor([[0, 1, 2], [3, 4, 5]]), { offset: 1 }); // [1, 5]
 */
export function diagonal(x: Tensor, options: DiagonalOptions = {}): Tensor {
  checkTensor('diagonal', 'x', x);
  const { offset = 0, axis1 = 0, axis2 = 1 } = options;
  const [row, column] = [normalizeAxis('diagonal', axis1, x.rank), normalizeAxis('diagonal', axis2, x.rank)];
  if (row === column) throw new ShapeError(`diagonal: axis2: expected another axis of ${show(x.shape)} than axis1, got ${axis2} twice`);
  checkOffset('diagonal', offset);
  const others = [...x.shape.keys()].filter((axis) => axis !== row && axis !== column);
  const n = Math.max(0, Math.min(x.shape[row]! + Math.min(0, offset), x.shape[column]! - Math.max(0, offset)));
  const shape = [...others.map((axis) => x.shape[axis]!), n];
  return placedView('diagonal', x, shape, (strides) => ({
    offset: offset < 0 ? -offset * strides[row]! : offset * strides[column]!,
    strides: [...others.map((axis) => strides[axis]!), strides[row]! + strides[column]!],
  }));
}

function checkOffset(op: string, offset: number): void {
  if (!Number.isInteger(offset)) throw new ShapeError(`${op}: offset: expected an integer, got ${offset}`);
}

/**
 * The square matrix with the elements of a vector on diagonal `offset` and 0 elsewhere; of a matrix, that diagonal, as a view.
 *
 * [N] to [N + |offset|, N + |offset|]; [M, N] to [n]. Any dtype.
 * Throws a ShapeError unless `x` has one or two dimensions.
 * Source: torch.diag.
 *
 * @example
 * diag(tensor([1, 2])); // [[1, 0], [0, 2]]
 * diag(tensor([[1, 2], [3, 4]]), 1); // [2]
 */
export function diag(x: Tensor, offset = 0): Tensor {
  checkTensor('diag', 'x', x);
  if (x.rank !== 1 && x.rank !== 2) throw new ShapeError(`diag: x: expected one or two dimensions, got ${show(x.shape)}`);
  if (x.rank === 2) return diagonal(x, { offset });
  checkOffset('diag', offset);
  const n = x.shape[0]! + Math.abs(offset);
  const place: Place = (strides) => ({
    offset: offset < 0 ? -offset * strides[0]! : offset * strides[1]!,
    strides: [strides[0]! + strides[1]!],
  });
  return embed('diag', x, [n, n], place);
}

/**
 * The sum of the main diagonal of a matrix.
 *
 * y = Σᵢ xᵢᵢ: [M, N] to []. A float type or int32.
 * Throws a ShapeError unless `x` has two dimensions, a DTypeError for bool.
 * Source: torch.trace.
 *
 * @example
 * trace(tensor([[1, 2], [3, 4]])); // 5
 */
export function trace(x: Tensor): Tensor {
  checkTensor('trace', 'x', x);
  if (x.rank !== 2) throw new ShapeError(`trace: x: expected two dimensions, got ${show(x.shape)}`);
  return sum(diagonal(x));
}

/**
 * `x` with everything below diagonal `k` set to 0.
 *
 * yᵢⱼ = xᵢⱼ if j - i ≥ k, else 0, for the matrices [..., M, N] of the last two axes; the shape stays. Any dtype.
 * Throws a ShapeError for fewer than two dimensions.
 * Source: torch.triu.
 *
 * @example
 * triu(tensor([[1, 2], [3, 4]])); // [[1, 2], [0, 4]]
 */
export function triu(x: Tensor, k = 0): Tensor {
  return where(ge(columnMinusRow('triu', x), k), x, 0);
}

/**
 * `x` with everything above diagonal `k` set to 0.
 *
 * yᵢⱼ = xᵢⱼ if j - i ≤ k, else 0, for the matrices [..., M, N] of the last two axes; the shape stays. Any dtype.
 * Throws a ShapeError for fewer than two dimensions.
 * Source: torch.tril.
 *
 * @example
 * tril(tensor([[1, 2], [3, 4]])); // [[1, 0], [3, 4]]
 */
export function tril(x: Tensor, k = 0): Tensor {
  return where(le(columnMinusRow('tril', x), k), x, 0);
}

/** [rows, columns], int32 */
function columnMinusRow(op: string, x: Tensor): Tensor {
  checkTensor(op, 'x', x);
  if (x.rank < 2) throw new ShapeError(`${op}: x: expected at least two dimensions, got ${show(x.shape)}`);
  const { backend } = x;
  const rows = arange(0, x.shape.at(-2)!, 1, { backend, dtype: 'int32' });
  const columns = arange(0, x.shape.at(-1)!, 1, { backend, dtype: 'int32' });
  return sub(columns, reshape(rows, [rows.size, 1]));
}
