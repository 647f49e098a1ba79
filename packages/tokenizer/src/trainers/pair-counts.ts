import { Heap } from '../heap.js';

/** A pair of ids that waits to be merged, and the words in which it was found. */
export interface PairEntry {
  left: number;
  right: number;
  count: number;
  /** Which pair this is, as an index into the counts. */
  pair: number;
  /** Indices of words, each once. */
  words: number[];
}

/** Room for ids in a key of two: 2²⁶ tokens, and their product stays an exact number. */
const IDS = 2 ** 26;

/**
 * Words as sequences of ids, how often each pair of neighbours occurs in them, and where. Merging a pair visits only the words that have it.
 *
 * A count is never forgotten, not even that of a merged pair, and a pair that comes into being again is queued with the words where it did:
 * that is how Hugging Face's trainer counts, and where one string can be merged in two ways it decides what is merged next.
 */
export class PairCounts {
  readonly #words: number[][] = [];
  readonly #frequencies: number[] = [];
  /** Lengths of the symbols of each word in characters; kept only where there is a limit. */
  readonly #lengths: number[][] = [];
  readonly #maxLength: number;

  readonly #indices = new Map<number, number>();
  readonly #keys: number[] = [];
  readonly #counts: number[] = [];
  /** Words in which a pair has come into being since the last time it was queued. */
  readonly #found: (number[] | undefined)[] = [];
  #touched: number[] = [];
  readonly #queue = new Heap(precedes);

  constructor(maxLength: number = Number.POSITIVE_INFINITY) {
    this.#maxLength = maxLength;
  }

  /** Takes a word in. */
  add(symbols: number[], frequency: number): void {
    const word = this.#words.push(symbols) - 1;
    this.#frequencies.push(frequency);
    if (this.#maxLength !== Number.POSITIVE_INFINITY) this.#lengths.push(new Array<number>(symbols.length).fill(1));
    for (let i = 1; i < symbols.length; i++) this.#change(symbols[i - 1]!, symbols[i]!, word, frequency, true);
  }

  /** Queues the pairs that have come into being. */
  enqueue(): void {
    for (const pair of this.#touched) {
      const words = this.#found[pair]!;
      this.#found[pair] = undefined;
      const count = this.#counts[pair]!;
      if (count <= 0) continue;
      const key = this.#keys[pair]!;
      const right = key % IDS;
      this.#queue.push({ left: (key - right) / IDS, right, count, pair, words });
    }
    this.#touched = [];
  }

  /** Takes the most frequent pair out of the queue. */
  mostFrequent(): PairEntry | undefined {
    for (;;) {
      const top = this.#queue.pop();
      if (top === undefined) return undefined;
      const count = this.#counts[top.pair]!;
      if (top.count === count) return top;
      top.count = count;
      this.#queue.push(top);
    }
  }

  /** Makes one symbol of a pair wherever its words have it. */
  merge({ left, right, words }: PairEntry, merged: number): void {
    for (const word of words) this.#mergeIn(word, left, right, merged);
    this.enqueue();
  }

  #mergeIn(word: number, left: number, right: number, merged: number): void {
    const symbols = this.#words[word]!;
    const lengths = this.#lengths[word];
    const frequency = this.#frequencies[word]!;
    const { length } = symbols;
    let to = 0;
    for (let from = 0; from < length; from++, to++) {
      const symbol = symbols[from]!;
      if (symbol !== left || from + 1 >= length || symbols[from + 1] !== right) {
        symbols[to] = symbol;
        if (lengths !== undefined) lengths[to] = lengths[from]!;
        continue;
      }
      const size = lengths === undefined ? 0 : lengths[from]! + lengths[from + 1]!;
      if (to > 0) {
        const before = symbols[to - 1]!;
        this.#change(before, left, word, -frequency, false);
        if (lengths === undefined || lengths[to - 1]! + size < this.#maxLength) this.#change(before, merged, word, frequency, true);
      }
      from++;
      symbols[to] = merged;
      if (lengths !== undefined) lengths[to] = size;
      if (from + 1 < length) {
        const after = symbols[from + 1]!;
        this.#change(right, after, word, -frequency, false);
        if (lengths === undefined || lengths[from + 1]! + size < this.#maxLength) this.#change(merged, after, word, frequency, true);
      }
    }
    symbols.length = to;
    if (lengths !== undefined) lengths.length = to;
  }

  #change(left: number, right: number, word: number, by: number, queued: boolean): void {
    const key = left * IDS + right;
    let pair = this.#indices.get(key);
    if (pair === undefined) {
      pair = this.#keys.push(key) - 1;
      this.#indices.set(key, pair);
      this.#counts.push(0);
      this.#found.push(undefined);
    }
    this.#counts[pair]! += by;
    if (!queued) return;
    const found = this.#found[pair];
    if (found === undefined) {
      this.#found[pair] = [word];
      this.#touched.push(pair);
    } else if (found[found.length - 1] !== word) found.push(word);
  }
}

/** The most frequent first, equally frequent ones in the order of their ids. */
function precedes(a: PairEntry, b: PairEntry): boolean {
  if (a.count !== b.count) return a.count > b.count;
  if (a.left !== b.left) return a.left < b.left;
  return a.right < b.right;
}
