import { any, type Backend, keep, reshape, tidy } from '@multihead/tensor';
import { type MaskMod, maskMod, merged, placesOf, run, type Span } from './mask-mod.js';
import { counted } from './rules.js';

export interface BlockMaskOptions {
  batch?: number;
  heads?: number;
  queries: number;
  /** As many as queries if left out. */
  keys?: number;
  blockSize?: number;
  backend?: Backend;
  signal?: AbortSignal;
}

/**
 * The rule, with what it rules out found by trying it once: for rules that depend on data, or come without `spans`. A block that no query of a
 * tile sees, in no sample and no head, is skipped from then on. Costs queries · keys evaluations, and reads one row of bools for each tile.
 * After `create_block_mask` of PyTorch's FlexAttention. Rejects with the signal's reason when aborted.
 *
 * @example
 * const sparse = await createBlockMask(sameSegment(ids), { batch: 2, queries: tokens });
 * const out = flexAttend(q, k, v, { maskMod: sparse });
 */
export async function createBlockMask(mod: MaskMod, options: BlockMaskOptions): Promise<MaskMod> {
  const { batch = 1, heads = 1, queries, keys = queries, blockSize = 128, backend, signal } = options;
  counted('createBlockMask', { batch, heads, queries, keys }, 0);
  counted('createBlockMask', { blockSize }, 1);
  const rows: Span[][] = [];
  for (let from = 0; from < queries; from += blockSize) {
    signal?.throwIfAborted();
    const to = Math.min(queries, from + blockSize);
    const seen = keep(
      tidy(() => {
        const visible = mod(...placesOf(batch, run([0, heads], backend), run([from, to], backend), run([0, keys], backend)));
        return any(reshape(visible, [-1, visible.shape.at(-1)!]), { axis: 0 }); // [K], or [1] where the key does not matter
      }),
    );
    rows.push(blocksOf(await seen.data(), keys, blockSize));
    seen.dispose();
  }
  return maskMod(mod, (from, to, length) => {
    const tiles = rows.slice(Math.floor(from / blockSize), Math.ceil(to / blockSize));
    return to > queries || length > keys ? [[0, length]] : merged(tiles.flat(), length);
  });
}

/** The blocks in which something is seen. */
function blocksOf(seen: ArrayLike<number>, keys: number, blockSize: number): Span[] {
  const at = (key: number) => seen[seen.length === 1 ? 0 : key] !== 0;
  const blocks: Span[] = [];
  for (let from = 0; from < keys; from += blockSize) {
    const to = Math.min(keys, from + blockSize);
    if (Array.from({ length: to - from }, (_, i) => at(from + i)).some(Boolean)) blocks.push([from, to]);
  }
  return merged(blocks, keys);
}
