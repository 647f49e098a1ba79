import type { BinaryOp, Fused, GateActivation } from '@multihead/tensor';
import { binaryCodes, unaryCodes } from './elementwise.js';
import type { Heap, WasmBuffer } from './heap.js';
import { pieces, shares } from './pieces.js';
import type { Team } from './team.js';

const slopes: Record<Exclude<GateActivation, 'none'>, BinaryOp> = {
  relu: 'reluGrad',
  gelu: 'geluGrad',
  geluTanh: 'geluTanhGrad',
  silu: 'siluGrad',
  sigmoid: 'sigmoidGrad',
};
/** Elements that are worth another thread. */
const WORTHWHILE = 2 ** 14;

/** Gated linear units. */
export function gates(heap: Heap, team: Team): Required<Pick<Fused<WasmBuffer>, 'glu' | 'gluGrad'>> {
  const run = (kernel: 'glu' | 'gluGrad', codes: readonly number[], buffers: Readonly<Record<string, WasmBuffer>>, n: number): boolean => {
    const addresses = Object.entries(buffers).map(([name, buffer]) => heap.at(kernel, name, buffer, 'float32', n));
    const cuts = pieces(n, 16, shares(team, n / WORTHWHILE, 2));
    const calls = cuts.map(([i, end]) => [...codes, ...addresses.map((at) => at + i * 4), end - i, 0]);
    team.run(kernel, calls, codes.length + addresses.length + 1);
    return true;
  };
  const code = (act: GateActivation): number => (act === 'none' ? -1 : unaryCodes[act][0]);
  const slope = (act: GateActivation): number => (act === 'none' ? -1 : binaryCodes[slopes[act]][0]!);
  return {
    glu: (out, gate, up, { activation }) => run('glu', [code(activation)], { out, gate, up }, out.length),
    gluGrad: (dGate, dUp, dy, gate, up, { activation }) =>
      run('gluGrad', [code(activation), slope(activation)], { dGate, dUp, dy, gate, up }, dy.length),
  };
}
