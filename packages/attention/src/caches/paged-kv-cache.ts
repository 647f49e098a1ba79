import {
  assign,
  indexSelect,
  keep,
  noGrad,
  permute,
  reshape,
  ShapeError,
  select,
  slice,
  Tensor,
  tensor,
  tidy,
  ValueError,
  zeros,
} from '@multihead/tensor';
import { type AttentionCache, checkNew, type KeysAndValues } from './cache.js';

export interface PagedKVCacheOptions {
  /** Tokens in a block; 16 if left out. */
  blockSize?: number;
  /** Blocks in the pool; it doubles when needed if left out. */
  blocks?: number;
}

/**
 * Keys and values in blocks that samples share until they differ: each sample has a table of its blocks, `reorder` moves tables only, and
 * the last block is copied when one of several that share it goes on. Beams of one prompt hold the prompt once.
 *
 * `append` and `view` gather the blocks of each sample to [B, G, length, D], at the cost of a copy. `reorder` takes numbers, as the tables are on
 * this side. Owned by whoever made it: `dispose()` when done. Throws a ShapeError where shapes do not fit what is held or the pool is full.
 * Kwon et al., "Efficient Memory Management for Large Language Model Serving with PagedAttention", 2023.
 *
 * @example
 * const cache = new PagedKVCache({ blockSize: 16 });
 * cache.append(kPrompt, vPrompt);
 * cache.reorder([0, 0, 0, 0]); // four beams of one prompt: nothing is copied
 * cache.dispose(); // when the text is done
 */
export class PagedKVCache implements AttentionCache {
  #pool: KeysAndValues | null = null; // [blocks, G, blockSize, D]
  #tables: number[][] = [];
  /** How many tables name each block. */
  #users: number[] = [];
  #free: number[] = [];
  #length = 0;
  readonly #blockSize: number;
  readonly #blocks: number | null;

  constructor(options: PagedKVCacheOptions = {}) {
    this.#blockSize = options.blockSize ?? 16;
    this.#blocks = options.blocks ?? null;
    if (!Number.isInteger(this.#blockSize) || this.#blockSize < 1) {
      throw new ValueError(`PagedKVCache: blockSize: expected a positive integer, got ${options.blockSize}`);
    }
  }

  get length(): number {
    return this.#length;
  }

  /** Blocks in use, each counted once. */
  get blocksUsed(): number {
    return this.#users.filter((n) => n > 0).length;
  }

  append(k: Tensor, v: Tensor): KeysAndValues {
    const shape = (pool: Tensor) => [this.#tables.length, pool.shape[1]!, 0, pool.shape[3]!];
    checkNew('PagedKVCache.append', k, v, this.#pool && { k: shape(this.#pool.k), v: shape(this.#pool.v) });
    const tokens = k.shape[2]!;
    const size = this.#blockSize;
    if (!this.#pool) this.#tables = Array.from({ length: k.shape[0]! }, () => []);
    this.#reserve(k, v);
    for (const [row, table] of this.#tables.entries()) {
      for (let from = 0; from < tokens; ) {
        const at = (this.#length + from) % size;
        const to = Math.min(tokens, from + size - at);
        const block = this.#writable(table, Math.floor((this.#length + from) / size));
        for (const [pool, x] of [[this.#pool!.k, k] as const, [this.#pool!.v, v] as const]) {
          copyInto(slice(select(pool, 0, block), 1, at, at + to - from), slice(select(x, 0, row), 1, from, to));
        }
        from = to;
      }
    }
    this.#length += tokens;
    return this.view();
  }

  view(): KeysAndValues {
    if (!this.#pool) throw new ShapeError('PagedKVCache.view: nothing has been appended yet');
    return { k: this.#gathered(this.#pool.k), v: this.#gathered(this.#pool.v) };
  }

  /** Sample i goes on from what sample `rows[i]` was. Throws a ValueError for a tensor. */
  reorder(rows: Tensor | ArrayLike<number>): void {
    if (rows instanceof Tensor) throw new ValueError('PagedKVCache.reorder: rows: expected numbers, got a tensor; read it first');
    const tables = Array.from(rows, (row) => {
      const table = this.#tables[row];
      if (!table) throw new ShapeError(`PagedKVCache.reorder: rows: expected integers from 0 to ${this.#tables.length - 1}, got ${row}`);
      return [...table];
    });
    for (const block of tables.flat()) this.#users[block]!++;
    for (const block of this.#tables.flat()) this.#release(block);
    this.#tables = tables;
  }

  dispose(): void {
    this.#pool?.k.dispose();
    this.#pool?.v.dispose();
    this.#pool = null;
    this.#tables = [];
    this.#users = [];
    this.#free = [];
    this.#length = 0;
  }

  /** Makes sure, before anything is written, that there are blocks for as many tokens as `k` has. */
  #reserve(k: Tensor, v: Tensor): void {
    const tokens = k.shape[2]!;
    const used = this.#users.length - this.#free.length;
    const most = used + this.#needed(tokens);
    if (most <= this.#users.length && this.#pool) return;
    const blocks = this.#blocks ?? Math.max(most, 2 * this.#users.length, 1);
    if (most > blocks) {
      throw new ShapeError(`PagedKVCache.append: expected no more than ${blocks} blocks of ${this.#blockSize} tokens, got use for ${most}`);
    }
    this.#pool = { k: this.#grown(this.#pool?.k, k, blocks), v: this.#grown(this.#pool?.v, v, blocks) };
    for (let block = blocks - 1; block >= this.#users.length; block--) this.#free.push(block);
    this.#users.push(...new Array<number>(blocks - this.#users.length).fill(0));
  }

  /** New blocks behind the tables, and copies of shared ones that are not full. */
  #needed(tokens: number): number {
    const each = Math.ceil((this.#length + tokens) / this.#blockSize);
    const fresh = this.#tables.reduce((total, table) => total + each - table.length, 0);
    const open = tokens > 0 && this.#length % this.#blockSize > 0 ? new Set(this.#tables.map((table) => table.at(-1)!)) : [];
    return [...open].reduce((total, block) => total + this.#users[block]! - 1, fresh);
  }

  #grown(pool: Tensor | undefined, like: Tensor, blocks: number): Tensor {
    const fresh = keep(zeros([blocks, like.shape[1]!, this.#blockSize, like.shape[3]!], { dtype: like.dtype, backend: like.backend }));
    if (pool) copyInto(slice(fresh, 0, 0, pool.shape[0]), pool);
    pool?.dispose();
    return fresh;
  }

  /** The n-th block of a table, which nobody else has then. */
  #writable(table: number[], n: number): number {
    const shared = table[n];
    if (shared !== undefined && this.#users[shared] === 1) return shared;
    const block = this.#free.pop()!;
    this.#users[block] = 1;
    table[n] = block;
    if (shared !== undefined) {
      for (const pool of [this.#pool!.k, this.#pool!.v]) copyInto(select(pool, 0, block), select(pool, 0, shared));
      this.#release(shared);
    }
    return block;
  }

  #release(block: number): void {
    this.#users[block]!--;
    if (this.#users[block] === 0) this.#free.push(block);
  }

  #gathered(pool: Tensor): Tensor {
    const [, heads, size, dim] = pool.shape as [number, number, number, number];
    const [batch, blocks] = [this.#tables.length, this.#tables[0]?.length ?? 0];
    const table = tensor(Int32Array.from(this.#tables.flat()), { backend: pool.backend });
    const gathered = reshape(indexSelect(pool, 0, table), [batch, blocks, heads, size, dim]);
    const inOrder = reshape(permute(gathered, [0, 2, 1, 3, 4]), [batch, heads, blocks * size, dim]);
    return slice(inOrder, 2, 0, this.#length); // [B, G, length, D]
  }
}

function copyInto(target: Tensor, x: Tensor): void {
  noGrad(() => tidy(() => assign(target, x)));
}
