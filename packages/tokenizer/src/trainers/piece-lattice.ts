import type { Piece } from './seed-pieces.js';

/** What a character costs that is no piece, below the least score. */
const UNKNOWN_PENALTY = 10;

/** Above this difference, the smaller of two exponentials is lost in the larger. */
const NEGLIGIBLE = 50;

/**
 * All ways to divide a text into pieces of a vocabulary, as sums and maxima over its positions. Piece 0 is the unknown one: it stands
 * for any one character that is no piece itself.
 */
export class PieceLattice {
  readonly #scores: Float64Array;
  readonly #unknown: number;
  /** A trie: the child of a node by a character. Node 0 is the root. */
  readonly #children: Map<number, number>[] = [new Map()];
  readonly #pieceAt: number[] = [-1];

  /** The positions of the text, its edges from one to another in the order of their starts, and the least score of a piece. */
  #length = 0;
  #starts: number[] = [];
  #ends: number[] = [];
  #pieces: number[] = [];
  #weights: number[] = [];
  readonly minScore: number;

  constructor(pieces: readonly Piece[]) {
    this.#scores = Float64Array.from(pieces, ([, score]) => score);
    let least = Number.POSITIVE_INFINITY;
    for (let id = 1; id < pieces.length; id++) {
      const [piece, score] = pieces[id]!;
      if (score < least) least = score;
      let node = 0;
      for (const character of piece) node = this.#childOf(node, character.codePointAt(0)!);
      this.#pieceAt[node] = id;
    }
    this.minScore = least;
    this.#unknown = least - UNKNOWN_PENALTY;
  }

  #childOf(node: number, point: number): number {
    const children = this.#children[node]!;
    const known = children.get(point);
    if (known !== undefined) return known;
    const child = this.#children.push(new Map()) - 1;
    this.#pieceAt.push(-1);
    children.set(point, child);
    return child;
  }

  /** The text that the methods below are about. */
  read(text: string): void {
    const points: number[] = [];
    for (let i = 0; i < text.length; i++) {
      const point = text.codePointAt(i)!;
      if (point > 0xffff) i++;
      points.push(point);
    }
    this.#length = points.length;
    const [starts, ends, pieces, weights]: number[][] = [[], [], [], []];
    for (let start = 0; start < points.length; start++) {
      let node: number | undefined = 0;
      let single = false;
      for (let end = start; end < points.length; ) {
        node = this.#children[node]!.get(points[end++]!);
        if (node === undefined) break;
        const piece = this.#pieceAt[node]!;
        if (piece < 0) continue;
        starts!.push(start);
        ends!.push(end);
        pieces!.push(piece);
        weights!.push(this.#scores[piece]!);
        if (end === start + 1) single = true;
      }
      if (single) continue;
      starts!.push(start);
      ends!.push(start + 1);
      pieces!.push(0);
      weights!.push(this.#unknown);
    }
    this.#starts = starts!;
    this.#ends = ends!;
    this.#pieces = pieces!;
    this.#weights = weights!;
  }

  /** Adds to `expected` how often each piece occurs, over all divisions by their probability, `frequency` times over. */
  addExpected(frequency: number, expected: Float64Array): void {
    const count = this.#starts.length;
    const before = new Float64Array(this.#length + 1).fill(Number.NEGATIVE_INFINITY);
    const after = new Float64Array(this.#length + 1).fill(Number.NEGATIVE_INFINITY);
    before[0] = 0;
    after[this.#length] = 0;
    for (let i = 0; i < count; i++) {
      const end = this.#ends[i]!;
      before[end] = logSumExp(before[end]!, this.#weights[i]! + before[this.#starts[i]!]!);
    }
    for (let i = count - 1; i >= 0; i--) {
      const start = this.#starts[i]!;
      after[start] = logSumExp(after[start]!, this.#weights[i]! + after[this.#ends[i]!]!);
    }
    const total = before[this.#length]!;
    for (let i = 0; i < count; i++) {
      expected[this.#pieces[i]!]! += frequency * Math.exp(before[this.#starts[i]!]! + this.#weights[i]! + after[this.#ends[i]!]! - total);
    }
  }

  /** The pieces of the best division; without the piece that is all of the text, if `divided` says so. */
  best(divided = false): number[] {
    const scores = new Float64Array(this.#length + 1).fill(Number.NEGATIVE_INFINITY);
    const edges = new Int32Array(this.#length + 1).fill(-1);
    scores[0] = 0;
    for (let i = 0; i < this.#starts.length; i++) {
      const [start, end] = [this.#starts[i]!, this.#ends[i]!];
      if (divided && start === 0 && end === this.#length) continue;
      const score = scores[start]! + this.#weights[i]!;
      if (edges[end]! >= 0 && score <= scores[end]!) continue;
      scores[end] = score;
      edges[end] = i;
    }
    const path: number[] = [];
    for (let end = this.#length; end > 0; ) {
      const edge = edges[end]!;
      if (edge < 0) return [];
      path.push(this.#pieces[edge]!);
      end = this.#starts[edge]!;
    }
    return path.reverse();
  }
}

/** log(eˣ + eʸ). */
function logSumExp(x: number, y: number): number {
  const least = Math.min(x, y);
  const most = Math.max(x, y);
  return most > least + NEGLIGIBLE ? most : most + Math.log(Math.exp(least - most) + 1);
}
