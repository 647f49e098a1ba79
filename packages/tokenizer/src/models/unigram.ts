import { show, TokenizerError } from '../errors.js';
import { isHighSurrogate } from '../aligned-text.js';
import type { Model, TokenSink } from './model.js';
import { Trie } from './trie.js';
import { VocabularyTable } from './vocabulary-table.js';

/** What a character that no piece begins with costs below the worst piece. */
const unknownPenalty = 10;

export interface UnigramRules {
  unknownId: number | undefined;
  byteFallback: boolean;
}

/**
 * The pieces whose log probabilities have the greatest sum, found by Viterbi's algorithm (Kudo, 2018). Runs of unknown characters are one
 * token, or bytes.
 */
export class Unigram implements Model {
  readonly #vocabulary: VocabularyTable;
  readonly #scores: Float64Array;
  readonly #trie = new Trie();
  readonly #rules: UnigramRules;
  readonly #unknownScore: number;

  constructor(pieces: readonly (readonly [piece: string, score: number])[], rules: UnigramRules) {
    this.#vocabulary = VocabularyTable.ofList(pieces.map(([piece]) => piece));
    this.#scores = Float64Array.from(pieces, ([, score]) => score);
    this.#rules = rules;
    let lowest = Number.POSITIVE_INFINITY;
    pieces.forEach(([piece, score], id) => {
      if (piece !== '') this.#trie.insert(piece, id);
      if (score < lowest) lowest = score;
    });
    this.#unknownScore = lowest - unknownPenalty;
  }

  get size(): number {
    return this.#scores.length;
  }

  id(token: string): number | undefined {
    return this.#vocabulary.id(token);
  }

  token(id: number): string | undefined {
    return this.#vocabulary.token(id);
  }

  tokenize(piece: string, sink: TokenSink): void {
    const { starts, ids } = this.#bestPath(piece);
    const { unknownId } = this.#rules;
    // From the end: where the tokens start; unknown ones that touch are one.
    const bounds: number[] = [piece.length];
    let previousUnknown = false;
    for (let end = piece.length; end > 0; end = starts[end] as number) {
      const unknown = ids[end] === unknownId;
      if (unknown && previousUnknown) bounds[bounds.length - 1] = starts[end] as number;
      else bounds.push(starts[end] as number);
      previousUnknown = unknown;
    }
    for (let i = bounds.length - 1; i > 0; i--) this.#emit(piece, bounds[i] as number, bounds[i - 1] as number, sink);
  }

  /** By place: where the last token of the best path to it starts, and its id. */
  #bestPath(piece: string): { starts: Int32Array; ids: Int32Array } {
    const length = piece.length;
    const best = new Float64Array(length + 1);
    const starts = new Int32Array(length + 1).fill(-1);
    const ids = new Int32Array(length + 1);
    const trie = this.#trie;
    const scores = this.#scores;
    const { unknownId } = this.#rules;
    for (let at = 0; at < length; ) {
      const here = best[at] as number;
      const next = at + (isHighSurrogate(piece.charCodeAt(at)) ? 2 : 1);
      let single = false;
      for (let node = 0, end = at; end < length; ) {
        node = trie.child(node, piece.charCodeAt(end++));
        if (node < 0) break;
        const id = trie.value(node);
        if (id < 0) continue;
        const score = here + (scores[id] as number);
        if (starts[end] === -1 || score > (best[end] as number)) {
          best[end] = score;
          starts[end] = at;
          ids[end] = id;
        }
        if (end === next) single = true;
      }
      if (!single) {
        const score = here + this.#unknownScore;
        if (starts[next] === -1 || score > (best[next] as number)) {
          if (unknownId === undefined) throw this.#missing(piece.slice(at, next));
          best[next] = score;
          starts[next] = at;
          ids[next] = unknownId;
        }
      }
      at = next;
    }
    return { starts, ids };
  }

  #emit(piece: string, start: number, end: number, sink: TokenSink): void {
    const text = piece.slice(start, end);
    const known = this.#vocabulary.id(text);
    if (known !== undefined) {
      sink.add(known, start, end);
      return;
    }
    if (this.#rules.byteFallback) {
      const bytes = byteTokens(text, this.#vocabulary);
      if (bytes !== undefined) {
        for (const id of bytes) sink.add(id, start, end);
        return;
      }
    }
    if (this.#rules.unknownId === undefined) throw this.#missing(text);
    sink.add(this.#rules.unknownId, start, end, text);
  }

  #missing(text: string): TokenizerError {
    return new TokenizerError('encode', `expected text that the vocabulary has, since the file names no unk_id, got ${show(text)}`);
  }
}

const encoder = /* @__PURE__ */ new TextEncoder();

/** The ids of `<0x00>` to `<0xFF>` for the bytes of a text, if the vocabulary has them all. */
export function byteTokens(text: string, vocabulary: VocabularyTable): number[] | undefined {
  const ids: number[] = [];
  for (const byte of encoder.encode(text)) {
    const id = vocabulary.id(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
    if (id === undefined) return undefined;
    ids.push(id);
  }
  return ids;
}
