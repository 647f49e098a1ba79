/**
 * Pairs of ids that wait to be merged, the most frequent first, equally frequent ones in the order of their ids: a binary heap. An entry
 * carries the words in which its pair was found.
 */
export interface PairEntry {
  left: number;
  right: number;
  count: number;
  /** Which pair this is, as an index into the counts of the trainer. */
  pair: number;
  /** Indices of words, each once. */
  words: number[];
}

export class PairQueue {
  readonly #heap: PairEntry[] = [];

  get size(): number {
    return this.#heap.length;
  }

  push(entry: PairEntry): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!precedes(entry, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  pop(): PairEntry | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (heap.length === 0 || last === undefined) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && precedes(heap[child + 1]!, heap[child]!)) child++;
      if (!precedes(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}

function precedes(a: PairEntry, b: PairEntry): boolean {
  if (a.count !== b.count) return a.count > b.count;
  if (a.left !== b.left) return a.left < b.left;
  return a.right < b.right;
}
