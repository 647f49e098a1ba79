import { apply, broadcastTo, contiguous, isDifferentiated, noGradient, record, type Vjp } from '../autograd.js';
import type { Activation, DeviceBuffer, Fused, LinearArgs, MatmulArgs } from '../backend.js';
import { isFloat } from '../dtype.js';
import { DTypeError, ShapeError } from '../errors.js';
import { broadcastShapes, contiguousStrides, type Shape, sameShape, show, sizeOf } from '../shape.js';
import { checkTensor, commonBackend, type Tensor } from '../tensor.js';
import { gelu, geluTanh, relu, silu } from './activation.js';
import { add } from './arithmetic.js';
import { attempt, fusedKernel, onlyOnce, scratch } from './fused.js';
import { sum } from './reduce.js';
import { reshape, transpose } from './view.js';

/**
 * The matrix product over the last two axes, broadcasting over those before.
 *
 * y[..., i, j] = Σₖ a[..., i, k] · b[..., k, j]: [..., M, K] · [..., K, N] to [..., M, N]. A one-dimensional operand counts as a row (left) or a
 * column (right), and its axis is dropped from the result; over K = 0 the sums are 0. One float type. Transposed views are read in place.
 * Throws a ShapeError with both shapes where the inner lengths differ, the axes before do not broadcast or an operand is a scalar, a
 * DTypeError for two types or no float (cast integers first).
 * Source: torch.matmul.
 *
 * @example
 * matmul(tensor([[1, 2]]), tensor([[3], [4]])); // [[11]]
 * matmul(tensor([[1, 2], [3, 4]]), tensor([1, 1])); // [3, 7]
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  checkTensor('matmul', 'a', a);
  checkTensor('matmul', 'b', b);
  if (a.rank === 0 || b.rank === 0)
    throw new ShapeError(`matmul: expected at least one dimension each, got ${show(a.shape)} and ${show(b.shape)}`);
  if (a.dtype !== b.dtype || !isFloat(a.dtype))
    throw new DTypeError(`matmul: expected two tensors of one float type, got ${a.dtype} and ${b.dtype}`);
  if (a.rank === 1) {
    const row = matmul(reshape(a, [1, a.shape[0]!]), b);
    return reshape(row, b.rank === 1 ? [] : row.shape.toSpliced(-2, 1));
  }
  if (b.rank === 1) {
    const column = matmul(a, reshape(b, [b.shape[0]!, 1]));
    return reshape(column, column.shape.slice(0, -1));
  }
  if (a.shape.at(-1) !== b.shape.at(-2)) {
    throw new ShapeError(
      `matmul: a ${show(a.shape)} and b ${show(b.shape)}: the last axis of a (${a.shape.at(-1)}) must equal the one before last of b (${b.shape.at(-2)})`,
    );
  }
  // A plain matrix on the right: the batch of a is more rows.
  if (b.rank === 2 && a.rank > 2 && !readsTransposed(a)) {
    const rows = reshape(a, [sizeOf(a.shape.slice(0, -1)), a.shape.at(-1)!]);
    return reshape(product(rows, b), [...a.shape.slice(0, -1), b.shape[1]!]);
  }
  return product(a, b);
}

function product(a: Tensor, b: Tensor): Tensor {
  const batch = broadcastShapes('matmul', a.shape.slice(0, -2), b.shape.slice(0, -2));
  const [left, right] = [operand(a, batch), operand(b, batch)];
  const [m, k, n] = [a.shape.at(-2)!, a.shape.at(-1)!, b.shape.at(-1)!];
  const args: MatmulArgs = {
    batch: sizeOf(batch),
    m,
    n,
    k,
    aBatchStride: left.batchStride,
    bBatchStride: right.batchStride,
    transA: left.transposed,
    transB: right.transposed,
    alpha: 1,
    accumulate: false,
  };
  const [x, y] = [left.matrix, right.matrix];
  return apply(
    'matmul',
    { a: x, b: y },
    [...batch, m, n],
    a.dtype,
    (out, { kernels }) => kernels.matmul(out, x.buffer, y.buffer, args),
    (dy) => [() => matmul(dy, transpose(y)), () => matmul(transpose(x), dy)],
  );
}

/** True if `x` is the transpose, over its last two axes, of an array that fills its buffer. */
function readsTransposed(x: Tensor): boolean {
  if (x.dense || x.offset !== 0) return false;
  const swapped = [...x.shape.slice(0, -2), x.shape.at(-1)!, x.shape.at(-2)!];
  const strides = contiguousStrides(swapped);
  return x.strides.every((s, i) => x.shape[i] === 1 || s === strides[i < x.rank - 2 ? i : 2 * x.rank - 3 - i]);
}

/** A tensor as the matmul kernel can read it: packed matrices, perhaps transposed, one for all of the batch or one each. */
function operand(x: Tensor, batch: Shape): { matrix: Tensor; transposed: boolean; batchStride: number } {
  const own = x.shape.slice(0, -2);
  const matrixSize = x.shape.at(-2)! * x.shape.at(-1)!;
  if (!sameShape(own, batch) && sizeOf(own) !== 1) return operand(contiguous(broadcastTo(x, [...batch, ...x.shape.slice(-2)])), batch);
  const transposed = readsTransposed(x);
  return { matrix: transposed ? x : contiguous(x), transposed, batchStride: sizeOf(own) === 1 ? 0 : matrixSize };
}

const activations: Record<Activation, (x: Tensor) => Tensor> = { none: (x) => x, relu, gelu, geluTanh, silu };
const activationGrads = { relu: 'reluGrad', gelu: 'geluGrad', geluTanh: 'geluTanhGrad', silu: 'siluGrad' } as const;

export interface LinearOptions {
  activation?: Activation;
  /** True: `weight` is [in, out], as in GPT-2's Conv1D, instead of [out, in]. */
  transposed?: boolean;
}

/**
 * A linear map with a bias, and an activation after it.
 *
 * y = activation(x · weightᵀ + bias): x [..., in], weight [out, in] (or [in, out] with `transposed`), bias [out] to [..., out]. One float type.
 * Throws a ShapeError with all shapes where they do not fit, a DTypeError for two types or no float.
 * Source: torch.nn.functional.linear.
 *
 * @example
 * linear(tensor([1, 2]), tensor([[3, 4], [-5, 0]]), tensor([1, 1])); // [12, -4]
 * linear(tensor([1, 2]), tensor([[3, 4], [-5, 0]]), tensor([1, 1]), { activation: 'relu' }); // [12, 0]
 */
export function linear(x: Tensor, weight: Tensor, bias: Tensor | null = null, options: LinearOptions = {}): Tensor {
  const { activation = 'none', transposed = false } = options;
  commonBackend('linear', { x, weight, bias });
  const [inAxis, outAxis] = transposed ? [0, 1] : [1, 0];
  const [inFeatures, outFeatures] = [weight.shape[inAxis]!, weight.shape[outAxis]!];
  if (weight.rank !== 2 || x.rank === 0 || x.shape.at(-1) !== inFeatures || (bias && !sameShape(bias.shape, [outFeatures]))) {
    const got = `x ${show(x.shape)}, weight ${show(weight.shape)}${bias ? `, bias ${show(bias.shape)}` : ''}`;
    throw new ShapeError(`linear: expected x [..., in], weight ${transposed ? '[in, out]' : '[out, in]'} and bias [out], got ${got}`);
  }
  if ([weight, bias].some((t) => t && t.dtype !== x.dtype) || !isFloat(x.dtype)) {
    throw new DTypeError(`linear: expected one float type, got x ${x.dtype}, weight ${weight.dtype}${bias ? `, bias ${bias.dtype}` : ''}`);
  }
  const rows = reshape(x, [x.size / Math.max(1, inFeatures), inFeatures]);
  const shape = [...x.shape.slice(0, -1), outFeatures];
  const kernel = fusedKernel('linear', null, [x]);
  const args = { rows: rows.shape[0]!, inFeatures, outFeatures, transposed, activation };
  const fused = kernel && fusedLinear(kernel, rows, weight, bias, args);
  if (fused) return reshape(fused, shape);
  const y = matmul(x.rank === 1 ? x : reshape(rows, x.shape), transposed ? weight : transpose(weight));
  return activations[activation](bias ? add(y, bias) : y);
}

function fusedLinear(
  kernel: NonNullable<Fused<DeviceBuffer>['linear']>,
  input: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  args: LinearArgs,
): Tensor | null {
  const [x, w, b] = [contiguous(input), contiguous(weight), bias && contiguous(bias)];
  const shape = [args.rows, args.outFeatures];
  const { activation } = args;
  const wantsPre = activation !== 'none' && isDifferentiated(x, w, b);
  const pre = wantsPre ? scratch(x, shape) : null;
  const out = attempt(x, shape, (buffer) => kernel(buffer, pre?.buffer ?? null, x.buffer, w.buffer, b?.buffer ?? null, args));
  if (!out) return null;
  const vjp: Vjp = (dy) => {
    const dPre = activation === 'none' ? dy : activationGrad(activation, pre!, dy);
    return [
      () => matmul(dPre, args.transposed ? transpose(w) : w),
      () => (args.transposed ? matmul(transpose(x), dPre) : matmul(transpose(dPre), x)),
      () => sum(dPre, { axis: 0 }),
    ];
  };
  return record('linear', out, shape, b ? [x, w, b] : [x, w], vjp);
}

function activationGrad(activation: keyof typeof activationGrads, pre: Tensor, dy: Tensor): Tensor {
  onlyOnce('linear');
  const dense = contiguous(dy);
  const kernel = (out: DeviceBuffer) =>
    dense.backend.kernels.binary(activationGrads[activation], [pre.size], out, pre.buffer, [1], dense.buffer, [1]);
  return apply(activationGrads[activation], { pre, dense }, pre.shape, pre.dtype, kernel, noGradient);
}
