import * as t from '@multihead/tensor';
import type { Tensor } from '@multihead/tensor';
import fc from 'fast-check';
import { type Input, input, spread } from './random-inputs.js';

/** Its name goes into messages. */
type Op = (...xs: Tensor[]) => Tensor;

/** What is called with which inputs. */
interface Sketch {
  readonly what: string;
  readonly inputs: readonly fc.Arbitrary<Input>[];
  readonly run: Op;
}

/** A call of an operation, options and inputs included. */
export interface Call {
  readonly what: string;
  readonly inputs: readonly Input[];
  readonly run: Op;
}

export type Shape = readonly number[];

const size = (shape: Shape) => shape.reduce((a, b) => a * b, 1);

/** Calls of one kind: `make` says what they are for parameters that are drawn. */
export function calls<P extends readonly unknown[]>(parameters: fc.Arbitrary<P>, make: (...parameters: P) => Sketch): fc.Arbitrary<Call> {
  return parameters.chain((drawn) => {
    const { what, inputs, run } = make(...drawn);
    return fc.tuple(...inputs).map((made) => ({
      what: `${what}: ${made.map((x) => `${x.dtype} [${x.shape}]`).join(', ')}`,
      inputs: made,
      run,
      [fc.toStringMethod]: () => `${what} of ${JSON.stringify(made)}`,
    }));
  });
}

const anyShape = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 4 }).filter((shape) => size(shape) <= 600);
/** At least one axis, and none of them empty. */
export const filled = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }).filter((shape) => size(shape) <= 600);
/** Two shapes that broadcast: some lengths are 1, some leading axes are left out. */
const pair = anyShape.chain((full) => {
  const side = fc
    .tuple(fc.array(fc.boolean(), { minLength: full.length, maxLength: full.length }), fc.nat(full.length))
    .map(([long, lead]): Shape => full.map((n, i) => (long[i] ? n : 1)).slice(lead));
  return fc.tuple(side, side);
});

// biome-ignore format: a table
const functions: readonly (readonly [op: Op, low: number, high: number])[] = [
  [t.neg, -3, 3], [t.abs, -3, 3], [t.sign, -3, 3], [t.square, -3, 3], [t.sqrt, 0.1, 4], [t.rsqrt, 0.1, 4], [t.reciprocal, 0.2, 4],
  [t.exp, -3, 3], [t.log, 0.1, 4], [t.expm1, -3, 3], [t.log1p, -0.8, 4], [t.sin, -9, 9], [t.cos, -9, 9], [t.tan, -1.2, 1.2],
  [t.asin, -0.9, 0.9], [t.acos, -0.9, 0.9], [t.atan, -4, 4], [t.sinh, -3, 3], [t.cosh, -3, 3], [t.tanh, -3, 3], [t.asinh, -4, 4],
  [t.acosh, 1.2, 4], [t.atanh, -0.9, 0.9], [t.erf, -3, 3], [t.floor, -4, 4], [t.ceil, -4, 4], [t.round, -4, 4], [t.trunc, -4, 4],
  [t.sigmoid, -5, 5], [t.relu, -3, 3], [t.gelu, -4, 4], [t.geluTanh, -4, 4], [t.silu, -4, 4], [(x) => t.softplus(x), -4, 4], [t.mish, -4, 4],
  [t.logSigmoid, -4, 4], [(x) => t.leakyRelu(x), -3, 3], [(x) => t.elu(x), -3, 3], [t.hardSwish, -5, 5], [t.isnan, -1, 1],
  [(x) => t.clamp(x, -1, 0.5), -2, 2],
];
// biome-ignore format: a table
const arithmetic: readonly (readonly [op: Op, low: number, high: number])[] = [
  [t.add, -3, 3], [t.sub, -3, 3], [t.mul, -3, 3], [t.div, 0.3, 3], [t.pow, 0.3, 2], [t.maximum, -3, 3], [t.minimum, -3, 3], [t.atan2, 0.3, 2],
];
const comparisons: readonly Op[] = [t.eq, t.ne, t.lt, t.le, t.gt, t.ge];
const integral: readonly Op[] = [t.add, t.sub, t.mul, t.div, t.maximum, t.minimum, t.fmod, t.remainder, ...comparisons];
const dtypes = ['float32', 'int32', 'bool'] as const;

const elementwise: readonly fc.Arbitrary<Call>[] = [
  calls(fc.tuple(fc.constantFrom(...functions), anyShape), ([op, low, high], shape) => ({
    what: op.name,
    inputs: [input(shape, 'float32', low, high)],
    run: op,
  })),
  calls(fc.tuple(fc.constantFrom(...arithmetic), pair), ([op, low, high], [a, b]) => ({
    what: op.name,
    inputs: [input(a, 'float32', low, high), input(b, 'float32', low, high)],
    run: op,
  })),
  calls(fc.tuple(fc.constantFrom(...integral), pair), (op, [a, b]) => ({
    what: op.name,
    inputs: [input(a, 'int32', -7, 7), input(b, 'int32', -7, 7)],
    run: op,
  })),
  calls(fc.tuple(fc.constantFrom(...comparisons), pair), (op, [a, b]) => ({
    what: `${op.name} of halves`,
    inputs: [input(a, 'int32', 0, 3), input(b, 'int32', 0, 3)],
    run: (x, y) => op(t.mul(t.cast(x!, 'float32'), 0.5), t.mul(t.cast(y!, 'float32'), 0.5)),
  })),
  calls(fc.tuple(fc.constantFrom<Op[]>(t.logicalAnd, t.logicalOr), pair), (op, [a, b]) => ({
    what: op.name,
    inputs: [input(a, 'bool'), input(b, 'bool')],
    run: op,
  })),
  calls(fc.tuple(pair, fc.constantFrom('float32' as const, 'int32' as const)), ([a, b], dtype) => ({
    what: 'where',
    inputs: [input(a, 'bool'), input(b, dtype), input(a, dtype)],
    run: (c, x, y) => t.where(c!, x!, y!),
  })),
  calls(fc.tuple(anyShape, fc.constantFrom(...dtypes), fc.constantFrom(...dtypes)), (shape, from, to) => ({
    what: `cast to ${to}`,
    inputs: [input(shape, from, -3, 3)],
    run: (x) => t.cast(x!, to),
  })),
];

/** A shape and one of its axes. */
export const withAxis = filled.chain((shape) => fc.tuple(fc.constant<Shape>(shape), fc.nat(shape.length - 1)));
const withAxes = filled.chain((shape) => fc.tuple(fc.constant(shape), fc.subarray([...shape.keys()], { minLength: 1 }), fc.boolean()));

const alongAxes: readonly fc.Arbitrary<Call>[] = [
  calls(fc.tuple(withAxes, fc.constantFrom(t.sum, t.mean, t.amax, t.amin, t.logsumexp)), ([shape, axis, keepDims], op) => ({
    what: `${op.name} over [${axis}]${keepDims ? ', kept' : ''}`,
    inputs: [input(shape)],
    run: (x) => op(x!, { axis, keepDims }),
  })),
  calls(fc.tuple(withAxes, fc.constantFrom(t.variance, t.std)), ([shape, axis], op) => ({
    what: `${op.name} over [${axis}]`,
    inputs: [spread(shape)],
    run: (x) => op(x!, { axis, correction: 0 }),
  })),
  calls(fc.tuple(withAxis), ([shape, axis]) => ({
    what: `prod over ${axis}`,
    inputs: [input(shape, 'float32', 0.5, 1.5)],
    run: (x) => t.prod(x!, { axis }),
  })),
  calls(
    fc.tuple(withAxis, fc.constantFrom(t.argmax, t.argmin), fc.constantFrom('float32' as const, 'int32' as const)),
    ([shape, axis], op, dtype) => ({
      what: `${op.name} along ${axis}`,
      inputs: [input(shape, dtype, -3, 3)],
      run: (x) => op(x!, axis),
    }),
  ),
  calls(fc.tuple(withAxis, fc.constantFrom(...dtypes)), ([shape, axis], dtype) => ({
    what: `concat along ${axis}`,
    inputs: [input(shape, dtype), input(shape, dtype)],
    run: (x, y) => t.concat([x!, y!, x!], axis),
  })),
  calls(fc.tuple(withAxis, fc.constantFrom(t.softmax, t.logSoftmax)), ([shape, axis], op) => ({
    what: `${op.name} along ${axis}`,
    inputs: [input(shape, 'float32', -5, 5)],
    run: (x) => op(x!, axis),
  })),
];

export const plainCalls = [...elementwise, ...alongAxes];
