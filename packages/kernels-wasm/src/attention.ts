import { type AttentionArgs, type Fused, type HeadView, ShapeError, ValueError } from '@multihead/tensor';
import type { Exports } from './exports.js';
import type { Heap, WasmBuffer } from './heap.js';
import { pieces } from './pieces.js';
import type { Team } from './team.js';

/** Queries in a square: TILE of assembly/tile.ts. */
const SQUARE = 48;
/** Multiply-adds that are worth another thread. */
const WORTHWHILE = 2 ** 20;
const NO_VIEW = [0, 0, 0, 0] as const;

/** Buffers of one call, to be written in the order of the class `Attention` in assembly/attention-call.ts. */
type Place = readonly [address: number, batchBytes: number, headBytes: number, tokenBytes: number];

export function attentionKernels(
  heap: Heap,
  exports: Exports,
  team: Team,
): Required<Pick<Fused<WasmBuffer>, 'attention' | 'attentionGrad'>> {
  // Two float32 numbers as the int32 ones of the same bits.
  const floats = new Float32Array(2);
  const bits = new Int32Array(floats.buffer);

  return {
    attention(out, lse, q, k, v, mask, args) {
      const op = 'attention';
      const { batch, heads, kvHeads, queryLength, keyLength, dim, valueDim } = args;
      const places = [
        place(op, 'q', q, args.q, batch, heads, queryLength, dim),
        place(op, 'k', k, args.k, batch, kvHeads, keyLength, dim),
        place(op, 'v', v, args.v, batch, kvHeads, keyLength, valueDim),
        place(op, 'out', out, args.out, batch, heads, queryLength, valueDim),
      ];
      const lseAt = heap.at(op, 'lse', lse, 'float32', batch * heads * queryLength);
      if (batch * heads * queryLength === 0) return true;
      run(op, false, lseAt, mask, args, places, 0);
      return true;
    },

    attentionGrad({ dq, dk, dv, dqView, dkView, dvView }, dOut, { q, k, v, mask, out, lse }, args) {
      const op = 'attentionGrad';
      const { batch, heads, kvHeads, queryLength, keyLength, dim, valueDim } = args;
      const places = [
        place(op, 'q', q, args.q, batch, heads, queryLength, dim),
        place(op, 'k', k, args.k, batch, kvHeads, keyLength, dim),
        place(op, 'v', v, args.v, batch, kvHeads, keyLength, valueDim),
        place(op, 'out', out, args.out, batch, heads, queryLength, valueDim),
        place(op, 'dq', dq, dqView, batch, heads, queryLength, dim),
        place(op, 'dk', dk, dkView, batch, kvHeads, keyLength, dim),
        place(op, 'dv', dv, dvView, batch, kvHeads, keyLength, valueDim),
      ];
      const dOutAt = place(op, 'dOut', dOut, args.out, batch, heads, queryLength, valueDim)[0];
      const lseAt = heap.at(op, 'lse', lse, 'float32', batch * heads * queryLength);
      run(op, true, lseAt, mask, args, places, dOutAt);
      return true;
    },
  };

  // biome-ignore format: a view and its sizes
  function place(
    op: string, name: string, buffer: WasmBuffer, view: HeadView, batch: number, heads: number, tokens: number, width: number,
  ): Place {
    const { offset, batch: byBatch, head: byHead, token: byToken } = view;
    if (Math.min(offset, byBatch, byHead, byToken) < 0) throw new ShapeError(`wasm ${op}: ${name}: offset and strides must not be negative`);
    const empty = batch * heads * tokens * width === 0;
    const extent = empty ? 0 : offset + (batch - 1) * byBatch + (heads - 1) * byHead + (tokens - 1) * byToken + width;
    const address = heap.at(op, name, buffer, 'float32', extent);
    return [address + offset * 4, byBatch * 4, byHead * 4, byToken * 4];
  }

  function maskPlace(op: string, mask: WasmBuffer | null, args: AttentionArgs): [kind: number, ...Place] {
    if (mask === null) return [0, ...NO_VIEW];
    const [byBatch, byHead, byQuery] = args.maskStrides ?? [0, 0, 0];
    const { batch, heads, queryLength, keyLength } = args;
    const extent = (batch - 1) * byBatch + (heads - 1) * byHead + (queryLength - 1) * byQuery + keyLength;
    const bool = mask.dtype === 'bool';
    const address = heap.at(op, 'mask', mask, bool ? 'bool' : 'float32', extent);
    const bytes = bool ? 1 : 4;
    return [bool ? 1 : 2, address, byBatch * bytes, byHead * bytes, byQuery * bytes];
  }

  // biome-ignore format: one line
  function run(
    op: string, backward: boolean, lse: number, mask: WasmBuffer | null, args: AttentionArgs, places: readonly Place[], dOut: number,
  ): void {
    const { batch, heads, kvHeads, queryLength, keyLength, dim, valueDim, causalOffset, windowOffset, scale, softcap } = args;
    if (!(kvHeads >= 1 && kvHeads <= heads) && heads > 0) throw new ValueError(`wasm ${op}: kvHeads: expected 1 to ${heads}, got ${kvHeads}`);
    const [q, k, v, out, dq = NO_VIEW, dk = NO_VIEW, dv = NO_VIEW] = places as [Place, Place, Place, Place, Place?, Place?, Place?];
    const sizes = [batch, heads, kvHeads, queryLength, keyLength, dim, valueDim];
    const limits = [Number(causalOffset !== null), causalOffset ?? 0, Number(windowOffset !== null), windowOffset ?? 0];
    [floats[0], floats[1]] = [scale, softcap];
    const words = [...sizes, ...limits, ...bits];
    heap.i32.set([...words, lse, ...maskPlace(op, mask, args), ...q, ...k, ...v, ...out, dOut, ...dq, ...dk, ...dv], heap.small / 4);
    const scratch = exports.attentionScratch(heap.small, Number(backward));
    const most = Math.min(4 * team.size, Math.floor((batch * heads * queryLength * keyLength * (dim + valueDim)) / WORTHWHILE));
    const cuts = pieces(batch * kvHeads, 1, team.size === 1 ? 1 : most);
    if (backward) {
      team.run('attentionGrad', cuts.map(([from, to]) => [heap.small, from, to, 0]), 3, scratch); // biome-ignore format: one call
      return;
    }
    // Few heads: their queries are cut, too, by whole squares.
    const squares = pieces(queryLength, SQUARE, cuts.length < team.size ? Math.ceil(most / cuts.length) : 1);
    const calls = cuts.flatMap(([from, to]) => squares.map(([first, last]) => [heap.small, from, to, first, last, 0]));
    team.run('attention', calls, 5, scratch);
  }
}
