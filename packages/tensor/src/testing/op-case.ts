import type { DType, TypedArray } from '../dtype.js';
import type { MultiheadError, Tensor } from '../index.js';
import type { Rng } from '../random.js';
import { sizeOf } from '../shape.js';
import type { Tolerance } from './closeness.js';
import { booleanSample, integerSample, uniformSample } from './samples.js';

/** One input of a sample: what it holds, in float32 precision, and its shape. */
export interface OpInput {
  readonly data: TypedArray;
  readonly shape: readonly number[];
}

/** A call of an op. Every output and every gradient is compared between backends; its gradient is compared with differences. */
export interface OpSample {
  /** For the message: options and shapes. */
  readonly what: string;
  readonly inputs: readonly OpInput[];
  /** New tensors of its own go to the default backend, which is the one under test. Called several times: no state. */
  run(...inputs: Tensor[]): Outputs | Promise<Outputs>;
  readonly values?: Tolerance;
  readonly gradients?: Tolerance;
  /** False where no gradient exists: at a kink, or because the op changes a tensor in place. */
  readonly differentiable?: false;
  /** False where differences are not what the gradient is meant to be: at a tie, or for an input that gets none on purpose. */
  readonly differences?: false;
  /** False where the second derivative does not exist or its composed definition is not smooth. */
  readonly twice?: false;
}

export type Outputs = Tensor | readonly Tensor[];

/** A call that must throw an error of class `kind` whose message holds all of `mentions`. */
export interface OpError {
  readonly what: string;
  readonly kind: new (message: string) => MultiheadError;
  readonly mentions: readonly (string | number)[];
  run(): unknown;
}

/** The row of one exported op: `op-cases/` has one for each, or a test fails. */
export interface OpCase {
  readonly name: string;
  /**
   * True where the shape of the output depends on data: the op is a promise, which differences cannot wait for. Its gradients are
   * compared between backends, and a test of its own says that they are right.
   */
  readonly asynchronous?: true;
  samples(rng: Rng): readonly OpSample[];
  readonly errors?: readonly OpError[];
}

/** A row whose samples have one float input each. */
export function oneInputCase(
  name: string,
  samples: readonly (readonly [what: string, shape: readonly number[], run: OpSample['run']])[],
  errors: readonly OpError[] = [],
): OpCase {
  return {
    name,
    samples: (rng) =>
      samples.map(([what, shape, run]): OpSample => ({ what: `${show(shape)}: ${what}`, inputs: [floats(rng, shape)], run })),
    errors,
  };
}

export function refuses(what: string, kind: OpError['kind'], mentions: OpError['mentions'], run: () => unknown): OpError {
  return { what, kind, mentions, run };
}

const seedOf = (rng: Rng): number => rng.integer(2 ** 31);

export function floats(rng: Rng, shape: readonly number[], low = -2, high = 2): OpInput {
  return { data: uniformSample(seedOf(rng), sizeOf(shape), low, high), shape };
}

export function integers(rng: Rng, shape: readonly number[], low: number, high: number): OpInput {
  return { data: integerSample(seedOf(rng), sizeOf(shape), low, high), shape };
}

export function booleans(rng: Rng, shape: readonly number[], p = 0.5): OpInput {
  return { data: booleanSample(seedOf(rng), sizeOf(shape), p), shape };
}

/** Given numbers. */
export function given(dtype: DType, shape: readonly number[], numbers: readonly number[]): OpInput {
  const data = dtype === 'int32' ? Int32Array.from(numbers) : dtype === 'bool' ? Uint8Array.from(numbers) : Float32Array.from(numbers);
  return { data, shape };
}

export const show = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

/** A scalar, one element, odd lengths, none at all, several axes, axes of length 1. */
// biome-ignore format: a table
export const shapes: readonly (readonly number[])[] = [[], [1], [7], [0], [3, 5], [2, 3, 4], [2, 1, 3], [33], [3, 0, 2], [1, 1, 1, 2]];

/** What broadcasts: equal, a scalar on either side, rows, columns, both ways at once, fewer axes, empty ones. */
// biome-ignore format: a table
export const shapePairs: readonly (readonly [a: readonly number[], b: readonly number[]])[] = [
  [[], []], [[1], [1]], [[7], [7]], [[3, 5], [3, 5]], [[], [4]], [[2, 3], []], [[3, 5], [5]], [[3, 5], [3, 1]], [[3, 1], [1, 4]],
  [[4], [3, 1]], [[2, 3, 4], [3, 1]], [[2, 1, 4], [1, 3, 1]], [[2, 1, 3, 1, 2], [2, 1, 4, 1]], [[0], [0]], [[2, 0], [1]], [[0, 3], [3]],
  [[1, 1], [2, 17]], [[33], [1]],
];
