import { Heap } from '../heap.js';
import type { Trie } from '../models/trie.js';
import { PieceType, type SentencePieceModel } from './sentencepiece-model.js';
import { characters, isTextPiece, type Segmenter } from './sentencepiece-segment.js';

/** Stretches whose pieces are remembered. */
const REMEMBERED = 10_000;
const LONGEST_REMEMBERED = 32;

/**
 * Merges neighbours as long as there is a piece for two of them, the best score first, the leftmost of equal ones. User-defined symbols are
 * not merged. A merged piece that is marked unused falls apart again into what it was made of.
 *
 * Where no piece goes on from another character to ▁, or from ▁ to another, no merge does: there the text is cut, and what comes between
 * two cuts is remembered.
 */
export function byMerging(model: SentencePieceModel, symbols: Trie | undefined): Segmenter {
  const { pieces } = model;
  const ids = new Map(pieces.map(({ piece }, id) => [piece, id]));
  const mergeable = new Map<string, number>();
  let longest = 0;
  pieces.forEach((piece, id) => {
    if (!isTextPiece(piece)) return;
    mergeable.set(piece.piece, id);
    longest = Math.max(longest, piece.piece.length);
  });
  const merge = (text: string) => merged(text, { model, ids, mergeable, longest, symbols });
  const cut = cutsOf([...mergeable.keys()]);
  // What an unused piece is made of may have been told elsewhere in the text.
  if (cut === undefined || pieces.some(({ type }) => type === PieceType.unused)) return merge;

  const remembered = new Map<string, number[]>();
  return (text) => {
    const found: number[] = [];
    for (let start = 0; start < text.length; ) {
      const end = cut(text, start);
      const part = text.slice(start, end);
      let segments = remembered.get(part);
      if (segments === undefined) {
        segments = merge(part);
        if (part.length <= LONGEST_REMEMBERED) {
          if (remembered.size >= REMEMBERED) remembered.clear();
          remembered.set(part, segments);
        }
      }
      for (let i = 0; i < segments.length; i += 3) found.push(start + segments[i]!, start + segments[i + 1]!, segments[i + 2]!);
      start = end;
    }
    return found;
  };
}

/** Where a stretch ends that begins at `start`: a function that cuts before words or behind their ▁; undefined where neither may be. */
function cutsOf(pieces: readonly string[]): ((text: string, start: number) => number) | undefined {
  const before = !pieces.some((piece) => /[^▁]▁/u.test(piece));
  const behind = !pieces.some((piece) => /▁[^▁]/u.test(piece));
  if (!before && !behind) return undefined;
  return (text, start) => {
    for (let at = start + 1; at < text.length; at++) {
      const [left, right] = [text[at - 1] === '▁', text[at] === '▁'];
      if (before ? !left && right : left && !right) return at;
    }
    return text.length;
  };
}

interface Merging {
  readonly model: SentencePieceModel;
  readonly ids: ReadonlyMap<string, number>;
  readonly mergeable: ReadonlyMap<string, number>;
  readonly longest: number;
  readonly symbols: Trie | undefined;
}

function merged(text: string, { model, ids, mergeable, longest, symbols }: Merging): number[] {
  const given = characters(text, symbols);
  const count = given.length / 3;
  // Symbol i reaches from starts[i] to ends[i], and is gone when it has become part of another one, before it.
  const starts = new Int32Array(count);
  const ends = new Int32Array(count);
  const next = new Int32Array(count);
  const previous = new Int32Array(count);
  const frozen = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    starts[i] = given[3 * i]!;
    ends[i] = given[3 * i + 1]!;
    frozen[i] = given[3 * i + 2]!;
    next[i] = i + 1 < count ? i + 1 : -1;
    previous[i] = i - 1;
  }
  const agenda = new Heap(precedes);
  const parts = new Map<string, [left: string, right: string]>();

  const consider = (left: number, right: number) => {
    if (left < 0 || right < 0 || frozen[left] || frozen[right]) return;
    const [start, end] = [starts[left]!, ends[right]!];
    if (end - start > longest) return;
    const piece = text.slice(start, end);
    const id = mergeable.get(piece);
    if (id === undefined) return;
    agenda.push({ left, right, start, end, score: model.pieces[id]!.score });
    if (model.pieces[id]!.type === PieceType.unused) parts.set(piece, [text.slice(start, ends[left]), text.slice(starts[right], end)]);
  };

  for (let i = 1; i < count; i++) consider(i - 1, i);
  for (let top = agenda.pop(); top !== undefined; top = agenda.pop()) {
    const { left, right, end } = top;
    // Both must be there still, and be what they were.
    if (ends[left] === starts[left] || ends[right] === starts[right] || starts[right] !== ends[left] || ends[right] !== end) continue;
    ends[left] = end;
    starts[right] = end; // empty: gone
    const after = next[right]!;
    next[left] = after;
    if (after >= 0) previous[after] = left;
    consider(previous[left]!, left);
    consider(left, after);
  }

  const found: number[] = [];
  for (let i = 0; i >= 0 && i < count; i = next[i]!) resegment(starts[i]!, ends[i]!);
  return found;

  /** Unused pieces into their parts. Of parts there are fewer and fewer characters, so the depth is bounded by the longest piece. */
  function resegment(start: number, end: number): void {
    const piece = text.slice(start, end);
    const id = ids.get(piece) ?? model.unkId;
    const apart = model.pieces[id]!.type === PieceType.unused ? parts.get(piece) : undefined;
    if (apart === undefined) {
      found.push(start, end, id);
      return;
    }
    resegment(start, start + apart[0].length);
    resegment(start + apart[0].length, end);
  }
}

interface Candidate {
  left: number;
  right: number;
  start: number;
  end: number;
  score: number;
}

/** The best score first, then the leftmost. */
function precedes(a: Candidate, b: Candidate): boolean {
  return a.score !== b.score ? a.score > b.score : a.left < b.left;
}
