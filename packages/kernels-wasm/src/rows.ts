import { DTypeError, type Kernels, ShapeError, ValueError, type WindowArgs } from '@multihead/tensor';
import type { Exports } from './exports.js';
import type { Heap, WasmBuffer } from './heap.js';
import { pieces, shares } from './pieces.js';
import type { Team } from './team.js';
import { topPlaces } from './topk.js';

/** Elements that are worth another thread. */
const WORTHWHILE = 2 ** 15;

const reduceCodes = { sum: 0, prod: 1, max: 2, min: 3 } as const;

type Rows = Pick<Kernels<WasmBuffer>, 'reduce' | 'argmax' | 'cumulate' | 'topk' | 'gather' | 'scatter' | 'unfold' | 'fold'>;

/** Reductions, rows by id and sliding windows. */
export function rows(heap: Heap, exports: Exports, team: Team): Rows {
  return {
    reduce(op, out, x, { outer, n, inner }) {
      if (outer * inner === 0) return;
      const to = heap.at(op, 'out', out, x.dtype, outer * inner);
      const from = heap.at(op, 'x', x, null, outer * n * inner);
      if (x.dtype === 'float32') {
        const most = shares(team, (outer * n * inner) / WORTHWHILE, 2);
        const calls = pieces(outer, 1, most).map(([i, end]) => [
          reduceCodes[op],
          to + i * inner * 4,
          from + i * n * inner * 4,
          end - i,
          n,
          inner,
        ]);
        team.run('reduceFloat', calls);
      } else exports.reduceInt(reduceCodes[op], x.dtype === 'bool' ? 1 : 4, to, from, outer, n, inner);
    },

    argmax(out, x, { outer, n, inner }, least) {
      if (outer * inner === 0) return;
      if (n === 0) throw new ShapeError('wasm argmax: the axis has no elements');
      const to = heap.at('argmax', 'out', out, 'int32', outer * inner);
      const from = heap.at('argmax', 'x', x, null, outer * n * inner);
      if (x.dtype === 'float32') exports.argmaxFloat(to, from, outer, n, inner, Number(least));
      else exports.argmaxInt(x.dtype === 'bool' ? 1 : 4, to, from, outer, n, inner, Number(least));
    },

    cumulate(op, out, x, { outer, n, inner }) {
      const size = outer * n * inner;
      if (size === 0) return;
      if (x.dtype === 'bool') throw new DTypeError('wasm cumulate: x: dtype bool is not supported');
      const to = heap.at('cumulate', 'out', out, x.dtype, size);
      const from = heap.at('cumulate', 'x', x, null, size);
      if (x.dtype === 'float32') exports.cumulateFloat(reduceCodes[op], to, from, outer, n, inner);
      else exports.cumulateInt(reduceCodes[op], to, from, outer, n, inner);
    },

    topk(out, x, axis, k, least) {
      heap.at('topk', 'out', out, 'int32', axis.outer * k * axis.inner);
      heap.at('topk', 'x', x, null, axis.outer * axis.n * axis.inner);
      topPlaces(heap.view(out, 'topk') as Int32Array, heap.view(x, 'topk'), axis, k, least);
    },

    gather(out, table, ids, width) {
      if (out.length === 0 || ids.length === 0) return;
      const to = heap.at('gather', 'out', out, table.dtype, ids.length * width);
      const from = heap.constant('gather', 'table', table, null, 0);
      const idsAt = checkedIds('gather', table, ids, width);
      exports.gather(to, from, idsAt, ids.length, width * (table.dtype === 'bool' ? 1 : 4));
    },

    scatter(op, table, x, ids, width) {
      if (x.length === 0 || ids.length === 0) return;
      if (table.dtype === 'bool' && op !== 'set') throw new DTypeError(`wasm scatter: table: ${op} of bool is not supported`);
      const to = heap.at('scatter', 'table', table, null, 0);
      const from = heap.at('scatter', 'x', x, table.dtype, ids.length * width);
      const idsAt = checkedIds('scatter', table, ids, width);
      const float = table.dtype === 'float32';
      if (op === 'set') exports.scatterSet(to, from, idsAt, ids.length, width * (table.dtype === 'bool' ? 1 : 4));
      else if (op === 'sum' && float) exports.scatterAddFloat(to, from, idsAt, ids.length, width);
      else exports.scatter(reduceCodes[op], Number(float), to, from, idsAt, ids.length, width);
    },

    unfold(out, x, window) {
      slide(false, 'unfold', out, x, window);
    },

    fold(out, x, window) {
      exports.fill32(heap.at('fold', 'out', out, 'float32', planeSize(window)), 0, planeSize(window));
      slide(true, 'fold', x, out, window);
    },
  };

  function checkedIds(op: string, table: WasmBuffer, ids: WasmBuffer, width: number): number {
    const address = heap.at(op, 'ids', ids, 'int32', 0);
    const count = Math.floor(table.length / width);
    const bad = exports.badId(address, ids.length, count);
    if (bad < 0) return address;
    throw new ValueError(`wasm ${op}: ids[${bad}] is ${heap.i32[address / 4 + bad]}: expected 0 ≤ id < ${count}`);
  }

  function slide(fold: boolean, op: string, columns: WasmBuffer, plane: WasmBuffer, window: WindowArgs): void {
    const { batch, channels, input, output, kernel, stride, dilation, padding } = window;
    const size = batch * channels * kernel[0] * kernel[1] * output[0] * output[1];
    if (size === 0) return;
    const columnsAt = heap.at(op, fold ? 'x' : 'out', columns, 'float32', size);
    const planeAt = heap.at(op, fold ? 'out' : 'x', plane, 'float32', planeSize(window));
    heap.i32.set([...input, ...output, ...kernel, ...stride, ...dilation, ...padding], heap.small / 4);
    exports.slide(Number(fold), columnsAt, planeAt, batch * channels, heap.small);
  }
}

function planeSize({ batch, channels, input }: WindowArgs): number {
  return batch * channels * input[0] * input[1];
}
