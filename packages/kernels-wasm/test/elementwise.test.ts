import type { BinaryOp, DType } from '@multihead/tensor';
import { expect, it } from 'vitest';
import { erf } from './erf.js';
import { expectClose, numbers, oddSizes, onBothBuilds } from './harness.js';

const f = Math.fround;
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const cdf = (x: number): number => (1 + erf(x / Math.SQRT2)) / 2;
const flag = (test: (a: number, b: number) => boolean) => (a: number, b: number) => (test(a, b) ? 1 : 0);

function geluTanhSlope(x: number): number {
  const t = Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3));
  return (1 + t) / 2 + (x / 2) * (1 - t * t) * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x);
}

const definitions: Record<BinaryOp, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow: (a, b) => (a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b),
  maximum: Math.max,
  minimum: Math.min,
  fmod: (a, b) => a % b,
  remainder: (a, b) => a - b * Math.floor(a / b),
  atan2: Math.atan2,
  eq: flag((a, b) => a === b),
  ne: flag((a, b) => a !== b),
  lt: flag((a, b) => a < b),
  le: flag((a, b) => a <= b),
  gt: flag((a, b) => a > b),
  ge: flag((a, b) => a >= b),
  logicalAnd: flag((a, b) => a !== 0 && b !== 0),
  logicalOr: flag((a, b) => a !== 0 || b !== 0),
  reluGrad: (x, dy) => (x > 0 ? dy : 0),
  geluGrad: (x, dy) => dy * (cdf(x) + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI)),
  geluTanhGrad: (x, dy) => dy * geluTanhSlope(x),
  siluGrad: (x, dy) => dy * sigmoid(x) * (1 + x * (1 - sigmoid(x))),
  tanhGrad: (y, dy) => dy * (1 - y * y),
  sigmoidGrad: (y, dy) => dy * y * (1 - y),
};
const compare: BinaryOp[] = ['eq', 'ne', 'lt', 'le', 'gt', 'ge'];
const outType = (op: BinaryOp, dtype: DType): DType => (compare.includes(op) || op.startsWith('logical') ? 'bool' : dtype);

const special = [0, -0, 1, -1, 0.5, -0.5, 2, 3, -3, Infinity, -Infinity, NaN, 1e-45, 3.4028234663852886e38, 1e-38, -7.5].map(f);

onBothBuilds('elementwise', (bench) => {
  function binary(op: BinaryOp, dtype: DType, shape: number[], a: number[], aStrides: number[], b: number[], bStrides: number[]): number[] {
    const n = shape.reduce((x, y) => x * y, 1);
    const out = bench.out(n, outType(op, dtype));
    bench.backend.kernels.binary(op, shape, out, bench.put(a, dtype), aStrides, bench.put(b, dtype), bStrides);
    return bench.get(out);
  }

  it.each(Object.keys(definitions) as BinaryOp[])('%s on float32, odd sizes', (op) => {
    if (op.startsWith('logical')) return;
    for (const n of [0, ...oddSizes]) {
      const a = numbers(n, n + 1, 4);
      const b = numbers(n, n + 2, 4);
      const exact = a.map((x, i) => definitions[op](x, b[i]!));
      expectClose(binary(op, 'float32', [n], a, [1], b, [1]), exact, 2e-6, 2e-6);
    }
  });

  it.each(['add', 'sub', 'mul', 'div', 'pow', 'maximum', 'minimum', ...compare] as BinaryOp[])('%s on pairs of special values', (op) => {
    const n = special.length;
    const exact = special.flatMap((x) => special.map((y) => f(definitions[op](x, y))));
    expectClose(binary(op, 'float32', [n, n], special, [1, 0], special, [0, 1]), exact, 1e-6, 0);
  });

  it.each(['add', 'sub', 'mul', 'div', 'pow', 'maximum', 'minimum', ...compare] as BinaryOp[])('%s on int32', (op) => {
    const values = [0, 1, -1, 7, -7, 3, 2147483647, -2147483648, 100, 5];
    const n = values.length;
    const wrap = (x: number, y: number): number => {
      if (op === 'mul') return Math.imul(x, y);
      if (op === 'div') return y === 0 ? 0 : (x / y) | 0;
      if (op === 'pow') return y >= 0 ? Number(BigInt.asIntN(32, BigInt(x) ** BigInt(y))) : Math.abs(x) === 1 ? x ** y : 0;
      return compare.includes(op) ? definitions[op](x, y) : definitions[op](x, y) | 0;
    };
    const powers = op === 'pow' ? values.filter((x) => Math.abs(x) < 200) : values;
    const exact = values.flatMap((x) => powers.map((y) => wrap(x, y) | 0));
    const bool = outType(op, 'int32') === 'bool';
    const ys = binary(op, 'int32', [n, powers.length], values, [1, 0], powers, [0, 1]);
    expect(ys).toEqual(bool ? exact.map(Number) : exact);
  });

  it.each([...compare, 'logicalAnd', 'logicalOr'] as BinaryOp[])('%s on bool', (op) => {
    const a = Array.from({ length: 37 }, (_, i) => i % 2);
    const b = Array.from({ length: 37 }, (_, i) => (i >> 1) % 2);
    expect(binary(op, 'bool', [37], a, [1], b, [1])).toEqual(a.map((x, i) => definitions[op](x, b[i]!)));
  });

  it('broadcasts and walks strides', () => {
    for (const [r, c] of [
      [1, 1],
      [3, 5],
      [7, 33],
      [33, 4],
      [2, 700],
    ] as const) {
      const x = numbers(r * c, 1);
      const row = numbers(c, 2);
      const column = numbers(r, 3);
      const place = Array.from({ length: r * c }, (_, i) => [Math.floor(i / c), i % c] as const);
      const sub = (a: number[], s: number[], b: number[], t: number[]): number[] => binary('sub', 'float32', [r, c], a, s, b, t);
      expectClose(
        sub(x, [c, 1], row, [0, 1]),
        place.map(([i, j]) => x[i * c + j]! - row[j]!),
        1e-6,
      );
      expectClose(
        sub(column, [1, 0], x, [c, 1]),
        place.map(([i, j]) => column[i]! - x[i * c + j]!),
        1e-6,
      );
      expectClose(
        sub(x, [c, 1], [2], [0, 0]),
        place.map(([i, j]) => x[i * c + j]! - 2),
        1e-6,
      );
      // x read as the transpose of [c, r].
      expectClose(
        sub(x, [1, r], row, [0, 1]),
        place.map(([i, j]) => x[j * r + i]! - row[j]!),
        1e-6,
      );
    }
    const a = numbers(2 * 3 * 4 * 5);
    const b = numbers(3 * 5);
    const ys = binary('mul', 'float32', [2, 3, 4, 5], a, [60, 20, 5, 1], b, [0, 5, 0, 1]);
    expectClose(
      ys,
      a.map((x, i) => x * b[(Math.floor(i / 20) % 3) * 5 + (i % 5)]!),
      1e-6,
    );
  });

  it('works in place', () => {
    const x = bench.put(numbers(100));
    bench.backend.kernels.binary('mul', [100], x, x, [1], x, [1]);
    expectClose(
      bench.get(x),
      numbers(100).map((v) => v * v),
      1e-6,
    );
  });

  it('unary on int32 and bool, isnan', () => {
    const { kernels } = bench.backend;
    const x = bench.put([3, -4, 0, -2147483648, 9], 'int32');
    const out = bench.out(5, 'int32');
    const apply = (op: 'neg' | 'abs' | 'sign' | 'square' | 'relu'): number[] => {
      kernels.unary(op, out, x);
      return bench.get(out);
    };
    expect(apply('neg')).toEqual([-3, 4, 0, -2147483648, -9]);
    expect(apply('abs').slice(0, 3)).toEqual([3, 4, 0]);
    expect(apply('sign')).toEqual([1, -1, 0, -1, 1]);
    expect(apply('square')).toEqual([9, 16, 0, 0, 81]);
    expect(apply('relu')).toEqual([3, 0, 0, 0, 9]);
    const flags = bench.put([0, 1, 1, 0, 1], 'bool');
    kernels.unary('logicalNot', flags, flags);
    expect(bench.get(flags)).toEqual([1, 0, 0, 1, 0]);
    kernels.unary('isnan', flags, bench.put([NaN, 1, Infinity, NaN, 0]));
    expect(bench.get(flags)).toEqual([1, 0, 0, 1, 0]);
    expect(() => kernels.unary('exp', out, x)).toThrow(/exp: x: dtype int32/);
  });

  it('selects', () => {
    const { kernels } = bench.backend;
    for (const n of [0, ...oddSizes, 600]) {
      const cond = numbers(n, 1).map((x) => (x > 0 ? 1 : 0));
      const a = numbers(n, 2);
      const out = bench.out(n);
      const strided = (data: number[], dtype: DType, stride: number) => ({ buffer: bench.put(data, dtype), strides: [stride] });
      kernels.select([n], out, strided(cond, 'bool', 1), strided(a, 'float32', 1), strided([-5], 'float32', 0));
      expect(bench.get(out)).toEqual(a.map((x, i) => (cond[i] ? x : -5)));
    }
    const bools = bench.out(3, 'bool');
    const all = { buffer: bench.put([1, 0, 1], 'bool'), strides: [1] };
    kernels.select([3], bools, all, all, { buffer: bench.put([0, 1, 1], 'bool'), strides: [1] });
    expect(bench.get(bools)).toEqual([1, 1, 1]);
  });

  it.each(['geluGrad', 'geluTanhGrad', 'siluGrad'] as const)('%s is NaN at the infinities, as in PyTorch, and not before', (op) => {
    const x = [-Infinity, -3e38, -200, 200, 3e38, Infinity, NaN].map(f);
    const slopes = binary(op, 'float32', [x.length], x, [1], new Array(x.length).fill(1), [1]);
    expectClose(slopes, [NaN, 0, 0, 1, 1, NaN, NaN], 1e-6, 1e-30);
  });

  it('casts', () => {
    const cast = (from: DType, to: DType, xs: number[]): number[] => {
      const out = bench.out(xs.length, to);
      bench.backend.kernels.cast(out, bench.put(xs, from));
      return bench.get(out);
    };
    expect(cast('float32', 'int32', [1.9, -1.9, 0, 1e6, NaN])).toEqual([1, -1, 0, 1000000, 0]);
    expect(cast('float32', 'bool', [0, -0, 0.1, NaN, -3])).toEqual([0, 0, 1, 1, 1]);
    expect(cast('int32', 'float32', [1, -2, 3])).toEqual([1, -2, 3]);
    expect(cast('int32', 'bool', [0, 256, -1])).toEqual([0, 1, 1]);
    expect(cast('bool', 'float32', [0, 1])).toEqual([0, 1]);
    expect(cast('bool', 'int32', [0, 1])).toEqual([0, 1]);
    expect(cast('float32', 'float32', [0.5, 1])).toEqual([0.5, 1]);
  });

  it('fills', () => {
    for (const [dtype, value, expected] of [
      ['float32', -0.5, -0.5],
      ['float32', -Infinity, -Infinity],
      ['int32', -7, -7],
      ['bool', 3, 1],
    ] as const) {
      const x = bench.out(7, dtype);
      bench.backend.kernels.fill(x, value);
      expect(bench.get(x)).toEqual(new Array(7).fill(expected));
    }
  });
});
