/*
 * The rules of byte pair encoding, and their application: of all neighbours that a rule joins, the pair of the lowest rank is joined first, and
 * of equal ones the leftmost. Short words look through all pairs each time; long ones keep them in a heap, which is n log n.
 */

/** Pairs of ids, with the rank of the rule that joins them, in one hash table of typed arrays. */
export class MergeTable {
  /** Left id, right id, rank + 1; a rank of 0 marks a free slot. */
  readonly #slots: Int32Array;
  readonly #mask: number;
  /** By rank: what the pair becomes. */
  readonly #results: Int32Array;

  /** `count` is how many rules will be added. */
  constructor(count: number) {
    let slots = 8;
    while (slots < count * 2) slots *= 2;
    this.#slots = new Int32Array(slots * 3);
    this.#mask = slots - 1;
    this.#results = new Int32Array(count);
  }

  /** The last rule for a pair counts. */
  add(left: number, right: number, rank: number, result: number): void {
    const slot = this.#slot(left, right);
    this.#slots[slot] = left;
    this.#slots[slot + 1] = right;
    this.#slots[slot + 2] = rank + 1;
    this.#results[rank] = result;
  }

  /** The rank of the rule that joins two tokens; -1 if none does. */
  rank(left: number, right: number): number {
    return (this.#slots[this.#slot(left, right) + 2] as number) - 1;
  }

  result(rank: number): number {
    return this.#results[rank] as number;
  }

  #slot(left: number, right: number): number {
    const slots = this.#slots;
    let index = hash(left, right) & this.#mask;
    for (;;) {
      const slot = index * 3;
      if (slots[slot + 2] === 0 || (slots[slot] === (left | 0) && slots[slot + 1] === (right | 0))) return slot;
      index = (index + 1) & this.#mask;
    }
  }
}

function hash(left: number, right: number): number {
  const mixed = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
  return mixed ^ (mixed >>> 16);
}

/** A word as it is joined: its tokens, and how many bytes each stands for. Reused from word to word. */
export class Word {
  ids = new Int32Array(64);
  lengths = new Int32Array(64);
  count = 0;
  #ranks = new Int32Array(64);

  add(id: number, length: number): void {
    if (this.count === this.ids.length) {
      this.ids = grown(this.ids);
      this.lengths = grown(this.lengths);
      this.#ranks = grown(this.#ranks);
    }
    this.ids[this.count] = id;
    this.lengths[this.count++] = length;
  }

  /** Applies the rules. `dropout` tells for each rule about to be applied whether it is left out this time. */
  merge(table: MergeTable, dropout?: () => boolean): void {
    if (dropout === undefined && this.count <= 48) this.#mergeShort(table);
    else new LongMerge(this, table).run(dropout);
  }

  #mergeShort(table: MergeTable): void {
    const { ids, lengths } = this;
    const ranks = this.#ranks;
    let count = this.count;
    for (let i = 0; i + 1 < count; i++) ranks[i] = table.rank(ids[i] as number, ids[i + 1] as number);
    for (;;) {
      let best = -1;
      let lowest = 0x7fffffff;
      for (let i = 0; i + 1 < count; i++) {
        const rank = ranks[i] as number;
        if (rank >= 0 && rank < lowest) {
          lowest = rank;
          best = i;
        }
      }
      if (best < 0) break;
      ids[best] = table.result(lowest);
      lengths[best] = (lengths[best] as number) + (lengths[best + 1] as number);
      count--;
      for (let i = best + 1; i < count; i++) {
        ids[i] = ids[i + 1] as number;
        lengths[i] = lengths[i + 1] as number;
        ranks[i] = ranks[i + 1] as number;
      }
      if (best > 0) ranks[best - 1] = table.rank(ids[best - 1] as number, ids[best] as number);
      if (best + 1 < count) ranks[best] = table.rank(ids[best] as number, ids[best + 1] as number);
    }
    this.count = count;
  }
}

function grown(values: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(values.length * 2);
  larger.set(values);
  return larger;
}

/** Ranks and places in one number, so that the heap is one array: places are below 2^26, ranks below 2^26. */
const places = 2 ** 26;

class LongMerge {
  readonly #word: Word;
  readonly #table: MergeTable;
  readonly #previous: Int32Array;
  readonly #next: Int32Array;
  #heap: Float64Array;
  #size = 0;

  constructor(word: Word, table: MergeTable) {
    this.#word = word;
    this.#table = table;
    const { count } = word;
    this.#previous = new Int32Array(count);
    this.#next = new Int32Array(count);
    for (let i = 0; i < count; i++) {
      this.#previous[i] = i - 1;
      this.#next[i] = i + 1 < count ? i + 1 : -1;
    }
    this.#heap = new Float64Array(Math.max(16, count * 2));
  }

  run(dropout?: () => boolean): void {
    const word = this.#word;
    const { ids, lengths } = word;
    for (let i = 0; i + 1 < word.count; i++) this.#offer(i);
    const left: number[] = [];
    while (this.#size > 0) {
      const entry = this.#take();
      if (dropout?.()) {
        left.push(entry);
        continue;
      }
      for (const again of left.splice(0)) this.#push(again);
      const place = entry % places;
      const right = this.#next[place] as number;
      if (lengths[place] === 0 || right < 0) continue;
      const rank = this.#table.rank(ids[place] as number, ids[right] as number);
      const result = this.#table.result((entry - place) / places);
      if (rank < 0 || this.#table.result(rank) !== result) continue;
      ids[place] = result;
      lengths[place] = (lengths[place] as number) + (lengths[right] as number);
      lengths[right] = 0;
      const after = this.#next[right] as number;
      this.#next[place] = after;
      if (after >= 0) {
        this.#previous[after] = place;
        this.#offer(place);
      }
      if ((this.#previous[place] as number) >= 0) this.#offer(this.#previous[place] as number);
    }
    let count = 0;
    for (let i = 0; i < word.count; i++) {
      if (lengths[i] === 0) continue;
      ids[count] = ids[i] as number;
      lengths[count++] = lengths[i] as number;
    }
    word.count = count;
  }

  /** Queues the pair that begins at a place, if a rule joins it. */
  #offer(place: number): void {
    const { ids } = this.#word;
    const rank = this.#table.rank(ids[place] as number, ids[this.#next[place] as number] as number);
    if (rank >= 0) this.#push(rank * places + place);
  }

  #push(entry: number): void {
    if (this.#size === this.#heap.length) {
      const larger = new Float64Array(this.#heap.length * 2);
      larger.set(this.#heap);
      this.#heap = larger;
    }
    const heap = this.#heap;
    let at = this.#size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((heap[parent] as number) <= entry) break;
      heap[at] = heap[parent] as number;
      at = parent;
    }
    heap[at] = entry;
  }

  #take(): number {
    const heap = this.#heap;
    const top = heap[0] as number;
    const entry = heap[--this.#size] as number;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && (heap[child + 1] as number) < (heap[child] as number)) child++;
      if ((heap[child] as number) >= entry) break;
      heap[at] = heap[child] as number;
      at = child;
    }
    heap[at] = entry;
    return top;
  }
}
