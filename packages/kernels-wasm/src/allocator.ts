/*
 * Which bytes are taken: a two-level segregated-fit allocator over [start, end) of an address space that only grows.
 * Free blocks are listed by size class, eight to each power of two; a block is split when it is larger than asked for and merged with
 * its free neighbours when it comes back, so batches of ever different lengths don't fragment the heap. Both are O(1).
 * Masmano, Ripoll, Crespo, Real: "TLSF: a new dynamic memory allocator for real-time systems", ECRTS 2004.
 */
export interface Block {
  address: number;
  size: number;
  free: boolean;
  /** The neighbours by address. */
  below: Block | null;
  above: Block | null;
  /** The neighbours in the list of its class, while it is free. */
  previous: Block | null;
  next: Block | null;
}

/** Alignment of addresses and sizes: a vector of 16 bytes never crosses a cache line that it needn't. */
const GRAIN = 64;
const STEPS = 8;

/** The class whose blocks are all at most `size`, counted from 0. */
function classBelow(size: number): number {
  const exponent = 31 - Math.clz32(size / GRAIN);
  const fraction = Math.floor((size / GRAIN / 2 ** exponent) * STEPS) - STEPS;
  return exponent * STEPS + fraction;
}

/** The first class whose blocks all hold `size`. */
function classAbove(size: number): number {
  const index = classBelow(size);
  const exponent = Math.floor(index / STEPS);
  return GRAIN * 2 ** exponent * (1 + (index % STEPS) / STEPS) >= size ? index : index + 1;
}

export class Allocator {
  readonly #lists: (Block | null)[] = new Array<Block | null>(STEPS * 32).fill(null);
  /** Bit i of word w: list 32 w + i is not empty. */
  readonly #filled = new Int32Array(STEPS);
  readonly #start: number;
  #end: number;
  #top: Block | null = null;

  constructor(start: number) {
    this.#start = Math.ceil(start / GRAIN) * GRAIN;
    this.#end = this.#start;
  }

  /** Where the address space ends that `take` draws from. */
  get end(): number {
    return this.#end;
  }

  /** Makes [end, to) available. */
  extend(to: number): void {
    const size = Math.floor((to - this.#end) / GRAIN) * GRAIN;
    if (size <= 0) return;
    const block: Block = { address: this.#end, size, free: false, below: this.#top, above: null, previous: null, next: null };
    if (this.#top) this.#top.above = block;
    this.#top = block;
    this.#end += size;
    this.release(block);
  }

  /** A block of at least `bytes`, or null: then `shortfall` more are needed at the end. */
  take(bytes: number): Block | null {
    const size = Math.max(GRAIN, Math.ceil(bytes / GRAIN) * GRAIN);
    const block = this.#find(size);
    if (!block) return null;
    this.#unlink(block);
    if (block.size > size) this.#split(block, size);
    return block;
  }

  /** How many bytes must be added for `take(bytes)` to succeed. */
  shortfall(bytes: number): number {
    const size = Math.max(GRAIN, Math.ceil(bytes / GRAIN) * GRAIN);
    return size - (this.#top?.free ? this.#top.size : 0);
  }

  release(block: Block): void {
    let merged = block;
    const { below, above } = block;
    if (above?.free) {
      this.#unlink(above);
      this.#join(merged, above);
    }
    if (below?.free) {
      this.#unlink(below);
      this.#join(below, merged);
      merged = below;
    }
    this.#link(merged);
  }

  #find(size: number): Block | null {
    // A class further up fits without looking; the class of the size itself may hold a block that does.
    const from = classAbove(size);
    for (let word = from >> 5; word < STEPS; word++) {
      const mask = word === from >> 5 ? -1 << (from & 31) : -1;
      const bits = this.#filled[word]! & mask;
      if (bits !== 0) return this.#lists[word * 32 + 31 - Math.clz32(bits & -bits)]!;
    }
    for (let block = this.#lists[classBelow(size)] ?? null; block; block = block.next) if (block.size >= size) return block;
    return null;
  }

  #split(block: Block, size: number): void {
    const rest: Block = {
      address: block.address + size,
      size: block.size - size,
      free: false,
      below: block,
      above: block.above,
      previous: null,
      next: null,
    };
    if (block.above) block.above.below = rest;
    else this.#top = rest;
    block.above = rest;
    block.size = size;
    this.#link(rest);
  }

  #join(low: Block, high: Block): void {
    low.size += high.size;
    low.above = high.above;
    if (high.above) high.above.below = low;
    else this.#top = low;
  }

  #link(block: Block): void {
    const index = classBelow(block.size);
    const first = this.#lists[index]!;
    block.free = true;
    block.previous = null;
    block.next = first;
    if (first) first.previous = block;
    this.#lists[index] = block;
    this.#filled[index >> 5]! |= 1 << (index & 31);
  }

  #unlink(block: Block): void {
    const index = classBelow(block.size);
    block.free = false;
    if (block.next) block.next.previous = block.previous;
    if (block.previous) block.previous.next = block.next;
    else {
      this.#lists[index] = block.next;
      if (!block.next) this.#filled[index >> 5]! &= ~(1 << (index & 31));
    }
    block.previous = null;
    block.next = null;
  }
}
