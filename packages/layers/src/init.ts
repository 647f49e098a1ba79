import { add, drawn, full, type Initializer, mul, type Rng, rand, randn, type Shape } from '@multihead/tensor';

/*
 * Initialisers for `param`. Those that draw take an `rng`: without one the parameter can be loaded from a checkpoint, but not used
 * before. "Fan in" is the product of all axes but the first, as in PyTorch.
 */

/** Every element `value`. */
export function constant(value: number): Initializer {
  return (shape) => () => full(shape, value);
}

/** Normal with the given mean and standard deviation. */
export function normal(rng: Rng | undefined, std = 1, mean = 0): Initializer {
  return drawn(rng, (shape, stream) => add(mul(randn(shape, { rng: stream }), std), mean));
}

/** Uniform in [low, high). */
export function uniform(rng: Rng | undefined, low: number, high: number): Initializer {
  return drawn(rng, (shape, stream) => between(shape, low, high, stream));
}

/** Uniform within ±√(6 / (fan in + fan out)). Glorot and Bengio, 2010. */
export function xavierUniform(rng: Rng | undefined): Initializer {
  return drawn(rng, (shape, stream) => {
    const bound = Math.sqrt(6 / (fanIn(shape) + fanOut(shape)));
    return between(shape, -bound, bound, stream);
  });
}

/** Uniform within ±1/√fan in: what PyTorch's Linear begins with. He et al., 2015, with slope √5. */
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
