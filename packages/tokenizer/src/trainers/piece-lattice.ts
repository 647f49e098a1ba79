import { Trie } from '../models/trie.js';
import type { Piece } from './seed-pieces.js';

/** What a character costs that is no piece, below the least score. */
const UNKNOWN_PENALTY = 10;

/** Above this difference, the smaller of two exponentials is lost in the larger. */
const NEGLIGIBLE = 50;

/**
 * All ways to divide a text into pieces of a vocabulary, as sums and maxima over its positions. Piece 0 is the unknown one: it stands
 * for any one character that is no piece itself.
 *
 * The same arrays serve for one text after the other.
 */
export class PieceLattice {
  readonly #scores: Float64Array;
  readonly #unknown: number;
  readonly #trie: Trie;

  /** The length of the text, and its edges from one position to another, in the order of their starts. */
  #length = 0;
  #count = 0;
  #starts = new Int32Array(256);
  #ends = new Int32Array(256);
  #pieces = new Int32Array(256);
  #weights = new Float64Array(256);
  /** By position. */
  #before = new Float64Array(64);
  #after = new Float64Array(64);
  #edges = new Int32Array(64);

  constructor(pieces: readonly Piece[]) {
    this.#scores = Float64Array.from(pieces, ([, score]) => score);
    let least = Number.POSITIVE_INFINITY;
    for (let id = 1; id < pieces.length; id++) least = Math.min(least, pieces[id]![1]);
    this.#unknown = least - UNKNOWN_PENALTY;
    this.#trie = new Trie();
    for (let id = 1; id < pieces.length; id++) this.#trie.insert(pieces[id]![0], id);
  }

  /** The text that the methods below are about. */
  read(text: string): void {
    const { length } = text;
    this.#length = length;
    this.#count = 0;
    if (length >= this.#before.length) {
      this.#before = new Float64Array(2 * length);
      this.#after = new Float64Array(2 * length);
      this.#edges = new Int32Array(2 * length);
    }
    for (let start = 0; start < length; ) {
      const next = start + (text.codePointAt(start)! > 0xffff ? 2 : 1);
      let single = false;
      let node = 0;
      for (let end = start; end < length; ) {
        node = this.#trie.child(node, text.charCodeAt(end++));
        if (node < 0) break;
        const piece = this.#trie.value(node);
        if (piece < 0) continue;
        this.#add(start, end, piece, this.#scores[piece]!);
        if (end === next) single = true;
      }
      if (!single) this.#add(start, next, 0, this.#unknown);
      start = next;
    }
  }

  #add(start: number, end: number, piece: number, weight: number): void {
    const at = this.#count++;
    if (at === this.#starts.length) {
      this.#starts = doubled(this.#starts, new Int32Array(2 * at));
      this.#ends = doubled(this.#ends, new Int32Array(2 * at));
      this.#pieces = doubled(this.#pieces, new Int32Array(2 * at));
      this.#weights = doubled(this.#weights, new Float64Array(2 * at));
    }
    this.#starts[at] = start;
    this.#ends[at] = end;
    this.#pieces[at] = piece;
    this.#weights[at] = weight;
  }

  /** Adds to `expected` how often each piece occurs, over all divisions by their probability, `frequency` times over. */
  addExpected(frequency: number, expected: Float64Array): void {
    const length = this.#length;
    const [before, after, starts, ends, weights] = [this.#before, this.#after, this.#starts, this.#ends, this.#weights];
    before.fill(Number.NEGATIVE_INFINITY, 0, length + 1);
    after.fill(Number.NEGATIVE_INFINITY, 0, length + 1);
    before[0] = 0;
    after[length] = 0;
    for (let i = 0; i < this.#count; i++) {
      const end = ends[i]!;
      before[end] = logSumExp(before[end]!, weights[i]! + before[starts[i]!]!);
    }
    for (let i = this.#count - 1; i >= 0; i--) {
      const start = starts[i]!;
      after[start] = logSumExp(after[start]!, weights[i]! + after[ends[i]!]!);
    }
    const total = before[length]!;
    for (let i = 0; i < this.#count; i++) {
      expected[this.#pieces[i]!]! += frequency * Math.exp(before[starts[i]!]! + weights[i]! + after[ends[i]!]! - total);
    }
  }

  /** The pieces of the best division; without the piece that is all of the text, if `divided` says so. */
  best(divided = false): number[] {
    const length = this.#length;
    const [scores, edges] = [this.#before, this.#edges];
    edges.fill(-1, 0, length + 1);
    scores[0] = 0;
    for (let i = 0; i < this.#count; i++) {
      const [start, end] = [this.#starts[i]!, this.#ends[i]!];
      if (divided && start === 0 && end === length) continue;
      const score = scores[start]! + this.#weights[i]!;
      if (edges[end]! >= 0 && score <= scores[end]!) continue;
      scores[end] = score;
      edges[end] = i;
    }
    const path: number[] = [];
    for (let end = length; end > 0; ) {
      const edge = edges[end]!;
      if (edge < 0) return [];
      path.push(this.#pieces[edge]!);
      end = this.#starts[edge]!;
    }
    return path.reverse();
  }
}

function doubled<T extends Int32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** log(eˣ + eʸ). */
function logSumExp(x: number, y: number): number {
  const least = Math.min(x, y);
  const most = Math.max(x, y);
  return most > least + NEGLIGIBLE ? most : most + Math.log(Math.exp(least - most) + 1);
}
