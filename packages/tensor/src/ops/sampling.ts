import type { RandomArgs } from '../backend.js';
import { allocArray, type DType, isFloat } from '../dtype.js';
import { DTypeError, ShapeError, ValueError } from '../errors.js';
import { noGrad } from '../mode.js';
import { normalQuantile, normalShare } from '../normal-quantile.js';
import { fillRandom, type Rng } from '../random.js';
import { tidy } from '../scope.js';
import { broadcastShapes, type Shape, sameShape, show, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { add, minimum, mul } from './arithmetic.js';
import { le, lt } from './compare.js';
import { type CreateOptions, checkShape, create, tensor } from './create.js';
import { cumsum } from './cumulative.js';
import { checkFloat } from './elementwise.js';
import { sum } from './reduce.js';
import { cast, squeeze, unsqueeze } from './view.js';
import { slice } from './slice.js';

/*
 * Random tensors. All draw from the counter-based stream of an `Rng`, in the order of their elements, and move it on: seed and position
 * decide every number, and the same call gives the same bits on every backend.
 */

export interface RandomOptions extends CreateOptions {
  rng: Rng;
}

function draw(op: string, shape: Shape, kind: RandomArgs['kind'], p: number, options: RandomOptions): Tensor {
  checkShape(op, shape);
  const args = { kind, p, ...options.rng.take(sizeOf(shape)) };
  return create(op, shape, options, (out, { kernels }) => kernels.random(out, args));
}

function checkType(op: string, dtype: DType = 'float32'): void {
  if (!isFloat(dtype)) throw new DTypeError(`${op}: dtype: expected a float type, got ${dtype}`);
}

/**
 * Uniform numbers in [0, 1), multiples of 2⁻²⁴. float32 if `dtype` is left out. Throws a DTypeError for integers, a ShapeError for a shape that
 * is none.
 *
 * @example
 * rand([3], { rng: new Rng(1) }); // [0.8903, 0.8947, 0.5857]
 */
export function rand(shape: Shape, options: RandomOptions): Tensor {
  checkType('rand', options.dtype);
  return draw('rand', shape, 'uniform', 0, options);
}

/**
 * Standard normal numbers, by the method of Box and Muller. dtypes and errors as for `rand`.
 *
 * @example
 * randn([3], { rng: new Rng(1) }); // [0.3804, -0.2963, -0.2492]
 */
export function randn(shape: Shape, options: RandomOptions): Tensor {
  checkType('randn', options.dtype);
  return draw('randn', shape, 'normal', 0, options);
}

/**
 * Uniform numbers in [low, high), from 0 to 1 if left out: low + (high - low) · rand. Rounding may give `high` itself. dtypes and errors as for
 * `rand`, and a ValueError unless low ≤ high.
 *
 * @example
 * uniform([3], { low: -1, high: 1, rng: new Rng(1) }); // [0.7805, 0.7894, 0.1715]
 */
export function uniform(shape: Shape, options: RandomOptions & { low?: number; high?: number }): Tensor {
  const { low = 0, high = 1, requiresGrad = false, ...rest } = options;
  if (!(low <= high && Number.isFinite(high - low)))
    throw new ValueError(`uniform: low, high: expected low ≤ high, got ${low} and ${high}`);
  checkType('uniform', options.dtype);
  return leaf(add(mul(draw('uniform', shape, 'uniform', 0, rest), high - low), low), requiresGrad);
}

/**
 * Normal numbers of a mean and a standard deviation, 0 and 1 if left out: mean + std · randn. dtypes and errors as for `rand`, and a ValueError
 * unless std ≥ 0.
 *
 * @example
 * normal([3], { mean: 10, std: 0.1, rng: new Rng(1) }); // [10.038, 9.9704, 9.9751]
 */
export function normal(shape: Shape, options: RandomOptions & { mean?: number; std?: number }): Tensor {
  const { mean = 0, std = 1, requiresGrad = false, ...rest } = options;
  if (!(std >= 0)) throw new ValueError(`normal: std: expected a number from 0, got ${std}`);
  checkType('normal', options.dtype);
  return leaf(add(mul(draw('normal', shape, 'normal', 0, rest), std), mean), requiresGrad);
}

function leaf(x: Tensor, requiresGrad: boolean): Tensor {
  x.requiresGrad = requiresGrad;
  return x;
}

/**
 * Normal numbers of a mean and a standard deviation, 0 and 1 if left out, given that they lie in [low, high], -2 and 2 if left out: the bounds are
 * numbers, not multiples of `std`, as in PyTorch's `trunc_normal_`.
 *
 * Element i is mean + std · Φ⁻¹(u) with u spread evenly between the shares of the bounds by word i of the stream, in float64 on the host.
 * dtypes and errors as for `rand`, and a ValueError unless std > 0 and the bounds have some probability between them.
 *
 * @example
 * truncatedNormal([3], { std: 0.02, low: -0.04, high: 0.04, rng: new Rng(1) }); // [0.0228, 0.0232, 0.0041]
 */
export function truncatedNormal(
  shape: Shape,
  options: RandomOptions & { mean?: number; std?: number; low?: number; high?: number },
): Tensor {
  const { mean = 0, std = 1, low = -2, high = 2, rng, ...rest } = options;
  checkShape('truncatedNormal', shape);
  checkType('truncatedNormal', options.dtype);
  if (!(std > 0)) throw new ValueError(`truncatedNormal: std: expected a number above 0, got ${std}`);
  const [a, b] = [(low - mean) / std, (high - mean) / std];
  const side = a > 0 ? -1 : 1; // shares are accurate in the lower tail
  const [from, to] = side > 0 ? [normalShare(a), normalShare(b)] : [normalShare(-b), normalShare(-a)];
  if (!(to > from))
    throw new ValueError(`truncatedNormal: low, high: expected bounds with probability between them, got ${low} and ${high}`);
  const words = new Int32Array(sizeOf(shape));
  fillRandom(words, { kind: 'bits', p: 0, ...rng.take(words.length) });
  const values = allocArray(options.dtype ?? 'float32', words.length);
  for (let i = 0; i < values.length; i++) {
    const share = from + (to - from) * (((words[i]! >>> 0) + 0.5) / 2 ** 32);
    values[i] = Math.min(high, Math.max(low, mean + std * side * normalQuantile(share)));
  }
  return tensor(values, { shape, ...rest });
}

/**
 * True with probability `p`, as bool: rand < p. `p` is a number or a tensor that broadcasts to `shape`. Throws a ValueError for a number outside
 * [0, 1] (a tensor is not looked at), a ShapeError for a shape that `p` does not fit.
 *
 * @example
 * bernoulli([3], 0.8, { rng: new Rng(1) }); // [false, false, true]
 * bernoulli([2, 2], tensor([0, 1]), { rng: new Rng(1) }); // [[false, true], [false, true]]
 */
export function bernoulli(shape: Shape, p: number | Tensor, options: { rng: Rng; backend?: CreateOptions['backend'] }): Tensor {
  const { rng } = options;
  if (typeof p === 'number') {
    if (!(p >= 0 && p <= 1)) throw new ValueError(`bernoulli: p: expected a probability from 0 to 1, got ${p}`);
    return draw('bernoulli', shape, 'bernoulli', p, { rng, backend: options.backend, dtype: 'bool' });
  }
  checkFloat('bernoulli', p, 'p');
  if (!sameShape(broadcastShapes('bernoulli', shape, p.shape), shape))
    throw new ShapeError(`bernoulli: p: expected a shape that broadcasts to ${show(shape)}, got ${show(p.shape)}`);
  return lt(draw('bernoulli', shape, 'uniform', 0, { rng, backend: p.backend, dtype: p.dtype }), p);
}

/**
 * Indices drawn with the given probabilities, as int32: [..., classes] gives [...], or [..., samples] draws with replacement.
 *
 * `probabilities` are floats from 0 that need not add up to 1; for logits, pass `softmax(logits)`. The draw is the first class whose running sum
 * exceeds u · total, u from the stream: a class of probability 0 is never drawn, and shares are met to about 2⁻²⁴. Sums run in float64, so
 * that the CPU and WebAssembly backends draw the same from the same probabilities. Throws a ShapeError without classes, a DTypeError for
 * other dtypes, a ValueError for `samples` that is no integer from 0. The numbers themselves are not looked at.
 *
 * @example
 * categorical(tensor([[0, 1, 0], [0.5, 0, 0.5]]), { rng: new Rng(1) }); // [1, 2]
 */
export function categorical(probabilities: Tensor, options: { rng: Rng; samples?: number }): Tensor {
  checkFloat('categorical', probabilities, 'probabilities');
  const { rng, samples } = options;
  const classes = probabilities.shape.at(-1) ?? 0;
  if (classes === 0)
    throw new ShapeError(`categorical: probabilities: expected [..., classes] with one class at least, got ${show(probabilities.shape)}`);
  if (samples !== undefined && !(Number.isInteger(samples) && samples >= 0))
    throw new ValueError(`categorical: samples: expected an integer from 0, got ${samples}`);
  const { backend, dtype, shape } = probabilities;
  const drawn = () => {
    const until = cumsum(probabilities, -1); // [..., classes]
    const total = slice(until, -1, classes - 1); // [..., 1]
    const u = draw('categorical', [...shape.slice(0, -1), samples ?? 1], 'uniform', 0, { rng, backend, dtype }); // [..., samples]
    const passed = le(unsqueeze(until, -2), unsqueeze(mul(u, total), -1)); // [..., samples, classes]
    // u · total is below the total also when rounded; what has no total stays among the classes.
    const found = minimum(sum(cast(passed, 'int32'), { axis: -1 }), classes - 1);
    return samples === undefined ? squeeze(found, -1) : found;
  };
  return noGrad(() => tidy(drawn));
}

/**
 * 0 … n - 1 in random order (Fisher and Yates), as int32 [n]. Throws a ShapeError unless `n` is an integer from 0.
 *
 * @example
 * permutation(5, { rng: new Rng(1) }); // [0, 2, 4, 1, 3]
 */
export function permutation(n: number, options: { rng: Rng; backend?: CreateOptions['backend'] }): Tensor {
  checkShape('permutation', [n]);
  return tensor(options.rng.permutation(n), { backend: options.backend });
}
