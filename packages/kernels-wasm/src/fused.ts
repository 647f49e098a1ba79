import { type Fused, ValueError } from '@multihead/tensor';
import type { Exports } from './exports.js';
import type { Heap, WasmBuffer } from './heap.js';

type RowKernels = Pick<
  Fused<WasmBuffer>,
  'softmax' | 'softmaxGrad' | 'layerNorm' | 'layerNormGrad' | 'rmsNorm' | 'rmsNormGrad' | 'crossEntropy' | 'crossEntropyGrad' | 'adamStep'
>;

/** Fused kernels that work on rows one by one, and the optimiser's step. */
export function rowKernels(heap: Heap, exports: Exports): RowKernels {
  const float = (op: string, name: string, buffer: WasmBuffer, n: number): number => heap.at(op, name, buffer, 'float32', n);

  function normGrad(op: string, buffers: NormGradBuffers, rows: number, columns: number): boolean {
    const { dx, dWeight, dBias, dy, x, weight, mean, rstd } = buffers;
    const n = rows * columns;
    const addresses = [
      float(op, 'dx', dx, n),
      heap.optional(op, 'dWeight', dWeight, columns),
      heap.optional(op, 'dBias', dBias, columns),
    ] as const;
    const inputs = [float(op, 'dy', dy, n), float(op, 'x', x, n), heap.optional(op, 'weight', weight, columns)] as const;
    const stats = [heap.optional(op, 'mean', mean, rows), float(op, 'rstd', rstd, rows)] as const;
    heap.scratch(columns * 8 + 64, (scratch) => exports.normGrad(...addresses, ...inputs, ...stats, rows, columns, scratch));
    return true;
  }

  return {
    softmax(out, x, { rows, columns, log }) {
      const n = rows * columns;
      exports.softmax(float('softmax', 'out', out, n), float('softmax', 'x', x, n), columns === 0 ? 0 : rows, columns, Number(log));
      return true;
    },

    softmaxGrad(dx, dy, y, { rows, columns, log }) {
      const n = rows * columns;
      const op = 'softmaxGrad';
      exports.softmaxGrad(float(op, 'dx', dx, n), float(op, 'dy', dy, n), float(op, 'y', y, n), rows, columns, Number(log));
      return true;
    },

    layerNorm(out, mean, rstd, x, weight, bias, { rows, columns, eps }) {
      const n = rows * columns;
      const op = 'layerNorm';
      const outputs = [float(op, 'out', out, n), float(op, 'mean', mean, rows), float(op, 'rstd', rstd, rows)] as const;
      const inputs = [
        float(op, 'x', x, n),
        heap.optional(op, 'weight', weight, columns),
        heap.optional(op, 'bias', bias, columns),
      ] as const;
      exports.layerNorm(...outputs, ...inputs, rows, columns, eps);
      return true;
    },

    layerNormGrad(dx, dWeight, dBias, dy, x, weight, mean, rstd, { rows, columns }) {
      return normGrad('layerNormGrad', { dx, dWeight, dBias, dy, x, weight, mean, rstd }, rows, columns);
    },

    rmsNorm(out, rstd, x, weight, { rows, columns, eps }) {
      const n = rows * columns;
      const op = 'rmsNorm';
      const outputs = [float(op, 'out', out, n), float(op, 'rstd', rstd, rows)] as const;
      exports.rmsNorm(...outputs, float(op, 'x', x, n), heap.optional(op, 'weight', weight, columns), rows, columns, eps);
      return true;
    },

    rmsNormGrad(dx, dWeight, dy, x, weight, rstd, { rows, columns }) {
      return normGrad('rmsNormGrad', { dx, dWeight, dBias: null, dy, x, weight, mean: null, rstd }, rows, columns);
    },

    crossEntropy(loss, lse, logits, targets, { rows, classes, ignoreIndex, labelSmoothing }) {
      const op = 'crossEntropy';
      const outputs = [float(op, 'loss', loss, rows), float(op, 'lse', lse, rows)] as const;
      const logitsAt = float(op, 'logits', logits, rows * classes);
      const targetsAt = checkedTargets(op, targets, rows, classes, ignoreIndex);
      exports.crossEntropy(...outputs, logitsAt, targetsAt, rows, classes, ignoreIndex, labelSmoothing);
      return true;
    },

    crossEntropyGrad(dLogits, dLoss, logits, lse, targets, { rows, classes, ignoreIndex, labelSmoothing }) {
      const op = 'crossEntropyGrad';
      const n = rows * classes;
      const to = float(op, 'dLogits', dLogits, n);
      const inputs = [float(op, 'dLoss', dLoss, rows), float(op, 'logits', logits, n), float(op, 'lse', lse, rows)] as const;
      const targetsAt = checkedTargets(op, targets, rows, classes, ignoreIndex);
      exports.crossEntropyGrad(to, ...inputs, targetsAt, rows, classes, ignoreIndex, labelSmoothing);
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
      exports.adamStep(...state, n, rate, beta1, 1 - beta1, beta2, 1 - beta2, eps, decay, shrink, correct);
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
