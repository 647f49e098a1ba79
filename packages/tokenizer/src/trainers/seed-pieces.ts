import type { Pace } from './pace.js';
import { compareCodePoints } from './trainer.js';

/** A piece and its score. */
export type Piece = [piece: string, score: number];

/** Ends every word in the sequence of all words; no character has this number. */
const BOUNDARY = 0;

/**
 * The pieces that training begins with: every character, by its frequency; then every string of up to `maxLength` characters that occurs
 * more than once and that the characters behind it tell apart, the highest product of length and number of occurrences first. Words count
 * once here. Scores are log probabilities.
 *
 * Those strings are the inner nodes of the suffix tree of all words. They are read off a suffix array that is sorted only as deep as pieces
 * are long.
 */
export async function seedPieces(words: readonly [string, number][], maxLength: number, most: number, pace: Pace): Promise<Piece[]> {
  const stage = 'find seed pieces';
  const characters = new Map<string, number>();
  for (const [word, count] of words) {
    for (const character of word) if (character !== '\0') characters.set(character, (characters.get(character) ?? 0) + count);
  }
  const pieces: Piece[] = [...characters].sort(([a, m], [b, n]) => n - m || compareCodePoints(b, a));

  const text = sequenceOf(words);
  const order = await sortSuffixes(text, maxLength + 1, pace, stage);
  const common = commonPrefixes(text, order, maxLength + 1);
  await pace.rest(stage, 3, 4);
  const found = repeated(text, order, common, maxLength);
  found.sort(([a, m], [b, n]) => n - m || compareCodePoints(b, a));
  for (const piece of found) {
    pieces.push(piece);
    if (pieces.length >= most) break;
  }
  await pace.finish(stage, 4);
  const sum = Math.log(pieces.reduce((total, [, score]) => total + score, 0));
  return pieces.map(([piece, score]) => [piece, Math.log(score) - sum]);
}

/** All words as code points plus one, each with a boundary behind it. */
function sequenceOf(words: readonly [string, number][]): Int32Array {
  let length = 0;
  for (const [word] of words) length += word.length + 1;
  const text = new Int32Array(length);
  let end = 0;
  for (const [word] of words) {
    for (let i = 0; i < word.length; i++) {
      const point = word.codePointAt(i) as number;
      if (point > 0xffff) i++;
      text[end++] = point === 0 ? BOUNDARY : point + 1; // NUL ends pieces, too, as it does in Hugging Face's trainer
    }
    text[end++] = BOUNDARY;
  }
  return text.subarray(0, end);
}

/** The suffixes of a text in the order of their first `depth` symbols or more: by doubling prefixes, each round a counting sort. */
async function sortSuffixes(text: Int32Array, depth: number, pace: Pace, stage: string): Promise<Int32Array> {
  const { length } = text;
  let order = new Int32Array(length);
  let ranks: Int32Array = new Int32Array(length);
  const symbols = [...new Set(text)].sort((a, b) => a - b);
  const dense = new Map(symbols.map((symbol, index) => [symbol, index]));
  for (let i = 0; i < length; i++) ranks[i] = dense.get(text[i]!)!;
  let classes = symbols.length;
  for (let i = 0; i < length; i++) order[i] = i;
  order = countingSort(order, (i) => ranks[i]!, classes);

  for (let width = 1; width < depth && classes < length; width *= 2) {
    await pace.rest(stage, 1, 4);
    // Suffixes in the order of their second halves: those that have none first, then the others as the first halves are ordered.
    const shifted = new Int32Array(length);
    let end = 0;
    for (let i = length - width; i < length; i++) if (i >= 0) shifted[end++] = i;
    for (let i = 0; i < length; i++) if (order[i]! >= width) shifted[end++] = order[i]! - width;
    const first = ranks;
    order = countingSort(shifted, (i) => first[i]!, classes);

    const next = new Int32Array(length);
    const second = (i: number) => (i + width < length ? first[i + width]! : -1);
    classes = 1;
    for (let i = 1; i < length; i++) {
      const [a, b] = [order[i - 1]!, order[i]!];
      if (first[a] !== first[b] || second(a) !== second(b)) classes++;
      next[b] = classes - 1;
    }
    ranks = next;
  }
  return order;
}

function countingSort(items: Int32Array, key: (item: number) => number, classes: number): Int32Array<ArrayBuffer> {
  const starts = new Int32Array(classes + 1);
  for (let i = 0; i < items.length; i++) starts[key(items[i]!) + 1]!++;
  for (let i = 0; i < classes; i++) starts[i + 1]! += starts[i]!;
  const sorted = new Int32Array(items.length);
  for (let i = 0; i < items.length; i++) sorted[starts[key(items[i]!)]!++] = items[i]!;
  return sorted;
}

/** How many symbols each suffix shares with the one before it in the order, `most` at most. */
function commonPrefixes(text: Int32Array, order: Int32Array, most: number): Int32Array {
  const common = new Int32Array(order.length);
  for (let i = 1; i < order.length; i++) {
    const [a, b] = [order[i - 1]!, order[i]!];
    let length = 0;
    while (length < most && a + length < text.length && b + length < text.length && text[a + length] === text[b + length]) length++;
    common[i] = length;
  }
  return common;
}

/** The strings of 2 to `maxLength` symbols, no boundary among them, at which suffixes part, with length times number of occurrences. */
function repeated(text: Int32Array, order: Int32Array, common: Int32Array, maxLength: number): Piece[] {
  const found: Piece[] = [];
  const depths: number[] = [];
  const starts: number[] = [];
  for (let i = 1; i <= order.length; i++) {
    const depth = i < order.length ? common[i]! : 0;
    let start = i - 1;
    while (depths.length > 0 && depths[depths.length - 1]! > depth) {
      const length = depths.pop()!;
      start = starts.pop()!;
      const from = order[start]!;
      const symbols = text.subarray(from, from + length);
      if (length < 2 || length > maxLength || symbols.includes(BOUNDARY)) continue;
      let piece = '';
      for (const symbol of symbols) piece += String.fromCodePoint(symbol - 1);
      found.push([piece, length * (i - start)]);
    }
    if (depth > 0 && (depths.length === 0 || depths[depths.length - 1]! < depth)) {
      depths.push(depth);
      starts.push(start);
    }
  }
  return found;
}
