import type { Spans } from './pre-tokenizers/pre-tokenizer.js';

/** Longer words are not kept. */
const longestWord = 64;
const mostWords = 50_000;

type Encode = (word: string) => readonly number[];

/** The ids of words met before. When it is full, it starts anew. */
export class WordCache {
  /** Most words are one token. */
  #words = new Map<string, number | readonly number[]>();

  /** Adds the ids of a word, which `encode` tells if they are not known. */
  add(word: string, encode: Encode, ids: number[]): void {
    const known = this.#words.get(word) ?? this.#meet(word, encode);
    if (typeof known === 'number') ids.push(known);
    else for (let i = 0; i < known.length; i++) ids.push(known[i] as number);
  }

  /** Adds the ids of the words of a text, until there are `most`. */
  addAll(text: string, spans: Spans, encode: Encode, ids: number[], most: number): void {
    const { scan } = spans;
    if (scan !== undefined) {
      for (let at = 0; at < text.length && ids.length < most; ) {
        const end = scan(text, at);
        this.add(text.slice(at, end), encode, ids);
        at = end;
      }
      return;
    }
    const bounds = spans(text);
    for (let i = 0; i < bounds.length && ids.length < most; i += 2) {
      if (bounds[i] !== bounds[i + 1]) this.add(text.slice(bounds[i], bounds[i + 1]), encode, ids);
    }
  }

  #meet(word: string, encode: Encode): number | readonly number[] {
    const ids = encode(word);
    const kept = ids.length === 1 ? (ids[0] as number) : ids;
    if (word.length <= longestWord) {
      if (this.#words.size >= mostWords) this.#words = new Map();
      this.#words.set(word, kept);
    }
    return kept;
  }
}
