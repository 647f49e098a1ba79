import { type Fused, type LinearQArgs, ValueError } from '@multihead/tensor';
import type { Exports } from './exports.js';
import type { Heap, WasmBuffer } from './heap.js';
import { pieces, shares } from './pieces.js';
import type { Team } from './team.js';

/** Rows of x up to which the weight is read as it lies: FEW of assembly/quant.ts. */
const FEW = 8;
/** Multiply-adds that are worth another thread. */
const WORTHWHILE = 2 ** 19;

/** Products with quantised weights. */
export function quantised(heap: Heap, exports: Exports, team: Team): Required<Pick<Fused<WasmBuffer>, 'linearQ'>> {
  return {
    linearQ(out, x, weight, scales, bias, args) {
      const { rows, inFeatures: k, outFeatures: n, bits, group, dynamic } = args;
      check(args);
      const xAt = heap.at('linearQ', 'x', x, 'float32', rows * k);
      const call = {
        out: heap.at('linearQ', 'out', out, 'float32', rows * n),
        weight: heap.constant('linearQ', 'weight', weight, 'int32', (n * k * bits) / 32),
        scales: heap.at('linearQ', 'scales', scales, 'float32', (n * k) / group),
        bias: heap.optional('linearQ', 'bias', bias, n),
      };
      if (rows * n === 0) return true;
      const most = shares(team, (rows * n * k) / WORTHWHILE, 4);
      const multiply = (from: number, rounded: number, sums: number): void => {
        const cuts = pieces(n, 64, most).map(([first, last]) => {
          return [call.out, from, call.weight, call.scales, call.bias, rows, n, k, bits, group, rounded, sums, first, last, 0];
        });
        team.run('linearQ', cuts, 14, exports.quantScratch(k, exports.matmulScratch()));
      };
      /** 64 Σ q of each group: kept for a weight that is used again. */
      const withSums = (use: (sums: number) => void): void => {
        const bytes = (4 * n * k) / group;
        const make = (to: number): void => exports.groupSums(to, call.weight, bytes / 4, bits, group);
        const kept = heap.derived(weight, `sums ${bits} ${group}`, bytes, make);
        if (kept) use(kept);
        else
          heap.block(bytes, (to) => {
            make(to);
            use(to);
          });
      };
      if (!dynamic) multiply(xAt, 0, 0);
      else
        heap.block(rows * (k + (4 * k) / group), (rounded) => {
          exports.roundRows(rounded, xAt, rows, k, group);
          if (rows <= FEW) withSums((sums) => multiply(xAt, rounded, sums));
          else
            heap.block(rows * k * 4, (floats) => {
              exports.unroundRows(floats, rounded, rows, k, group);
              multiply(floats, 0, 0);
            });
        });
      return true;
    },
  };
}

function check({ inFeatures, bits, group }: LinearQArgs): void {
  if (bits !== 4 && bits !== 8) throw new ValueError(`wasm linearQ: bits: expected 4 or 8, got ${String(bits)}`);
  if (!(group > 0 && group % 32 === 0 && inFeatures % group === 0)) {
    throw new ValueError(`wasm linearQ: group: expected a multiple of 32 that divides ${inFeatures}, got ${group}`);
  }
}
