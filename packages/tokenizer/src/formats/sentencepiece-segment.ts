import type { PieceTrie } from '../piece-trie.js';
import { PieceType, type SentencePiece } from './sentencepiece-model.js';

/** Part of a normalized text, `[start, end)`, and the id of its piece. */
export type Segment = readonly [start: number, end: number, id: number];

/** Divides a normalized text into pieces. */
export type Segmenter = (text: string) => Segment[];

/** The pieces that text can become, in any model: those of other types have no place in text. */
export function isTextPiece({ type }: SentencePiece): boolean {
  return type === PieceType.normal || type === PieceType.userDefined || type === PieceType.unused;
}

/** Single characters; a user-defined symbol counts as one. */
export function characters(text: string, symbols: PieceTrie | undefined): [start: number, end: number, symbol: boolean][] {
  const found: [number, number, boolean][] = [];
  for (let at = 0; at < text.length; ) {
    const symbol = symbols?.longest(text, at) ?? 0;
    const length = symbol > 0 ? symbol : text.codePointAt(at)! > 0xffff ? 2 : 1;
    found.push([at, at + length, symbol > 0]);
    at += length;
  }
  return found;
}

/** Each ▁ begins a word. */
export function words(text: string): [start: number, end: number][] {
  const found: [number, number][] = [];
  for (let start = 0; start < text.length; ) {
    const next = text.indexOf('\u2581', start + 1);
    const end = next < 0 ? text.length : next;
    found.push([start, end]);
    start = end;
  }
  return found;
}
