import type { Trie } from '../models/trie.js';
import { PieceType, type SentencePiece } from './sentencepiece-model.js';

/**
 * Divides a normalized text into pieces. The parts are told as a flat list, start, end and id of each in turn: an object for each would be a
 * burden for the garbage collector, which a text of twice the length makes more than twice as heavy.
 */
export type Segmenter = (text: string) => number[];

/** The pieces that text can become, in any model: those of other types have no place in text. */
export function isTextPiece({ type }: SentencePiece): boolean {
  return type === PieceType.normal || type === PieceType.userDefined || type === PieceType.unused;
}

/** Single characters, each as its start, its end and whether it is a user-defined symbol, which counts as one. */
export function characters(text: string, symbols: Trie | undefined): number[] {
  const found: number[] = [];
  for (let at = 0; at < text.length; ) {
    const symbol = symbols === undefined ? 0 : longestAt(symbols, text, at);
    const length = symbol > 0 ? symbol : text.codePointAt(at)! > 0xffff ? 2 : 1;
    found.push(at, at + length, Number(symbol > 0));
    at += length;
  }
  return found;
}

/** Words, each of which begins with its ▁: starts, ends and a zero. */
export function words(text: string): number[] {
  const found: number[] = [];
  for (let start = 0; start < text.length; ) {
    const next = text.indexOf('\u2581', start + 1);
    const end = next < 0 ? text.length : next;
    found.push(start, end, 0);
    start = end;
  }
  return found;
}

/** How long the longest word of a trie is that the text has at this place; 0 if it has none. */
export function longestAt(trie: Trie, text: string, at: number): number {
  let length = 0;
  let node = 0;
  for (let end = at; end < text.length; ) {
    node = trie.child(node, text.charCodeAt(end++));
    if (node < 0) break;
    if (trie.value(node) >= 0) length = end - at;
  }
  return length;
}
