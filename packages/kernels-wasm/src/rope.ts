import { type Fused, type HeadView, type RopeArgs, ShapeError } from '@multihead/tensor';
import type { Heap, WasmBuffer } from './heap.js';
import { pieces, shares } from './pieces.js';
import type { Team } from './team.js';

/** Elements that are worth another thread. */
const WORTHWHILE = 2 ** 15;

/** Rotary positions, heads read and written in place. */
export function rotations(heap: Heap, team: Team): Required<Pick<Fused<WasmBuffer>, 'rope'>> {
  return {
    rope(out, x, cos, sin, args) {
      const { batch, heads, tokens, dim, rotary, interleaved, inverse, tableBatch } = args;
      const size = batch * heads * tokens * dim;
      if (size === 0) return true;
      const table = (batch - 1) * tableBatch + (tokens * rotary) / 2;
      const addresses = [
        heap.at('rope', 'out', out, 'float32', extent(args.out, args)) + args.out.offset * 4,
        heap.at('rope', 'x', x, 'float32', extent(args.x, args)) + args.x.offset * 4,
        heap.at('rope', 'cos', cos, 'float32', table),
        heap.at('rope', 'sin', sin, 'float32', table),
      ];
      const sizes = [heads, tokens, dim, rotary, Number(interleaved), inverse ? -1 : 1];
      const strides = [...bytesOf(args.x), ...bytesOf(args.out), tableBatch * 4];
      const cuts = pieces(batch * heads, 1, shares(team, size / WORTHWHILE, 4));
      team.run('rope', cuts.map(([from, to]) => [...addresses, from, to, ...sizes, ...strides])); // biome-ignore format: one call
      return true;
    },
  };
}

function extent({ offset, batch, head, token }: HeadView, args: RopeArgs): number {
  if (Math.min(offset, batch, head, token) < 0) throw new ShapeError('wasm rope: offset and strides must not be negative');
  return offset + (args.batch - 1) * batch + (args.heads - 1) * head + (args.tokens - 1) * token + args.dim;
}

function bytesOf({ batch, head, token }: HeadView): number[] {
  return [batch * 4, head * 4, token * 4];
}
