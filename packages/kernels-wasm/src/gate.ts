import type { Fused, GateActivation } from '@multihead/tensor';
import type { Heap, WasmBuffer } from './heap.js';
import { pieces, shares } from './pieces.js';
import type { Team } from './team.js';

// Codes of assembly/gate.ts.
const codes: Record<GateActivation, number> = { none: 0, relu: 1, gelu: 2, geluTanh: 3, silu: 4, sigmoid: 5 };
/** Elements that are worth another thread. */
const WORTHWHILE = 2 ** 14;

/** Gated linear units. */
export function gates(heap: Heap, team: Team): Required<Pick<Fused<WasmBuffer>, 'glu' | 'gluGrad'>> {
  const run = (
    kernel: 'glu' | 'gluGrad',
    buffers: Readonly<Record<string, WasmBuffer>>,
    n: number,
    activation: GateActivation,
  ): boolean => {
    const addresses = Object.entries(buffers).map(([name, buffer]) => heap.at(kernel, name, buffer, 'float32', n));
    const cuts = pieces(n, 16, shares(team, n / WORTHWHILE, 2));
    team.run(kernel, cuts.map(([i, end]) => [codes[activation], ...addresses.map((at) => at + i * 4), end - i])); // biome-ignore format: one call
    return true;
  };
  return {
    glu: (out, gate, up, { activation }) => run('glu', { out, gate, up }, out.length, activation),
    gluGrad: (dGate, dUp, dy, gate, up, { activation }) => run('gluGrad', { dGate, dUp, dy, gate, up }, dy.length, activation),
  };
}
