import { add, composed, grad, mul, sum, type Tensor, tensor, tidy } from '../index.js';
import { Rng } from '../random.js';
import { difference } from './closeness.js';

export interface GradcheckOptions {
  /** The step of the central differences. */
  readonly eps?: number;
  readonly atol?: number;
  readonly rtol?: number;
  /** Of the random directions. */
  readonly seed?: number;
  /** Up to this many elements of each input and of the output every derivative is checked, above it one random direction; 64. */
  readonly fullJacobian?: number;
}

type Fn = (...inputs: Tensor[]) => Tensor;

/**
 * Throws unless the gradients of `fn` by its float inputs are its derivatives, as central differences in float64 show them:
 * (f(x + eps) - f(x - eps)) / 2 eps. The float inputs must be float64 tensors on a backend that reads synchronously (the CPU's); others
 * are passed on as they are. Every gradient is computed twice and must have the same bits. Stay away from kinks.
 *
 * @example
 * gradcheck((x) => softmax(x), [tensor([[1, 2, 3]], { dtype: 'float64' })]);
 */
export function gradcheck(fn: Fn, inputs: readonly Tensor[], options: GradcheckOptions = {}): void {
  inputs.forEach((x, i) => {
    if (x.dtype === 'float32') throw new TypeError(`gradcheck: inputs[${i}]: expected float64, got float32; central differences need it`);
  });
  tidy(() => {
    const leaves = leavesOf(inputs);
    const output = fn(...leaves);
    checkOutput(output);
    const { fullJacobian = 64 } = options;
    const small = output.size <= fullJacobian && inputs.every((x) => !isInput(x) || x.size <= fullJacobian);
    const rng = new Rng(options.seed ?? 0);
    const basis = (n: number) => (small ? Array.from({ length: n }, (_, i) => oneHot(n, i)) : [direction(rng, n)]);
    const seeds = basis(output.size);
    const gradients = seeds.map((seed) => gradientsOf(output, leaves, seed));
    if (seeds.length > 0) checkRepeats(fn, inputs, seeds[0]!, gradients[0]!);
    inputs.forEach((x, i) => {
      if (isInput(x))
        checkInput(
          fn,
          inputs,
          i,
          seeds,
          gradients.map((g) => g[i]!),
          basis(x.size),
          options,
        );
    });
  });
}

/**
 * As `gradcheck`, for the second derivatives: that the gradient, made with `createGraph` inside `composed`, is itself differentiable and
 * right. One random direction of the output.
 */
export function gradgradcheck(fn: Fn, inputs: readonly Tensor[], options: GradcheckOptions = {}): void {
  const firstDerivative = (...xs: Tensor[]): Tensor =>
    composed(() => {
      const leaves = xs.map((x) => (isInput(x) && !x.requiresGrad ? leafOf(x) : x));
      const y = fn(...leaves);
      const wanted = leaves.filter(isInput);
      const seed = tensor(direction(new Rng(1), y.size), { shape: y.shape, backend: y.backend });
      const grads = grad(y, wanted, { seed, createGraph: true });
      return grads.reduce<Tensor>((total, g, i) => (g ? add(total, weighted(g, i)) : total), zeroOf(y));
    });
  gradcheck(firstDerivative, inputs, options);
}

/** Σ g · w with fixed, uneven w, so that no two elements of g can stand in for each other. */
function weighted(g: Tensor, i: number): Tensor {
  const weights = tensor(direction(new Rng(i + 2), g.size), { shape: g.shape, backend: g.backend });
  return sum(mul(g, weights));
}

/** 0 that depends on `y`, so that a function of constant gradient has a tape to walk. */
function zeroOf(y: Tensor): Tensor {
  return mul(sum(y), 0);
}

function isInput(x: Tensor): boolean {
  return x.dtype === 'float64';
}

function leafOf(x: Tensor): Tensor {
  return tensor(x.dataSync(), { shape: x.shape, dtype: 'float64', backend: x.backend, requiresGrad: true });
}

function leavesOf(inputs: readonly Tensor[]): Tensor[] {
  return inputs.map((x) => (isInput(x) ? leafOf(x) : x));
}

function checkOutput(output: Tensor): void {
  if (output.dtype !== 'float64') throw new TypeError(`gradcheck: fn: expected a float64 output, got ${output.dtype}`);
  if (!output.requiresGrad) throw new Error('gradcheck: fn: the output does not depend on its inputs, as far as the tape knows');
}

/** The same gradient, made anew, must have the same bits. */
function checkRepeats(fn: Fn, inputs: readonly Tensor[], seed: Float64Array, before: readonly Float64Array[]): void {
  const leaves = leavesOf(inputs);
  gradientsOf(fn(...leaves), leaves, seed).forEach((g, i) => {
    if (g.some((v, j) => !Object.is(v, before[i]![j])))
      throw new Error(`gradcheck: inputs[${i}]: the same gradient, computed twice, differs`);
  });
}

/** Compares, for every seed over the output and every step of input `i`, seed · J · step had by gradients and by differences. */
function checkInput(
  fn: Fn,
  inputs: readonly Tensor[],
  i: number,
  seeds: readonly Float64Array[],
  gradients: readonly Float64Array[],
  steps: readonly Float64Array[],
  { eps = 1e-6, atol = 1e-5, rtol = 1e-3 }: GradcheckOptions,
): void {
  const slopes = steps.map((step) => slopeAlong(fn, inputs, i, step, eps));
  const got = gradients.flatMap((g) => steps.map((step) => dot(g, step)));
  const want = seeds.flatMap((seed) => slopes.map((slope) => dot(slope, seed)));
  const place = (k: number) =>
    got.length === 1 ? 'one random direction' : `d output[${Math.floor(k / steps.length)}] / d inputs[${i}][${k % steps.length}]`;
  const problem = difference(got, want, { rtol, atol }, place);
  if (problem) throw new Error(`gradcheck: gradient against central differences, inputs[${i}] [${inputs[i]!.shape}]: ${problem}`);
}

/** The derivative of every output element along `step`. */
function slopeAlong(fn: Fn, inputs: readonly Tensor[], i: number, step: Float64Array, eps: number): Float64Array {
  const x = inputs[i]!;
  const at = (distance: number): Float64Array =>
    tidy(() => {
      const moved = Float64Array.from(x.dataSync(), (v, j) => v + distance * step[j]!);
      const xs = inputs.map((other, k) => (k === i ? tensor(moved, { shape: x.shape, backend: x.backend }) : other));
      return fn(...xs).dataSync() as Float64Array;
    });
  const ahead = at(eps);
  const behind = at(-eps);
  return ahead.map((v, j) => (v - behind[j]!) / (2 * eps));
}

/** The gradients of seed · output by every input; zeros where the output does not depend on one. */
function gradientsOf(output: Tensor, leaves: readonly Tensor[], seed: Float64Array): Float64Array[] {
  return tidy(() => {
    const grads = grad(output, leaves, { seed: tensor(seed, { shape: output.shape, backend: output.backend }) });
    return grads.map((g, i) => {
      if (g && g.shape.join() !== leaves[i]!.shape.join()) {
        throw new Error(`gradcheck: inputs[${i}]: expected a gradient of shape [${leaves[i]!.shape}], got [${g.shape}]`);
      }
      return g ? (g.dataSync() as Float64Array) : new Float64Array(leaves[i]!.size);
    });
  });
}

function oneHot(n: number, at: number): Float64Array {
  const out = new Float64Array(n);
  out[at] = 1;
  return out;
}

function direction(rng: Rng, n: number): Float64Array {
  return Float64Array.from({ length: n }, () => 2 * rng.uniform() - 1);
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((total, v, i) => total + v * b[i]!, 0);
}
