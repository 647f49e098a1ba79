import type { Activation, MatmulArgs } from '@multihead/tensor';
import { expect, it } from 'vitest';
import { erf } from './erf.js';
import { expectClose, numbers, onBothBuilds } from './harness.js';

type Some = Partial<MatmulArgs> & Pick<MatmulArgs, 'm' | 'n' | 'k'>;

function complete(args: Some): MatmulArgs {
  const { m, n, k } = args;
  return { batch: 1, aBatchStride: m * k, bBatchStride: k * n, transA: false, transB: false, alpha: 1, accumulate: false, ...args };
}

function product(a: number[], b: number[], start: number[], args: MatmulArgs): number[] {
  const { batch, m, n, k, aBatchStride, bBatchStride, transA, transB, alpha, accumulate } = args;
  const out = new Array<number>(batch * m * n);
  for (let z = 0; z < batch; z++) {
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let p = 0; p < k; p++) {
          sum += a[z * aBatchStride + (transA ? p * m + i : i * k + p)]! * b[z * bBatchStride + (transB ? j * k + p : p * n + j)]!;
        }
        const at = (z * m + i) * n + j;
        out[at] = alpha * sum + (accumulate ? start[at]! : 0);
      }
    }
  }
  return out;
}

onBothBuilds('matmul', (bench) => {
  function check(some: Some): void {
    const args = complete(some);
    const { batch, m, n, k } = args;
    const a = numbers(args.aBatchStride * (batch - 1) + m * k, 1);
    const b = numbers(args.bBatchStride * (batch - 1) + k * n, 2);
    const start = numbers(batch * m * n, 3);
    const buffers = [bench.put(start), bench.put(a), bench.put(b)] as const;
    // What lies behind the product must stay as it is.
    const guard = bench.put(new Array(16).fill(7));
    bench.backend.kernels.matmul(...buffers, args);
    expectClose(bench.get(buffers[0]), product(a, b, start, args), 1e-5, 2e-6 * Math.sqrt(k + 1));
    expect(bench.get(guard)).toEqual(new Array(16).fill(7));
    for (const buffer of [...buffers, guard]) bench.backend.free(buffer);
  }

  it('odd sizes, every combination of flags', () => {
    for (const m of [1, 2, 3, 4, 5, 7, 13, 31, 33]) {
      for (const n of [1, 3, 4, 8, 9, 33]) {
        for (const k of [1, 3, 4, 5, 7, 31, 257]) {
          for (let flags = 0; flags < 8; flags++) {
            check({
              m,
              n,
              k,
              transA: (flags & 1) > 0,
              transB: (flags & 2) > 0,
              accumulate: (flags & 4) > 0,
              alpha: flags === 5 ? -0.5 : 1,
            });
          }
        }
      }
    }
  });

  it.each([127, 129, 145, 383])('size %i, across blocks', (size) => {
    check({ m: size, n: 33, k: 7 });
    check({ m: 7, n: size, k: 33, transA: true });
    check({ m: 33, n: 7, k: size, transB: true, accumulate: true, alpha: 2 });
    check({ m: 2, n: size, k: size });
    check({ m: size, n: size, k: 31, transB: true });
  });

  it('columns beyond one block of B', () => {
    check({ m: 7, n: 1030, k: 300 });
    check({ m: 3, n: 1030, k: 300 });
    check({ m: 150, n: 1030, k: 260, transB: true });
  });

  it('batches with strides', () => {
    check({ batch: 3, m: 5, n: 7, k: 3 });
    check({ batch: 3, m: 5, n: 7, k: 3, bBatchStride: 0, transB: true });
    check({ batch: 3, m: 5, n: 7, k: 3, aBatchStride: 0 });
    check({ batch: 4, m: 2, n: 9, k: 6, aBatchStride: 50, bBatchStride: 60, accumulate: true });
    check({ batch: 3, m: 1, n: 5, k: 8, bBatchStride: 0 });
  });

  it('nothing, and nothing to sum', () => {
    check({ m: 0, n: 3, k: 3 });
    check({ m: 2, n: 3, k: 0 });
    check({ m: 2, n: 3, k: 0, accumulate: true });
    check({ batch: 0, m: 2, n: 3, k: 1, aBatchStride: 0, bBatchStride: 0 });
  });

  it('gives the same bits twice', () => {
    const [a, b] = [bench.put(numbers(150 * 300, 1)), bench.put(numbers(300 * 70, 2))];
    const [x, y] = [bench.out(150 * 70), bench.out(150 * 70)];
    for (const out of [x, y]) bench.backend.kernels.matmul(out, a, b, complete({ m: 150, n: 70, k: 300 }));
    expect(bench.get(x)).toEqual(bench.get(y));
  });

  it('refuses buffers that are too short, or of another dtype', () => {
    const { kernels } = bench.backend;
    const args = complete({ m: 2, n: 2, k: 3 });
    expect(() => kernels.matmul(bench.out(4), bench.out(6), bench.out(5), args)).toThrow(
      'wasm matmul: b: expected at least 6 elements, got 5',
    );
    expect(() => kernels.matmul(bench.out(4), bench.out(6, 'int32'), bench.out(6), args)).toThrow(
      'wasm matmul: a: expected float32, got int32',
    );
  });

  const activations: Record<Activation, (x: number) => number> = {
    none: (x) => x,
    relu: (x) => Math.max(x, 0),
    gelu: (x) => (x * (1 + erf(x / Math.SQRT2))) / 2,
    geluTanh: (x) => (x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))) / 2,
    silu: (x) => x / (1 + Math.exp(-x)),
  };

  it.each(Object.keys(activations) as Activation[])('linear with %s', (activation) => {
    for (const [rows, inFeatures, outFeatures] of [
      [1, 5, 3],
      [4, 31, 33],
      [150, 33, 7],
      [13, 300, 1030],
    ] as const) {
      for (const transposed of [false, true]) {
        for (const extras of [false, true]) {
          const x = numbers(rows * inFeatures, 1);
          const weight = numbers(outFeatures * inFeatures, 2);
          const bias = numbers(outFeatures, 3);
          const out = bench.out(rows * outFeatures);
          const pre = extras ? bench.out(rows * outFeatures) : null;
          const args = { rows, inFeatures, outFeatures, transposed, activation };
          expect(bench.backend.fused.linear!(out, pre, bench.put(x), bench.put(weight), extras ? bench.put(bias) : null, args)).toBe(true);
          const plain = product(x, weight, [], complete({ m: rows, n: outFeatures, k: inFeatures, transB: !transposed }));
          const exact = extras ? plain.map((v, i) => v + bias[i % outFeatures]!) : plain;
          expectClose(bench.get(out), exact.map(activations[activation]), 1e-5, 2e-5);
          if (pre) expectClose(bench.get(pre), exact, 1e-5, 2e-5);
        }
      }
    }
  });
});
