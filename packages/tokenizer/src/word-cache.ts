import type { Spans } from './pre-tokenizers/pre-tokenizer.js';

/** Longer words are not kept. */
const longestWord = 48;
const mostWords = 2 ** 16;
const slots = mostWords * 2;

type Encode = (word: string) => readonly number[];

/**
 * The ids of words met before, found by the code units themselves, so that no string is made of a word that is known. When it is full, it
 * starts anew.
 */
export class WordCache {
  /** By hash: a word's number + 1. The arrays grow as words come. */
  #slots = new Int32Array(1024);
  /** By word, four numbers each: its hash, where its units begin, where its ids begin, and its length and its number of ids in one. */
  #words = new Int32Array(1024);
  #units = new Uint16Array(2048);
  #ids = new Int32Array(1024);
  #wordCount = 0;
  #unitCount = 0;
  #idCount = 0;

  /** Adds the ids of the word from `start` to `end` of a text, which `encode` tells if they are not known. */
  add(text: string, start: number, end: number, encode: Encode, ids: number[]): void {
    const length = end - start;
    if (length > longestWord) {
      for (const id of encode(text.slice(start, end))) ids.push(id);
      return;
    }
    let hash = length;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    hash ^= hash >>> 15;
    const words = this.#words;
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const word = ((this.#slots[slot] as number) - 1) * 4;
      if (word < 0) break;
      if (words[word] !== hash || !this.#matches(word, text, start, length)) continue;
      const first = words[word + 2] as number;
      const last = first + ((words[word + 3] as number) >> 8);
      for (let i = first; i < last; i++) ids.push((this.#ids[i] as number) >>> 0);
      return;
    }
    const found = encode(text.slice(start, end));
    for (const id of found) ids.push(id);
    this.#keep(text, start, length, hash, found);
  }

  /** Adds the ids of the words of a text, until there are `most`. */
  addAll(text: string, spans: Spans, encode: Encode, ids: number[], most: number): void {
    const { scan } = spans;
    if (scan !== undefined) {
      for (let at = 0; at < text.length && ids.length < most; ) {
        const end = scan(text, at);
        this.add(text, at, end, encode, ids);
        at = end;
      }
      return;
    }
    const bounds = spans(text);
    for (let i = 0; i < bounds.length && ids.length < most; i += 2) {
      if (bounds[i] !== bounds[i + 1]) this.add(text, bounds[i] as number, bounds[i + 1] as number, encode, ids);
    }
  }

  #matches(word: number, text: string, start: number, length: number): boolean {
    if (((this.#words[word + 3] as number) & 255) !== length) return false;
    const units = this.#units;
    const begin = this.#words[word + 1] as number;
    for (let i = 0; i < length; i++) if (units[begin + i] !== text.charCodeAt(start + i)) return false;
    return true;
  }

  #keep(text: string, start: number, length: number, hash: number, found: readonly number[]): void {
    if (this.#wordCount === mostWords) this.#clear();
    this.#grow(length, found.length);
    const word = this.#wordCount++ * 4;
    this.#words[word] = hash;
    this.#words[word + 1] = this.#unitCount;
    this.#words[word + 2] = this.#idCount;
    this.#words[word + 3] = length | (found.length << 8);
    for (let i = start; i < start + length; i++) this.#units[this.#unitCount++] = text.charCodeAt(i);
    for (const id of found) this.#ids[this.#idCount++] = id;
    this.#put(hash, this.#wordCount);
  }

  #put(hash: number, number: number): void {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = number;
  }

  #clear(): void {
    this.#slots.fill(0);
    this.#wordCount = 0;
    this.#unitCount = 0;
    this.#idCount = 0;
  }

  /** Makes room for one more word. */
  #grow(units: number, ids: number): void {
    if ((this.#wordCount + 1) * 4 > this.#words.length) this.#words = larger(this.#words, this.#words.length * 2);
    if (this.#unitCount + units > this.#units.length) {
      const grown = new Uint16Array(this.#units.length * 2);
      grown.set(this.#units);
      this.#units = grown;
    }
    if (this.#idCount + ids > this.#ids.length) this.#ids = larger(this.#ids, this.#ids.length * 2 + ids);
    if (this.#wordCount * 2 < this.#slots.length || this.#slots.length === slots) return;
    this.#slots = new Int32Array(this.#slots.length * 2);
    for (let word = 0; word < this.#wordCount; word++) this.#put(this.#words[word * 4] as number, word + 1);
  }
}

function larger(values: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(length);
  grown.set(values);
  return grown;
}
