import { contiguous, isDifferentiated, noGradient, record } from '../autograd.js';
import { isFloat } from '../dtype.js';
import { DTypeError, GradientError, ShapeError } from '../errors.js';
import { isRecording, noGrad } from '../mode.js';
import { tidy } from '../scope.js';
import { sameShape, show } from '../shape.js';
import { commonBackend, type Tensor } from '../tensor.js';
import { abs, div, mul, remainder, sub } from './arithmetic.js';
import { eq, where } from './compare.js';
import { attempt, fusedKernel } from './fused.js';
import { linear, matmul } from './matmul.js';
import { amax, sum } from './reduce.js';
import { round } from './rounding.js';
import { cast, reshape, unsqueeze } from './view.js';
import { stack } from './join.js';

/**
 * The weight of a linear layer [out, in] in few bits: integers q, of which 2^(bits - 1) is zero, and a scale for each `group` of them along a
 * row. weight[o, i] = scales[o, ⌊i / group⌋] · (q[o, i] - 2^(bits - 1)).
 */
export interface QuantizedWeight {
  /** int32 [out, in · bits / 32]: 32 / bits integers a word, the lowest bits first. */
  packed: Tensor;
  /** [out, in / group] */
  scales: Tensor;
  readonly bits: 4 | 8;
  readonly group: number;
}

/**
 * The weight [out, in] that a quantised one stands for, as float32.
 *
 * @example
 * const w = await quantize(full([1, 32], -2), { bits: 4 });
 * slice(dequantize(w), 1, 0, 2); // [[-2, -2]]
 */
export function dequantize({ packed, scales, bits, group }: QuantizedWeight): Tensor {
  const base = 2 ** bits;
  const digits: Tensor[] = [];
  let rest = packed;
  for (let i = 0; i < 32 / bits; i++) {
    const digit = remainder(rest, base);
    digits.push(digit);
    rest = div(sub(rest, digit), base); // [out, words], exact
  }
  const rows = packed.shape[0]!;
  const q = sub(cast(reshape(stack(digits, -1), [rows, scales.shape[1]!, group]), scales.dtype), base / 2); // [out, groups, group]
  return reshape(mul(q, unsqueeze(scales, -1)), [rows, scales.shape[1]! * group]);
}

/**
 * x · dequantize(weight)ᵀ + bias for x [..., in]: [..., out], the linear layer of a quantised weight.
 *
 * With `dynamic`, each group of each row of x is rounded to whole multiples of max |x| / 63 first, so that backends multiply integers; else
 * x stays as it is. x and bias have gradients, dx = dy · dequantize(weight), which the rounding of x lets through as it is; the weight is
 * made of its integers again for that, and not kept. One float type. Throws a ShapeError, and a GradientError where the scales want a
 * gradient: quantised weights are not trained.
 *
 * @example
 * const w = await quantize(full([2, 32], 1));
 * linearQ(ones([1, 32]), w); // [[32, 32]]
 */
export function linearQ(x: Tensor, weight: QuantizedWeight, bias: Tensor | null = null, options: { dynamic?: boolean } = {}): Tensor {
  const { packed, scales, bits } = weight;
  commonBackend('linearQ', { x, packed, scales, bias });
  const [outFeatures, inFeatures] = [packed.shape[0]!, (packed.shape[1]! * 32) / bits];
  if (x.rank === 0 || x.shape.at(-1) !== inFeatures || (bias && !sameShape(bias.shape, [outFeatures])))
    throw new ShapeError(
      `linearQ: expected x [..., ${inFeatures}] and bias [${outFeatures}], got x ${show(x.shape)}${bias ? `, bias ${show(bias.shape)}` : ''}`,
    );
  if (!isFloat(x.dtype) || scales.dtype !== x.dtype)
    throw new DTypeError(`linearQ: expected one float type, got x ${x.dtype}, scales ${scales.dtype}`);
  if (isRecording() && scales.requiresGrad)
    throw new GradientError('linearQ: scales: has no gradient: freeze the quantised weight, or train it before it is quantised');
  const shape = [...x.shape.slice(0, -1), outFeatures];
  const out = noGrad(() => tidy(() => product(x, weight, bias, options.dynamic ?? false)));
  if (!isDifferentiated(x, bias)) return out;
  return record('linearQ', out.storage.retain(), shape, bias ? [x, bias] : [x], (dy) => [
    () => matmul(dy, dequantize(weight)),
    () => sum(reshape(dy, [dy.size / outFeatures, outFeatures]), { axis: 0 }),
  ]);
}

/** linearQ, off the tape. */
function product(x: Tensor, weight: QuantizedWeight, bias: Tensor | null, dynamic: boolean): Tensor {
  const { packed, scales, bits, group } = weight;
  const [outFeatures, inFeatures] = [packed.shape[0]!, x.shape.at(-1)!];
  const rows = x.size / inFeatures;
  const shape = [...x.shape.slice(0, -1), outFeatures];
  const kernel = fusedKernel('linearQ', null, [x]);
  const args = { rows, inFeatures, outFeatures, bits, group, dynamic };
  const [dense, w, s, b] = [contiguous(x), contiguous(packed), contiguous(scales), bias && contiguous(bias)];
  const out = kernel && attempt(dense, shape, (buffer) => kernel(buffer, dense.buffer, w.buffer, s.buffer, b?.buffer ?? null, args));
  if (out) return record('linearQ', out, shape, [], noGradient);
  return linear(dynamic ? rounded(x, group) : x, dequantize(weight), bias);
}
/** Each group along the last axis as whole multiples of its greatest magnitude / 63. */
function rounded(x: Tensor, group: number): Tensor {
  const groups = reshape(x, [...x.shape.slice(0, -1), x.shape.at(-1)! / group, group]);
  const scale = div(amax(abs(groups), { axis: -1, keepDims: true }), 63);
  const safe = where(eq(scale, 0), 1, scale);
  return reshape(mul(round(div(groups, safe)), scale), x.shape);
}
