/*
 * Tokens that are found in a text before the model sees it: those that are not normalized in the text as it is given, the others in what the
 * normalizer makes of the rest. The leftmost counts, and of several that begin there the longest.
 */
import { AlignedText } from './aligned-text.js';
import { Trie } from './models/trie.js';
import type { Model } from './models/model.js';
import type { Normalizer } from './normalizers/normalizer.js';
import { isWhitespace } from './unicode.js';

export interface AddedToken {
  readonly content: string;
  readonly singleWord: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
  readonly special: boolean;
}

/** A part of a text: a token that was found, or, without `id`, text for the model. */
export interface Section {
  readonly text: AlignedText;
  readonly id?: number;
}

export class AddedVocabulary {
  readonly #ids = new Map<string, number>();
  readonly #tokens = new Map<number, AddedToken>();
  readonly #special = new Set<string>();
  readonly #raw: Finder;
  readonly #normalized: Finder;
  readonly #normalizer: Normalizer | undefined;

  /** A token that the model has keeps its id; others get the ids after the last one, in the order given, whatever a file says. */
  constructor(tokens: readonly AddedToken[], model: Model, normalizer: Normalizer | undefined) {
    this.#normalizer = normalizer;
    let next = model.size;
    let highest = -1;
    for (const token of tokens) {
      if (token.content === '') continue;
      if (token.special) this.#special.add(token.content);
      const id = this.#ids.get(token.content) ?? model.id(token.content) ?? Math.max(next, highest + 1);
      if (id >= next) next = id + 1;
      highest = Math.max(highest, id);
      this.#ids.set(token.content, id);
      this.#tokens.set(id, token);
    }
    const found = [...this.#tokens];
    this.#raw = new Finder(found.filter(([, { normalized }]) => !normalized).map(([id, token]) => [id, token, token.content]));
    this.#normalized = new Finder(
      found.filter(([, { normalized }]) => normalized).map(([id, token]) => [id, token, normalizedContent(token.content, normalizer)]),
    );
  }

  id(token: string): number | undefined {
    return this.#ids.get(token);
  }

  token(id: number): string | undefined {
    return this.#tokens.get(id)?.content;
  }

  /** What a token is called when it is decoded: normalized, if it is looked for in normalized text. */
  decodedToken(id: number): string | undefined {
    const token = this.#tokens.get(id);
    return token?.normalized ? normalizedContent(token.content, this.#normalizer) : token?.content;
  }

  isSpecial(token: string): boolean {
    return this.#special.has(token);
  }

  /** The tokens with their ids. */
  entries(): Iterable<[id: number, token: AddedToken]> {
    return this.#tokens;
  }

  /** Whether a text has none of the tokens and is not normalized either: it is its only section as it is. */
  isPlain(text: string): boolean {
    return this.#normalizer === undefined && text !== '' && !this.#raw.mayFind(text) && !this.#normalized.mayFind(text);
  }

  /** The tokens in a text, and the text between them, normalized. */
  sections(text: AlignedText): Section[] {
    const sections: Section[] = [];
    for (const part of this.#raw.split(text)) {
      if (part.text.text === '') continue;
      if (part.id !== undefined) {
        sections.push(part);
        continue;
      }
      const normalized = this.#normalizer === undefined ? part.text : this.#normalizer(part.text);
      for (const inner of this.#normalized.split(normalized)) if (inner.text.text !== '') sections.push(inner);
    }
    return sections;
  }
}

function normalizedContent(content: string, normalizer: Normalizer | undefined): string {
  return normalizer === undefined ? content : normalizer(AlignedText.of(content, false)).text;
}

const wordCharacter = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;

class Finder {
  readonly #trie = new Trie();
  readonly #found: (readonly [id: number, token: AddedToken])[] = [];
  /** One of the code units that tokens begin with. */
  readonly #first: RegExp | undefined;
  readonly #anyFirst: RegExp | undefined;

  constructor(tokens: readonly (readonly [id: number, token: AddedToken, pattern: string])[]) {
    const firsts = new Set<string>();
    for (const [id, token, pattern] of tokens) {
      if (pattern === '') continue;
      firsts.add(pattern[0] as string);
      this.#trie.insert(pattern, this.#found.push([id, token]) - 1);
    }
    if (firsts.size === 0) return;
    const units = [...firsts].map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
    this.#first = new RegExp(`[${units.join('')}]`, 'g');
    this.#anyFirst = new RegExp(this.#first, '');
  }

  /** Whether a token might begin somewhere in the text. */
  mayFind(text: string): boolean {
    return this.#anyFirst?.test(text) ?? false;
  }

  split(text: AlignedText): Section[] {
    const first = this.#first;
    if (first === undefined) return [{ text: text.slice(0, text.text.length) }];
    const given = text.text;
    const sections: Section[] = [];
    let done = 0;
    first.lastIndex = 0;
    for (let hit = first.exec(given); hit !== null; hit = first.exec(given)) {
      const [index, end] = this.#longest(given, hit.index);
      if (index < 0) continue;
      first.lastIndex = end;
      const [id, token] = this.#found[index] as readonly [number, AddedToken];
      if (token.singleWord && !isAlone(given, hit.index, end)) continue;
      let start = hit.index;
      let stop = end;
      if (token.lstrip) while (start > done && isWhitespace(given.charCodeAt(start - 1))) start--;
      if (token.lstrip && start < done) start = done;
      if (token.rstrip) while (stop < given.length && isWhitespace(given.charCodeAt(stop))) stop++;
      if (done < start) sections.push({ text: text.slice(done, start) });
      sections.push({ text: text.slice(start, stop), id });
      done = stop;
    }
    if (done !== given.length || sections.length === 0) sections.push({ text: text.slice(Math.min(done, given.length), given.length) });
    return sections;
  }

  /** The longest token that begins at a place: its index and where it ends. */
  #longest(text: string, start: number): [index: number, end: number] {
    let index = -1;
    let end = start;
    for (let node = 0, at = start; at < text.length; ) {
      node = this.#trie.child(node, text.charCodeAt(at++));
      if (node < 0) break;
      if (this.#trie.value(node) < 0) continue;
      index = this.#trie.value(node);
      end = at;
    }
    return [index, end];
  }
}

function isAlone(text: string, start: number, end: number): boolean {
  const low = text.charCodeAt(start - 1);
  const before = start === 0 ? '' : text.slice(start - (low >= 0xdc00 && low <= 0xdfff ? 2 : 1), start);
  const after = end === text.length ? '' : String.fromCodePoint(text.codePointAt(end) as number);
  return !wordCharacter.test(before) && !wordCharacter.test(after);
}
