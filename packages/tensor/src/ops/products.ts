import { DTypeError, ShapeError, ValueError } from '../errors.js';
import { isFloat } from '../dtype.js';
import { normalizeAxis, type Shape, sizeOf, show } from '../shape.js';
import { commonBackend, type Tensor } from '../tensor.js';
import { mul } from './arithmetic.js';
import { matmul } from './matmul.js';
import { permute, reshape, unsqueeze } from './view.js';

/* Products of vectors and tensors, all of them made of `matmul` or of broadcasting. */

/** Throws unless `a` and `b` are of one type, a float type if only those have a matmul, on one backend. */
function checkPair(op: string, a: Tensor, b: Tensor, floats = false): void {
  commonBackend(op, { a, b });
  if (a.dtype === b.dtype && (floats ? isFloat(a.dtype) : a.dtype !== 'bool')) return;
  throw new DTypeError(`${op}: expected two tensors of one ${floats ? 'float' : 'number'} type, got ${a.dtype} and ${b.dtype}`);
}

/**
 * The product of every element of one vector with every element of another.
 *
 * yᵢⱼ = aᵢ · bⱼ: [M], [N] to [M, N]. A float type or int32, one for both.
 * Throws a ShapeError unless both have one dimension, a DTypeError for two types or bool.
 * Source: torch.outer.
 *
 * @example
 * outer(tensor([1, 2]), tensor([3, 4, 5])); // [[3, 4, 5], [6, 8, 10]]
 */
export function outer(a: Tensor, b: Tensor): Tensor {
  checkPair('outer', a, b);
  if (a.rank !== 1 || b.rank !== 1) throw new ShapeError(`outer: expected two vectors, got ${show(a.shape)} and ${show(b.shape)}`);
  return mul(unsqueeze(a, 1), b);
}

/**
 * The sum of the products of two vectors' elements.
 *
 * y = Σᵢ aᵢ · bᵢ: [N], [N] to []. One float type.
 * Throws a ShapeError unless both have one dimension and one length, a DTypeError for two types or no float.
 * Source: torch.dot.
 *
 * @example
 * dot(tensor([1, 2]), tensor([3, 4])); // 11
 */
export function dot(a: Tensor, b: Tensor): Tensor {
  checkPair('dot', a, b, true);
  if (a.rank !== 1 || b.rank !== 1 || a.shape[0] !== b.shape[0]) {
    throw new ShapeError(`dot: expected two vectors of one length, got ${show(a.shape)} and ${show(b.shape)}`);
  }
  return matmul(a, b);
}

/**
 * The products of all vectors on the last axes of two tensors; times a scalar, the product with each element.
 *
 * y[i…, j…] = Σₖ a[i…, k] · b[j…, k]: [I…, K], [J…, K] to [I…, J…]. One float type.
 * Throws a ShapeError where the last lengths differ, a DTypeError for two types or no float.
 * Source: torch.inner, numpy.inner.
 *
 * @example
 * inner(tensor([[1, 2], [3, 4]]), tensor([1, 1])); // [3, 7]
 */
export function inner(a: Tensor, b: Tensor): Tensor {
  checkPair('inner', a, b, true);
  if (a.rank === 0 || b.rank === 0) return mul(a, b);
  if (a.shape.at(-1) !== b.shape.at(-1)) {
    throw new ShapeError(`inner: a ${show(a.shape)} and b ${show(b.shape)}: expected one length of their last axes`);
  }
  return tensordot(a, b, [[-1], [-1]]);
}

/**
 * The sum of products over several axes of two tensors at once.
 *
 * With a number n the last n axes of `a` meet the first n of `b`, in order; with two lists those of `a` meet those of `b`, pair by pair:
 * y[i…, j…] = Σ a[i…, k…] · b[k…, j…], [I…, K…], [K…, J…] to [I…, J…], the axes left over in their order. One float type.
 * Throws a ShapeError for an axis that is out of range or named twice, lists of two lengths, or a pair of different lengths, a ValueError for
 * a number of axes that is no integer from 0, a DTypeError for two types or no float.
 * Source: torch.tensordot, numpy.tensordot.
 *
 * @example
 * tensordot(tensor([[1, 2], [3, 4]]), tensor([[1, 0], [0, 1]]), 2); // 5
 * tensordot(tensor([[1, 2], [3, 4]]), tensor([1, 1]), [[0], [0]]); // [4, 6]
 */
export function tensordot(a: Tensor, b: Tensor, axes: number | readonly [readonly number[], readonly number[]] = 2): Tensor {
  checkPair('tensordot', a, b, true);
  const [ofA, ofB] = pairsOf(a.shape, b.shape, axes);
  ofA.forEach((axis, i) => {
    if (a.shape[axis] === b.shape[ofB[i]!]) return;
    const pair = `axis ${axis} of a ${show(a.shape)} and axis ${ofB[i]} of b ${show(b.shape)}`;
    throw new ShapeError(`tensordot: ${pair}: expected one length, got ${a.shape[axis]} and ${b.shape[ofB[i]!]}`);
  });
  const [restA, restB] = [others(a.rank, ofA), others(b.rank, ofB)];
  const lengths = (x: Tensor, of: readonly number[]) => of.map((axis) => x.shape[axis]!);
  const k = sizeOf(lengths(a, ofA));
  const left = reshape(permute(a, [...restA, ...ofA]), [sizeOf(lengths(a, restA)), k]);
  const right = reshape(permute(b, [...ofB, ...restB]), [k, sizeOf(lengths(b, restB))]);
  return reshape(matmul(left, right), [...lengths(a, restA), ...lengths(b, restB)]);
}

function pairsOf(a: Shape, b: Shape, axes: number | readonly [readonly number[], readonly number[]]): [number[], number[]] {
  if (typeof axes === 'number') {
    if (!Number.isInteger(axes) || axes < 0) throw new ValueError(`tensordot: axes: expected an integer from 0, got ${axes}`);
    if (axes > Math.min(a.length, b.length)) {
      throw new ShapeError(`tensordot: axes: ${axes} are more than a ${show(a)} or b ${show(b)} has`);
    }
    return [Array.from({ length: axes }, (_, i) => a.length - axes + i), Array.from({ length: axes }, (_, i) => i)];
  }
  const [ofA, ofB] = axes.map((list, i) => list.map((axis) => normalizeAxis('tensordot', axis, [a, b][i]!.length))) as [number[], number[]];
  if (ofA.length !== ofB.length || new Set(ofA).size < ofA.length || new Set(ofB).size < ofB.length) {
    throw new ShapeError(
      `tensordot: axes: expected two lists of one length that name no axis twice, got ${show(axes[0])} and ${show(axes[1])}`,
    );
  }
  return [ofA, ofB];
}

function others(rank: number, axes: readonly number[]): number[] {
  return Array.from({ length: rank }, (_, i) => i).filter((axis) => !axes.includes(axis));
}

/**
 * A block of `b` for each element of `a`, multiplied by it.
 *
 * y[i · N + j] = a[i] · b[j] along every axis: [M, …], [N, …] to [M · N, …]; the shorter shape gets ones in front. A float type or int32, one
 * for both.
 * Throws a DTypeError for two types or bool.
 * Source: torch.kron, numpy.kron.
 *
 * @example
 * kron(tensor([1, 10]), tensor([1, 2, 3])); // [1, 2, 3, 10, 20, 30]
 */
export function kron(a: Tensor, b: Tensor): Tensor {
  checkPair('kron', a, b);
  const rank = Math.max(a.rank, b.rank);
  const [m, n] = [a, b].map((x) => [...Array<number>(rank - x.rank).fill(1), ...x.shape]) as [number[], number[]];
  const blocks = mul(reshape(a, m.flatMap((k) => [k, 1])), reshape(b, n.flatMap((k) => [1, k]))); // biome-ignore format: one call
  return reshape(blocks, m.map((k, i) => k * n[i]!)); // biome-ignore format: one call
}
