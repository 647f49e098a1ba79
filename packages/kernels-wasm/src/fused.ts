import { type Fused, ValueError } from '@multihead/tensor';
import type { Exports } from './exports.js';
import { MOST_CALLS } from './control.js';
import type { Heap, WasmBuffer } from './heap.js';
import { pieces, shares } from './pieces.js';
import type { Team } from './team.js';

type RowKernels = Pick<
  Fused<WasmBuffer>,
  'softmax' | 'softmaxGrad' | 'layerNorm' | 'layerNormGrad' | 'rmsNorm' | 'rmsNormGrad' | 'crossEntropy' | 'crossEntropyGrad' | 'adamStep'
>;

/** Elements that are worth another thread. */
const WORTHWHILE = 2 ** 14;
/** Rows whose weight gradients one call sums up. It does not depend on the number of threads, so that the sum does not either. */
const NORM_ROWS = 256;

/** Fused kernels that work on rows one by one, and the optimiser's step. */
export function rowKernels(heap: Heap, team: Team, exports: Exports): RowKernels {
  const float = (op: string, name: string, buffer: WasmBuffer, n: number): number => heap.at(op, name, buffer, 'float32', n);

  /** The rows that one call takes. */
  const cuts = (rows: number, columns: number): [from: number, to: number][] =>
    pieces(rows, 1, shares(team, (rows * columns) / WORTHWHILE, 4));

  function normGrad(op: string, buffers: NormGradBuffers, rows: number, columns: number): boolean {
    const { dx, dWeight, dBias, dy, x, weight, mean, rstd } = buffers;
    const n = rows * columns;
    const dWeightAt = heap.optional(op, 'dWeight', dWeight, columns);
    const dBiasAt = heap.optional(op, 'dBias', dBias, columns);
    const [dxAt, dyAt, xAt] = [float(op, 'dx', dx, n), float(op, 'dy', dy, n), float(op, 'x', x, n)];
    const weightAt = heap.optional(op, 'weight', weight, columns);
    const [meanAt, rstdAt] = [heap.optional(op, 'mean', mean, rows), float(op, 'rstd', rstd, rows)];
    const ranges = pieces(rows, NORM_ROWS, MOST_CALLS);
    const sumBytes = columns * 8;
    heap.block(ranges.length * sumBytes, (sums) => {
      const calls = ranges.map(([from, to], i) => {
        const at = from * columns * 4;
        const stats = [meanAt && meanAt + from * 4, rstdAt + from * 4];
        return [dxAt + at, sums + i * sumBytes, dyAt + at, xAt + at, weightAt, ...stats, to - from, columns, 0];
      });
      team.run('normGrad', calls, 9, columns * 8 + 64);
      if (dWeightAt) exports.sumRows(dWeightAt, sums, ranges.length, sumBytes, columns);
      if (dBiasAt) exports.sumRows(dBiasAt, sums + columns * 4, ranges.length, sumBytes, columns);
    });
    return true;
  }

  return {
    softmax(out, x, { rows, columns, log }) {
      const n = rows * columns;
      const [to, from] = [float('softmax', 'out', out, n), float('softmax', 'x', x, n)];
      if (n === 0) return true;
      const calls = cuts(rows, columns).map(([i, end]) => {
        const at = i * columns * 4;
        return [to + at, from + at, end - i, columns, Number(log)];
      });
      team.run('softmax', calls);
      return true;
    },

    softmaxGrad(dx, dy, y, { rows, columns, log }) {
      const n = rows * columns;
      const op = 'softmaxGrad';
      const [to, dyAt, yAt] = [float(op, 'dx', dx, n), float(op, 'dy', dy, n), float(op, 'y', y, n)];
      const calls = cuts(rows, columns).map(([i, end]) => {
        const at = i * columns * 4;
        return [to + at, dyAt + at, yAt + at, end - i, columns, Number(log)];
      });
      team.run(op, calls);
      return true;
    },

    layerNorm(out, mean, rstd, x, weight, bias, { rows, columns, eps }) {
      const n = rows * columns;
      const op = 'layerNorm';
      const [to, meanAt, rstdAt] = [float(op, 'out', out, n), float(op, 'mean', mean, rows), float(op, 'rstd', rstd, rows)];
      const parameters = [heap.optional(op, 'weight', weight, columns), heap.optional(op, 'bias', bias, columns)];
      const from = float(op, 'x', x, n);
      const calls = cuts(rows, columns).map(([i, end]) => {
        const at = i * columns * 4;
        return [to + at, meanAt + i * 4, rstdAt + i * 4, from + at, ...parameters, end - i, columns, eps];
      });
      team.run(op, calls);
      return true;
    },

    layerNormGrad(dx, dWeight, dBias, dy, x, weight, mean, rstd, { rows, columns }) {
      return normGrad('layerNormGrad', { dx, dWeight, dBias, dy, x, weight, mean, rstd }, rows, columns);
    },

    rmsNorm(out, rstd, x, weight, { rows, columns, eps }) {
      const n = rows * columns;
      const op = 'rmsNorm';
      const [to, rstdAt, from] = [float(op, 'out', out, n), float(op, 'rstd', rstd, rows), float(op, 'x', x, n)];
      const weightAt = heap.optional(op, 'weight', weight, columns);
      const calls = cuts(rows, columns).map(([i, end]) => {
        const at = i * columns * 4;
        return [to + at, rstdAt + i * 4, from + at, weightAt, end - i, columns, eps];
      });
      team.run(op, calls);
      return true;
    },

    rmsNormGrad(dx, dWeight, dy, x, weight, rstd, { rows, columns }) {
      return normGrad('rmsNormGrad', { dx, dWeight, dBias: null, dy, x, weight, mean: null, rstd }, rows, columns);
    },

    crossEntropy(loss, lse, logits, targets, { rows, classes, ignoreIndex, labelSmoothing }) {
      const op = 'crossEntropy';
      const [lossAt, lseAt] = [float(op, 'loss', loss, rows), float(op, 'lse', lse, rows)];
      const from = float(op, 'logits', logits, rows * classes);
      const targetsAt = checkedTargets(op, targets, rows, classes, ignoreIndex);
      const calls = cuts(rows, classes).map(([i, end]) => {
        return [lossAt + i * 4, lseAt + i * 4, from + i * classes * 4, targetsAt + i * 4, end - i, classes, ignoreIndex, labelSmoothing];
      });
      team.run(op, calls);
      return true;
    },

    crossEntropyGrad(dLogits, dLoss, logits, lse, targets, { rows, classes, ignoreIndex, labelSmoothing }) {
      const op = 'crossEntropyGrad';
      const n = rows * classes;
      const to = float(op, 'dLogits', dLogits, n);
      const [dLossAt, from, lseAt] = [float(op, 'dLoss', dLoss, rows), float(op, 'logits', logits, n), float(op, 'lse', lse, rows)];
      const targetsAt = checkedTargets(op, targets, rows, classes, ignoreIndex);
      const calls = cuts(rows, classes).map(([i, end]) => {
        const at = i * classes * 4;
        const places = [to + at, dLossAt + i * 4, from + at, lseAt + i * 4, targetsAt + i * 4];
        return [...places, end - i, classes, ignoreIndex, labelSmoothing];
      });
      team.run(op, calls);
      return true;
    },

    adamStep(param, grad, m, v, { lr, beta1, beta2, eps, weightDecay, decoupled, step }) {
      const n = param.length;
      const op = 'adamStep';
      const state = [float(op, 'param', param, n), float(op, 'grad', grad, n), float(op, 'm', m, n), float(op, 'v', v, n)] as const;
      const rate = lr / (1 - beta1 ** step);
      const correct = 1 / Math.sqrt(1 - beta2 ** step);
      const decay = decoupled ? 0 : weightDecay;
      const shrink = decoupled ? 1 - lr * weightDecay : 1;
      const calls = pieces(n, 16, shares(team, n / WORTHWHILE, 2)).map(([i, end]) => {
        const places = state.map((address) => address + i * 4);
        return [...places, end - i, rate, beta1, 1 - beta1, beta2, 1 - beta2, eps, decay, shrink, correct];
      });
      team.run(op, calls);
      return true;
    },
  };

  function checkedTargets(op: string, targets: WasmBuffer, rows: number, classes: number, ignore: number): number {
    const address = heap.at(op, 'targets', targets, 'int32', rows);
    const bad = exports.badTarget(address, rows, classes, ignore);
    if (bad < 0) return address;
    const target = heap.i32[address / 4 + bad];
    throw new ValueError(`wasm ${op}: targets[${bad}] is ${target}: expected 0 ≤ target < ${classes}, or ignoreIndex ${ignore}`);
  }
}

interface NormGradBuffers {
  readonly dx: WasmBuffer;
  readonly dWeight: WasmBuffer | null;
  readonly dBias: WasmBuffer | null;
  readonly dy: WasmBuffer;
  readonly x: WasmBuffer;
  readonly weight: WasmBuffer | null;
  readonly mean: WasmBuffer | null;
  readonly rstd: WasmBuffer;
}
