import {
  add,
  eq,
  floorDivide,
  ge,
  logicalAnd,
  logicalOr,
  minimum,
  mul,
  remainder,
  type Rng,
  ShapeError,
  sub,
  take,
  type Tensor,
  tensor,
} from '@multihead/tensor';
import { andMasks, type MaskMod, maskMod, merged, orMasks, type Span } from '../flex/mask-mod.js';
import { causal, counted, globalTokens, slidingWindow } from '../flex/rules.js';

/**
 * Blocks of keys that blocks of queries see, as a table: `layout[i][j]`, or `layout[head][i][j]` with one for each head. Beyond the table nothing is
 * seen. Exact; costs the blocks that are true. Child et al., "Generating Long Sequences with Sparse Transformers", 2019 (the kernels).
 *
 * @example
 * const maskMod = blockSparse([[true, false], [true, true]], 64);
 */
export function blockSparse(
  layout: readonly (readonly boolean[])[] | readonly (readonly (readonly boolean[])[])[],
  blockSize: number,
): MaskMod {
  counted('blockSparse', { blockSize }, 1);
  const heads = (Array.isArray(layout[0]?.[0]) ? layout : [layout]) as readonly (readonly (readonly boolean[])[])[];
  const [rows, columns] = [heads[0]?.length ?? 0, heads[0]?.[0]?.length ?? 0];
  if (rows * columns === 0 || heads.some((table) => table.length !== rows || table.some((row) => row.length !== columns))) {
    throw new ShapeError('blockSparse: layout: expected tables [blocks of queries][blocks of keys] of one size, with something in them');
  }
  // A row and a column more, of nothing, for what lies beyond.
  const flat = heads.flatMap((table) => [...table.flatMap((row) => [...row, false]), ...new Array<boolean>(columns + 1).fill(false)]);
  return maskMod(
    (_b, head, query, key) => {
      const table = tensor(Uint8Array.from(flat, Number), { dtype: 'bool', backend: key.backend });
      const row = minimum(floorDivide(query, blockSize), rows);
      const place = add(mul(row, columns + 1), minimum(floorDivide(key, blockSize), columns));
      return take(table, heads.length === 1 ? place : add(place, mul(head, (rows + 1) * (columns + 1))));
    },
    (from, to, keys) => {
      const seen: Span[] = [];
      for (const table of heads) {
        for (const row of table.slice(Math.floor(from / blockSize), Math.ceil(to / blockSize))) {
          seen.push(...row.flatMap((visible, j): Span[] => (visible ? [[j * blockSize, (j + 1) * blockSize]] : [])));
        }
      }
      return merged(seen, keys);
    },
  );
}

/**
 * The strided pattern of Sparse Transformers: a query sees the last `stride` tokens, and of those before every `stride`-th, counted from itself. For data
 * with rows of that length. Exact; sees O(T √T) keys with stride √T. Child et al., 2019.
 *
 * @example
 * const out = flexAttend(q, k, v, { maskMod: stridedSparse(32) });
 */
export function stridedSparse(stride: number): MaskMod {
  counted('stridedSparse', { stride }, 1);
  const column: MaskMod = (_b, _h, query, key) => eq(remainder(sub(query, key), stride), 0);
  return andMasks(causal(), orMasks(slidingWindow(stride, 0), column));
}

/**
 * The fixed pattern of Sparse Transformers: a query sees its own block of `block` tokens, and of all blocks before the last `summary` tokens. Exact; skips
 * what it does not see. Child et al., 2019.
 *
 * @example
 * const out = flexAttend(q, k, v, { maskMod: fixedSparse(128, 8) });
 */
export function fixedSparse(block: number, summary = 1): MaskMod {
  counted('fixedSparse', { block, summary }, 1);
  return andMasks(
    causal(),
    maskMod(
      (_b, _h, query, key) => logicalOr(eq(floorDivide(query, block), floorDivide(key, block)), ge(remainder(key, block), block - summary)),
      (from, to, keys) => {
        const own: Span = [Math.floor(from / block) * block, Math.ceil(to / block) * block];
        const ends = Array.from({ length: Math.ceil(to / block) }, (_, n): Span => [(n + 1) * block - summary, (n + 1) * block]);
        return merged([own, ...ends], keys);
      },
    ),
  );
}

/**
 * Longformer: a window of `back` tokens to either side, and tokens that see all and are seen by all: the first ones, or those named. Exact; skips what
 * it does not see. Beltagy, Peters, Cohan: "Longformer: The Long-Document Transformer", 2020.
 *
 * @example
 * const out = flexAttend(q, k, v, { maskMod: longformer(256, 1) });
 */
export function longformer(back: number, global: number | readonly number[]): MaskMod {
  return orMasks(slidingWindow(back), globalTokens(global));
}

export interface BigBirdOptions {
  tokens: number;
  blockSize?: number;
  /** Blocks to either side, the first blocks that see and are seen by all, and blocks drawn for each block of queries. 1, 2 and 3. */
  window?: number;
  global?: number;
  random?: number;
  rng: Rng;
}

/**
 * BigBird: of blocks of tokens, a window, some global ones, and some drawn at random for each. The same `rng` draws the same. Exact; skips what it does
 * not see, O(T). Zaheer et al., "Big Bird: Transformers for Longer Sequences", 2020.
 *
 * @example
 * const out = flexAttend(q, k, v, { maskMod: bigBird({ tokens: 4096, rng: new Rng(0) }) });
 */
export function bigBird({ tokens, blockSize = 64, window = 1, global = 2, random = 3, rng }: BigBirdOptions): MaskMod {
  counted('bigBird', { tokens, window, global, random }, 0);
  counted('bigBird', { blockSize }, 1);
  const blocks = Math.max(1, Math.ceil(tokens / blockSize));
  const layout = Array.from({ length: blocks }, (_, i) => {
    const row = Array.from({ length: blocks }, (_, j) => i < global || j < global || Math.abs(i - j) <= window);
    const others = row.flatMap((seen, j) => (seen ? [] : [j]));
    for (let n = 0; n < random && others.length > 0; n++) row[others.splice(rng.integer(others.length), 1)[0]!] = true;
    return row;
  });
  return blockSparse(layout, blockSize);
}

/**
 * Swin's windows over a grid of tokens, row by row: `size` by `size` cells see one another, in a grid of windows that is moved by `shift` cells, half a
 * window in every other layer. Windows at the edges are cut, as Swin's mask cuts them. Exact; skips rows that it does not see.
 * Liu et al., "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows", 2021.
 *
 * @example
 * const out = flexAttend(q, k, v, { maskMod: shiftedWindows({ width: 56, size: 7, shift: 3 }) });
 */
export function shiftedWindows({ width, size, shift = 0 }: { width: number; size: number; shift?: number }): MaskMod {
  counted('shiftedWindows', { width, size }, 1);
  counted('shiftedWindows', { shift }, 0);
  const before = (size - (shift % size)) % size;
  const window = (place: Tensor) => [floorDivide(add(floorDivide(place, width), before), size), floorDivide(add(remainder(place, width), before), size)] as const; // biome-ignore format: one line
  return maskMod(
    (_b, _h, query, key) => {
      const [own, other] = [window(query), window(key)];
      return logicalAnd(eq(own[0], other[0]), eq(own[1], other[1]));
    },
    (from, to) => {
      const edge = (row: number) => (row * size - before) * width;
      const rowOf = (place: number) => Math.floor((Math.floor(place / width) + before) / size);
      return [[edge(rowOf(from)), edge(rowOf(to - 1) + 1)]];
    },
  );
}
