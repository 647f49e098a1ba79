import { add, drawn, full, type Initializer, mul, type Rng, rand, randn, type Shape } from '@multihead/tensor';

/*
 * Initialisers for `param`. Those that draw take an `rng`: without one the parameter can be loaded from a checkpoint, but not used
 * before. "Fan in" is the product of all axes but the first, as in PyTorch.
 */

/**
 * An initialiser for `param`: every element is `value`.
 *
 * @example
 * param([2, 2], constant(3)); // [[3, 3], [3, 3]]
 */
export function constant(value: number): Initializer {
  return (shape) => () => full(shape, value);
}

/**
 * An initialiser for `param`: normal with the given standard deviation and mean.
 *
 * @example
 * param([1000, 10], normal(new Rng(1), 0.02)).shape; // [1000, 10]
 */
export function normal(rng: Rng | undefined, std = 1, mean = 0): Initializer {
  return drawn(rng, (shape, stream) => add(mul(randn(shape, { rng: stream }), std), mean));
}

/**
 * An initialiser for `param`: uniform in [low, high).
 *
 * @example
 * param([1000, 10], uniform(new Rng(1), -0.1, 0.1)).shape; // [1000, 10]
 */
export function uniform(rng: Rng | undefined, low: number, high: number): Initializer {
  return drawn(rng, (shape, stream) => between(shape, low, high, stream));
}

/**
 * An initialiser for `param`: uniform within ±√(6 / (fan in + fan out)). Glorot and Bengio, "Understanding the difficulty of training deep
 * feedforward neural networks", 2010.
 *
 * @example
 * param([256, 256], xavierUniform(new Rng(1))).shape; // [256, 256]
 */
export function xavierUniform(rng: Rng | undefined): Initializer {
  return drawn(rng, (shape, stream) => {
    const bound = Math.sqrt(6 / (fanIn(shape) + fanOut(shape)));
    return between(shape, -bound, bound, stream);
  });
}

/**
 * An initialiser for `param`: uniform within ±1/√fan in, what PyTorch's Linear and convolutions begin with. He et al., "Delving Deep into
 * Rectifiers", 2015, with slope √5.
 *
 * @example
 * param([256, 64], kaimingUniform(new Rng(1))).shape; // [256, 64]
 */
export function kaimingUniform(rng: Rng | undefined): Initializer {
  return drawn(rng, (shape, stream) => {
    const bound = 1 / Math.sqrt(fanIn(shape));
    return between(shape, -bound, bound, stream);
  });
}

function between(shape: Shape, low: number, high: number, rng: Rng) {
  return add(mul(rand(shape, { rng }), high - low), low);
}

function fanIn(shape: Shape): number {
  return Math.max(1, shape.slice(1).reduce((n, size) => n * size, 1)); // biome-ignore format: one expression
}

function fanOut(shape: Shape): number {
  return shape[0]! * shape.slice(2).reduce((n, size) => n * size, 1);
}
