import type { UnaryOp } from '@multihead/tensor';
import { expect, it } from 'vitest';
import { erf } from './erf.js';
import { expectClose, numbers, onBothBuilds } from './harness.js';

const bits = new DataView(new ArrayBuffer(4));

/** The distance in units in the last place of the float32 nearest to `exact`. */
function ulps(actual: number, exact: number): number {
  if (Object.is(actual, Math.fround(exact)) || actual === Math.fround(exact)) return 0;
  if (!Number.isFinite(exact) || !Number.isFinite(actual) || !Number.isFinite(Math.fround(exact)))
    return Number.isNaN(actual) && Number.isNaN(exact) ? 0 : Infinity;
  const exponent = Math.max(-126, Math.floor(Math.log2(Math.abs(exact) || 2 ** -149)));
  return Math.abs(actual - exact) / 2 ** (exponent - 23);
}

/** Every 16,411th float32, all exponents and both signs, and neighbourhoods of the places where branches meet. */
function sweep(): number[] {
  const found = [0, -0, Infinity, -Infinity, NaN, 2 ** -126, 2 ** -149, -(2 ** -149)];
  for (let word = 0; word < 2 ** 32; word += 16411) {
    bits.setUint32(0, word);
    found.push(bits.getFloat32(0));
  }
  for (const near of [0.5, 0.625, 0.92, 1, 1.31, 4, 9, 87.3, 88.7, 103, 104]) {
    for (const x of numbers(400, Math.round(near * 100), near * 0.02)) found.push(Math.fround(near + x), Math.fround(-near - x));
  }
  return [...found, ...numbers(20000, 5, 1), ...numbers(20000, 6, 20), ...numbers(20000, 7, 100)];
}

const sigmoid = (x: number): number => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x)));

const bounds: [UnaryOp, (x: number) => number, number][] = [
  ['exp', Math.exp, 1],
  ['expm1', Math.expm1, 2],
  ['log', Math.log, 1],
  ['log1p', Math.log1p, 2],
  ['tanh', Math.tanh, 2],
  ['sigmoid', sigmoid, 3],
  ['erf', erf, 2],
  ['sqrt', Math.sqrt, 0.5],
  ['rsqrt', (x) => 1 / Math.sqrt(x), 1.5],
  ['reciprocal', (x) => 1 / x, 0.5],
  ['square', (x) => x * x, 0.5],
  ['floor', Math.floor, 0],
  ['ceil', Math.ceil, 0],
  ['abs', Math.abs, 0],
  ['neg', (x) => -x, 0],
  ['sign', Math.sign, 0],
  ['relu', (x) => Math.max(x, 0), 0],
];

onBothBuilds('functions', (bench) => {
  const apply = (op: UnaryOp, xs: number[]): number[] => {
    const x = bench.put(xs);
    bench.backend.kernels.unary(op, x, x);
    const ys = bench.get(x);
    bench.backend.free(x);
    return ys;
  };

  it.each(bounds)('%s keeps its bound', (op, exact, bound) => {
    const xs = sweep();
    const ys = apply(op, xs);
    let worst = 0;
    let at = 0;
    for (let i = 0; i < xs.length; i++) {
      const error = ulps(ys[i]!, exact(xs[i]!));
      if (error > worst) [worst, at] = [error, xs[i]!];
    }
    if (process.env.SHOW_ULPS) process.stderr.write(`${op}: ${worst.toFixed(2)} at ${at}\n`);
    expect(worst, `at ${at}`).toBeLessThanOrEqual(bound);
  });

  it('pow is the nearest float32', () => {
    const edges = [0.5, 2, 3, -1, 1 / 3, 24, -0.5].map(Math.fround);
    const pairs = sweep().flatMap((x, i) => edges.slice(i % 7, (i % 7) + 2).map((y) => [x, y] as const));
    for (const [x, y] of numbers(40000, 10, 3).map((y, i) => [Math.exp(30 * Math.sin(i)), y] as const))
      pairs.push([Math.fround(x), Math.fround(y)]);
    const [a, b] = [bench.put(pairs.map(([x]) => x)), bench.put(pairs.map(([, y]) => y))];
    bench.backend.kernels.binary('pow', [pairs.length], a, a, [1], b, [1]);
    const ys = bench.get(a);
    const worst = pairs.reduce((most, [x, y], i) => Math.max(most, ulps(ys[i]!, x === 1 ? 1 : x ** y)), 0);
    expect(worst).toBeLessThanOrEqual(0.51);
  });

  it('sin and cos agree with float64', () => {
    const xs = [0, -0, Infinity, NaN, ...numbers(20000, 8, 10), ...numbers(5000, 9, 1e5)];
    expectClose(apply('sin', xs), xs.map(Math.sin), 3e-7, 6e-8);
    expectClose(apply('cos', xs), xs.map(Math.cos), 3e-7, 6e-8);
  });

  it('round takes halves to the even neighbour', () => {
    expect(apply('round', [0.5, 1.5, 2.5, -0.5, -1.5, 2.4, -2.6])).toEqual([0, 2, 2, -0, -2, 2, -3]);
  });

  it.each([
    ['gelu', (x: number) => (x * (1 + erf(x / Math.SQRT2))) / 2],
    ['geluTanh', (x: number) => (x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))) / 2],
    ['silu', (x: number) => x * sigmoid(x)],
  ] as const)('%s agrees with float64', (op, exact) => {
    const xs = [0, 1e20, -1e20, 3e38, NaN, ...numbers(20000, 8, 3), ...numbers(20000, 9, 30)];
    expectClose(apply(op, xs), xs.map(exact), 1e-6, 1e-7);
  });
});
