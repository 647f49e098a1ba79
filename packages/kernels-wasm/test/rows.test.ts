import type { AxisView, ReduceOp, WindowArgs } from '@multihead/tensor';
import { expect, it } from 'vitest';
import { expectClose, numbers, oddSizes, onBothBuilds } from './harness.js';

const steps: Record<ReduceOp, [start: number, (a: number, b: number) => number]> = {
  sum: [0, (a, b) => a + b],
  prod: [1, (a, b) => a * b],
  max: [-Infinity, Math.max],
  min: [Infinity, Math.min],
};
const ops = Object.keys(steps) as ReduceOp[];

function reduced(op: ReduceOp, x: number[], { outer, n, inner }: AxisView): number[] {
  const [start, step] = steps[op];
  const out = new Array<number>(outer * inner).fill(start);
  for (let i = 0; i < x.length; i++) {
    const at = Math.floor(i / (n * inner)) * inner + (i % inner);
    out[at] = step(out[at]!, x[i]!);
  }
  return out;
}

onBothBuilds('rows', (bench) => {
  const reduce = (op: ReduceOp, x: number[], axis: AxisView): number[] => {
    const out = bench.out(axis.outer * axis.inner);
    bench.backend.kernels.reduce(op, out, bench.put(x), axis);
    return bench.get(out);
  };

  it.each(ops)('%s of float32', (op) => {
    for (const n of [0, ...oddSizes]) {
      for (const [outer, inner] of [
        [1, 1],
        [3, 1],
        [2, 3],
        [2, 16],
        [1, 37],
      ] as const) {
        const x = numbers(outer * n * inner, n + 1, 1.2);
        expectClose(reduce(op, x, { outer, n, inner }), reduced(op, x, { outer, n, inner }), 1e-6, 1e-6);
      }
    }
  });

  it('sums of a million', () => {
    const n = 1_000_000;
    const x = new Array<number>(n + 1).fill(1);
    x[0] = Math.fround(1e-3);
    expect(reduce('sum', x, { outer: 1, n: n + 1, inner: 1 })[0]).toBe(1_000_000);
    const tenths = new Array<number>(n).fill(Math.fround(0.1));
    expectClose(reduce('sum', tenths, { outer: 1, n, inner: 1 }), [n * Math.fround(0.1)], 1e-7, 0);
    expectClose(reduce('sum', tenths, { outer: 1, n: n / 20, inner: 20 }), new Array(20).fill((n / 20) * Math.fround(0.1)), 1e-7, 0);
    // Cancellation.
    const pairs = numbers(4096, 1, 1e6);
    expectClose(reduce('sum', [...pairs, 0.5, ...pairs.map((v) => -v)], { outer: 1, n: 8193, inner: 1 }), [0.5], 1e-6, 0);
  });

  it('NaN wins in max and min', () => {
    for (const op of ['max', 'min'] as const) {
      for (const at of [0, 5, 30, 36]) {
        const x = numbers(37);
        x[at] = NaN;
        expect(reduce(op, x, { outer: 1, n: 37, inner: 1 })).toEqual([NaN]);
        expect(reduce(op, [...x, ...x], { outer: 1, n: 2, inner: 37 })[at]).toBe(NaN);
      }
    }
  });

  it('reduces int32 and bool', () => {
    const { kernels } = bench.backend;
    const x = [5, -3, 2147483647, 1, 7, 9];
    for (const [op, expected] of [
      ['sum', [-2147483647, 17]],
      ['prod', [-2147483633, 63]],
      ['max', [2147483647, 9]],
      ['min', [-3, 1]],
    ] as const) {
      const out = bench.out(2, 'int32');
      kernels.reduce(op, out, bench.put(x, 'int32'), { outer: 2, n: 3, inner: 1 });
      expect(bench.get(out)).toEqual(expected);
    }
    const any = bench.out(2, 'bool');
    kernels.reduce('max', any, bench.put([0, 1, 0, 0], 'bool'), { outer: 2, n: 2, inner: 1 });
    expect(bench.get(any)).toEqual([1, 0]);
    kernels.reduce('min', any, bench.put([1, 1, 0, 1], 'bool'), { outer: 2, n: 2, inner: 1 });
    expect(bench.get(any)).toEqual([1, 0]);
  });

  it('argmax and argmin', () => {
    const index = (x: number[], axis: AxisView, least: boolean, dtype: 'float32' | 'int32' = 'float32'): number[] => {
      const out = bench.out(axis.outer * axis.inner, 'int32');
      bench.backend.kernels.argmax(out, bench.put(x, dtype), axis, least);
      return bench.get(out);
    };
    const row = { outer: 1, n: 5, inner: 1 };
    expect(index([1, 3, 2, 3, 0], row, false)).toEqual([1]);
    expect(index([1, 3, 0, 3, 0], row, true)).toEqual([2]);
    expect(index([1, NaN, 2, NaN, 0], row, false)).toEqual([1]);
    expect(index([NaN, 1, 2, 3, 0], row, true)).toEqual([0]);
    expect(index([4, 1, -2, 4, 0], row, false, 'int32')).toEqual([0]);
    expect(index([1, 5, 3, 2, 4, 6], { outer: 1, n: 3, inner: 2 }, false)).toEqual([2, 2]);
    expect(index([-Infinity, -Infinity], { outer: 1, n: 2, inner: 1 }, false)).toEqual([0]);
  });

  it('gathers and scatters', () => {
    const { kernels } = bench.backend;
    for (const width of [1, 3, 4, 33]) {
      const table = numbers(6 * width, 1);
      const ids = [5, 0, 0, 3];
      const out = bench.out(4 * width);
      kernels.gather(out, bench.put(table), bench.put(ids, 'int32'), width);
      expect(bench.get(out)).toEqual(ids.flatMap((id) => table.slice(id * width, (id + 1) * width)));
      const x = numbers(4 * width, 2);
      const sums = bench.put(table);
      kernels.scatter('sum', sums, bench.put(x), bench.put(ids, 'int32'), width);
      const expected = [...table];
      for (const [i, id] of ids.entries()) for (let j = 0; j < width; j++) expected[id * width + j]! += x[i * width + j]!;
      expectClose(bench.get(sums), expected, 1e-6);
    }
    const flags = bench.out(4, 'bool');
    kernels.gather(flags, bench.put([1, 0, 0, 1], 'bool'), bench.put([1, 0], 'int32'), 2);
    expect(bench.get(flags)).toEqual([0, 1, 1, 0]);
  });

  it('refuses ids out of range before it writes', () => {
    const { kernels } = bench.backend;
    const table = bench.put(numbers(8));
    const ids = bench.put([0, 4, 1], 'int32');
    const out = bench.out(6);
    expect(() => kernels.gather(out, table, ids, 2)).toThrow('wasm gather: ids[1] is 4: expected 0 ≤ id < 4');
    expect(() => kernels.scatter('sum', table, out, bench.put([0, 1, -1], 'int32'), 2)).toThrow(
      'wasm scatter: ids[2] is -1: expected 0 ≤ id < 4',
    );
    expect(bench.get(out)).toEqual(new Array(6).fill(0));
    expect(bench.get(table)).toEqual(numbers(8));
  });

  const windows: WindowArgs[] = [
    { batch: 2, channels: 3, input: [5, 7], output: [3, 5], kernel: [3, 3], stride: [1, 1], dilation: [1, 1], padding: [0, 0] },
    { batch: 1, channels: 2, input: [5, 6], output: [3, 3], kernel: [3, 2], stride: [2, 2], dilation: [1, 2], padding: [1, 0] },
    { batch: 2, channels: 1, input: [1, 9], output: [1, 9], kernel: [1, 3], stride: [1, 1], dilation: [1, 1], padding: [0, 1] },
  ];

  it.each(windows)('unfolds and folds $input by $kernel', (window) => {
    const { batch, channels, input, output, kernel, stride, dilation, padding } = window;
    const x = numbers(batch * channels * input[0] * input[1]);
    const columns: number[] = [];
    const place: number[] = [];
    for (let plane = 0; plane < batch * channels; plane++) {
      for (let k = 0; k < kernel[0] * kernel[1]; k++) {
        for (let o = 0; o < output[0] * output[1]; o++) {
          const y = Math.floor(o / output[1]) * stride[0] + Math.floor(k / kernel[1]) * dilation[0] - padding[0];
          const z = (o % output[1]) * stride[1] + (k % kernel[1]) * dilation[1] - padding[1];
          const inside = y >= 0 && y < input[0] && z >= 0 && z < input[1];
          place.push(inside ? (plane * input[0] + y) * input[1] + z : -1);
          columns.push(inside ? x[place.at(-1)!]! : 0);
        }
      }
    }
    const out = bench.out(columns.length);
    bench.backend.kernels.unfold(out, bench.put(x), window);
    expect(bench.get(out)).toEqual(columns);
    const sums = new Array<number>(x.length).fill(0);
    for (const [i, at] of place.entries()) if (at >= 0) sums[at]! += columns[i]!;
    const folded = bench.put(numbers(x.length, 8));
    bench.backend.kernels.fold(folded, out, window);
    expectClose(bench.get(folded), sums, 1e-5);
  });
});
