import { expect, it } from 'vitest';
import { expectClose, numbers, oddSizes, onBothBuilds } from './harness.js';

const sum = (x: number[]): number => x.reduce((a, b) => a + b, 0);
const rowsOf = (x: number[], n: number): number[][] =>
  Array.from({ length: n === 0 ? 0 : x.length / n }, (_, i) => x.slice(i * n, (i + 1) * n));

function softmaxRow(x: number[]): number[] {
  const m = Math.max(...x);
  const e = x.map((v) => Math.exp(v - m));
  const total = sum(e);
  return e.map((v) => v / total);
}

function logSumExp(x: number[]): number {
  const m = Math.max(...x);
  return m + Math.log(sum(x.map((v) => Math.exp(v - m))));
}

onBothBuilds('fused', (bench) => {
  const fused = () => bench.backend.fused as Required<typeof bench.backend.fused>;

  it('softmax and log-softmax with gradients', () => {
    for (const columns of [...oddSizes, 1000]) {
      const rows = 3;
      const args = { rows, columns };
      const x = numbers(rows * columns, columns, 5);
      const dy = numbers(rows * columns, 2);
      for (const log of [false, true]) {
        const out = bench.out(x.length);
        fused().softmax(out, bench.put(x), { ...args, log });
        const exact = rowsOf(x, columns).flatMap((row) => {
          const lse = logSumExp(row);
          return log ? row.map((v) => v - lse) : softmaxRow(row);
        });
        expectClose(bench.get(out), exact, 1e-5, 1e-6);
        const dx = bench.out(x.length);
        fused().softmaxGrad(dx, bench.put(dy), out, { ...args, log });
        const xs = rowsOf(x, columns);
        const grads = rowsOf(dy, columns).flatMap((g, r) => {
          const p = softmaxRow(xs[r]!);
          const total = log ? sum(g) : sum(g.map((v, i) => v * p[i]!));
          return g.map((v, i) => (log ? v - p[i]! * total : p[i]! * (v - total)));
        });
        expectClose(bench.get(dx), grads, 1e-5, 1e-5);
      }
    }
  });

  it('softmax of extreme rows', () => {
    const rows = [
      [-Infinity, -Infinity, -Infinity, -Infinity, -Infinity],
      [3e38, -3e38, 0, 3e38, 1],
      [1e6, 1e6 + 1, 1e6 - 1, 1e6, 1e6],
      [-Infinity, 0, -104, -50, -Infinity],
      [NaN, 1, 2, 3, 4],
    ];
    const out = bench.out(25);
    fused().softmax(out, bench.put(rows.flat()), { rows: 5, columns: 5, log: false });
    const exact = rows.map(softmaxRow);
    exact[0] = new Array(5).fill(NaN);
    expectClose(bench.get(out), exact.flat(), 1e-6, 1e-37);
  });

  it('layer norm and RMS norm with gradients', () => {
    for (const columns of [...oddSizes, 600]) {
      for (const rows of [1, 5, 70]) {
        for (const affine of [false, true]) for (const centred of [true, false]) norms(rows, columns, affine, centred);
      }
    }
  });

  function norms(rows: number, columns: number, affine: boolean, centred: boolean): void {
    const n = rows * columns;
    const args = { rows, columns, eps: 1e-5 };
    const [x, dy] = [numbers(n, columns, 3), numbers(n, 2)];
    const [w, b] = [
      affine ? numbers(columns, 3) : new Array(columns).fill(1),
      affine && centred ? numbers(columns, 4) : new Array(columns).fill(0),
    ];
    const xs = rowsOf(x, columns);
    const means = xs.map((row) => (centred ? sum(row) / columns : 0));
    const rstds = xs.map((row, r) => 1 / Math.sqrt(sum(row.map((v) => (v - means[r]!) ** 2)) / columns + args.eps));
    const hats = xs.map((row, r) => row.map((v) => (v - means[r]!) * rstds[r]!));
    const dWeight = new Array<number>(columns).fill(0);
    const dBias = new Array<number>(columns).fill(0);
    const dx = rowsOf(dy, columns).flatMap((row, r) => {
      const hat = hats[r]!;
      const g = row.map((v, i) => v * w[i]!);
      const meanG = centred ? sum(g) / columns : 0;
      const meanGx = sum(g.map((v, i) => v * hat[i]!)) / columns;
      for (let i = 0; i < columns; i++) {
        dWeight[i]! += row[i]! * hat[i]!;
        dBias[i]! += row[i]!;
      }
      return g.map((v, i) => rstds[r]! * (v - meanG - hat[i]! * meanGx));
    });

    const [out, mean, rstd, xb, dyb] = [bench.out(n), bench.out(rows), bench.out(rows), bench.put(x), bench.put(dy)];
    const [wb, bb] = [affine ? bench.put(w) : null, affine ? bench.put(b) : null];
    const [dxb, dwb, dbb] = [bench.out(n), affine ? bench.out(columns) : null, affine ? bench.out(columns) : null];
    if (centred) {
      fused().layerNorm(out, mean, rstd, xb, wb, bb, args);
      fused().layerNormGrad(dxb, dwb, dbb, dyb, xb, wb, mean, rstd, args);
      expectClose(bench.get(mean), means, 1e-5, 1e-6);
      if (dbb) expectClose(bench.get(dbb), dBias, 1e-5, 2e-5);
    } else {
      fused().rmsNorm(out, rstd, xb, wb, args);
      fused().rmsNormGrad(dxb, dwb, dyb, xb, wb, rstd, args);
    }
    expectClose(
      bench.get(out),
      hats.flatMap((row) => row.map((v, i) => v * w[i]! + b[i]!)),
      1e-4,
      1e-5,
    );
    expectClose(bench.get(rstd), rstds, 1e-5, 1e-6);
    // In rows of one or two elements rstd is large, and the gradient a small difference of numbers of its size.
    expectClose(bench.get(dxb), dx, 1e-4, 2e-6 * Math.max(10, ...rstds));
    if (dwb) expectClose(bench.get(dwb), dWeight, 1e-4, 5e-5);
    for (const buffer of [out, mean, rstd, xb, dyb, wb, bb, dxb, dwb, dbb]) if (buffer) bench.backend.free(buffer);
  }

  it('layer norm of a row with an offset of a million', () => {
    const x = numbers(64, 1, 1).map((v) => Math.fround(v + 1e6));
    const out = bench.out(64);
    fused().layerNorm(out, bench.out(1), bench.out(1), bench.put(x), null, null, { rows: 1, columns: 64, eps: 1e-5 });
    const mean = sum(x) / 64;
    const rstd = 1 / Math.sqrt(sum(x.map((v) => (v - mean) ** 2)) / 64 + 1e-5);
    expectClose(
      bench.get(out),
      x.map((v) => (v - mean) * rstd),
      1e-4,
      1e-5,
    );
  });

  it('cross-entropy with smoothing and ignored rows', () => {
    for (const classes of oddSizes) {
      for (const labelSmoothing of [0, 0.1]) {
        const rows = 6;
        const args = { rows, classes, ignoreIndex: -100, labelSmoothing };
        const x = numbers(rows * classes, classes, 4);
        const targets = [0, classes - 1, -100, Math.floor(classes / 2), 0, -100];
        const dLoss = numbers(rows, 5);
        const [loss, lse, dx] = [bench.out(rows), bench.out(rows), bench.put(numbers(rows * classes, 9))];
        const [logits, t] = [bench.put(x), bench.put(targets, 'int32')];
        fused().crossEntropy(loss, lse, logits, t, args);
        fused().crossEntropyGrad(dx, bench.put(dLoss), logits, lse, t, args);
        const xs = rowsOf(x, classes);
        const s = labelSmoothing;
        const expected = xs.map((row, r) => {
          const target = targets[r]!;
          return target === -100 ? 0 : (1 - s) * (logSumExp(row) - row[target]!) + s * (logSumExp(row) - sum(row) / classes);
        });
        expectClose(bench.get(loss), expected, 1e-5, 2e-6);
        expectClose(bench.get(lse), xs.map(logSumExp), 1e-6, 1e-6);
        const grads = xs.flatMap((row, r) => {
          const p = softmaxRow(row);
          if (targets[r] === -100) return p.map(() => 0);
          return p.map((v, i) => dLoss[r]! * (v - s / classes - (i === targets[r] ? 1 - s : 0)));
        });
        expectClose(bench.get(dx), grads, 1e-5, 1e-6);
      }
    }
  });

  it('cross-entropy refuses targets before it writes', () => {
    const loss = bench.out(2);
    const call = () =>
      fused().crossEntropy(loss, bench.out(2), bench.put(numbers(6)), bench.put([0, 3], 'int32'), {
        rows: 2,
        classes: 3,
        ignoreIndex: -1,
        labelSmoothing: 0,
      });
    expect(call).toThrow('wasm crossEntropy: targets[1] is 3: expected 0 ≤ target < 3, or ignoreIndex -1');
    expect(bench.get(loss)).toEqual([0, 0]);
  });

  it.each([true, false])('adamStep, decoupled %s', (decoupled) => {
    for (const n of [0, ...oddSizes]) {
      const hyper = { lr: 1e-2, beta1: 0.9, beta2: 0.98, eps: 1e-8, weightDecay: 0.1, decoupled };
      const p = numbers(n, 1);
      const m = new Array<number>(n).fill(0);
      const v = new Array<number>(n).fill(0);
      const [pb, mb, vb] = [bench.put(p), bench.put(m), bench.put(v)];
      for (let step = 1; step <= 3; step++) {
        const grad = numbers(n, step + 1);
        fused().adamStep(pb, bench.put(grad), mb, vb, { ...hyper, step });
        for (let i = 0; i < n; i++) {
          const g = decoupled ? grad[i]! : grad[i]! + 0.1 * p[i]!;
          m[i] = 0.9 * m[i]! + 0.1 * g;
          v[i] = 0.98 * v[i]! + 0.02 * g * g;
          const root = Math.sqrt(v[i]!) / Math.sqrt(1 - 0.98 ** step) + 1e-8;
          p[i] = p[i]! * (decoupled ? 1 - 1e-3 : 1) - ((1e-2 / (1 - 0.9 ** step)) * m[i]!) / root;
        }
      }
      expectClose(bench.get(pb), p, 1e-5, 1e-6);
      expectClose(bench.get(mb), m, 1e-5, 1e-6);
      expectClose(bench.get(vb), v, 1e-5, 1e-6);
    }
  });
});
