import type { Spans } from './pre-tokenizers/pre-tokenizer.js';

/** Longer words are not kept. */
const longestWord = 64;
const mostWords = 50_000;

/** The ids of words met before. When it is full, it starts anew. */
export class WordCache {
  #words = new Map<string, readonly number[]>();

  /** Adds the ids of a word, which `encode` tells if they are not known. */
  add(word: string, encode: (word: string) => readonly number[], ids: number[]): void {
    let known = this.#words.get(word);
    if (known === undefined) {
      known = encode(word);
      if (word.length <= longestWord) {
        if (this.#words.size >= mostWords) this.#words = new Map();
        this.#words.set(word, known);
      }
    }
    for (let i = 0; i < known.length; i++) ids.push(known[i] as number);
  }

  /** Adds the ids of the words of a text, until there are `most`. */
  addAll(text: string, spans: Spans, encode: (word: string) => readonly number[], ids: number[], most: number): void {
    const bounds = spans(text);
    for (let i = 0; i < bounds.length && ids.length < most; i += 2) {
      if (bounds[i] !== bounds[i + 1]) this.add(text.slice(bounds[i], bounds[i + 1]), encode, ids);
    }
  }
}
