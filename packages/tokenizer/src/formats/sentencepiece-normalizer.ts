import { TokenizerError } from '../errors.js';
import { Charsmap } from './charsmap.js';
import type { Trie } from '../models/trie.js';
import type { NormalizerSpec } from './sentencepiece-model.js';
import { longestAt } from './sentencepiece-segment.js';

/** A normalized text, and for each of its UTF-16 code units and its end, where it comes from in the text that was given. */
export interface Normalized {
  text: string;
  origins: Int32Array;
}

const SPACE = 0x20;
/** ▁, which stands for a space. */
const SPACE_SYMBOL = 0x2581;

/** A normalized text may be this many times as long as the text, and this much longer: a damaged table must not fill the memory. */
const MOST_TIMES = 32;
const MOST_MORE = 2 ** 20;

/**
 * Normalizes as SentencePiece does: replacements from the table, white space shortened and shown as ▁, one ▁ put before the text (or
 * behind it). User-defined symbols stay as they are. Time and memory are linear in the text.
 */
export class SentencePieceNormalizer {
  readonly #operation: string;
  readonly #spec: NormalizerSpec;
  readonly #suffix: boolean;
  readonly #charsmap: Charsmap | undefined;
  readonly #symbols: Trie | undefined;
  #length = 0;

  constructor(operation: string, spec: NormalizerSpec, treatWhitespaceAsSuffix: boolean, symbols: Trie | undefined) {
    this.#operation = operation;
    this.#spec = spec;
    this.#suffix = treatWhitespaceAsSuffix;
    this.#charsmap = spec.charsmap.length > 0 ? new Charsmap(operation, spec.charsmap) : undefined;
    this.#symbols = symbols;
  }

  /** The text must be well-formed. */
  normalize(text: string): Normalized {
    const { addDummyPrefix, removeExtraWhitespaces, escapeWhitespaces } = this.#spec;
    const space = escapeWhitespaces ? SPACE_SYMBOL : SPACE;
    const output = new Output(this.#operation, text.length);
    let at = 0;
    if (removeExtraWhitespaces) {
      while (at < text.length) {
        const replaced = this.#prefix(text, at);
        if (replaced === undefined ? this.#length !== 1 || text.charCodeAt(at) !== SPACE : replaced !== ' ') break;
        at += this.#length;
      }
    }
    if (at >= text.length) return output.finish(at);

    if (addDummyPrefix && !this.#suffix) output.put(space, at);
    let afterSpace = removeExtraWhitespaces;
    while (at < text.length) {
      const replaced = this.#prefix(text, at);
      const length = this.#length;
      const source = replaced ?? text;
      let start = replaced === undefined ? at : 0;
      const end = replaced === undefined ? at + length : replaced.length;
      while (afterSpace && start < end && source.charCodeAt(start) === SPACE) start++;
      for (let i = start; i < end; i++) {
        const unit = source.charCodeAt(i);
        output.put(unit === SPACE ? space : unit, at);
      }
      if (start < end) afterSpace = removeExtraWhitespaces && source.charCodeAt(end - 1) === SPACE;
      at += length;
    }

    let consumed = at;
    if (removeExtraWhitespaces) while (output.endsWith(space)) consumed = output.drop();
    if (addDummyPrefix && this.#suffix) output.put(space, consumed);
    return output.finish(consumed);
  }

  /** What comes in place of the next code units, if not they themselves; `#length` tells how many. */
  #prefix(text: string, at: number): string | undefined {
    this.#length = this.#symbols === undefined ? 0 : longestAt(this.#symbols, text, at);
    if (this.#length > 0) return undefined;
    const found = this.#charsmap?.longest(text, at);
    this.#length = found?.length ?? (text.codePointAt(at)! > 0xffff ? 2 : 1);
    return found?.text;
  }
}

/** Code units and their origins, in arrays that grow. */
class Output {
  readonly #operation: string;
  readonly #most: number;
  #units: Uint16Array;
  #origins: Int32Array;
  #length = 0;

  constructor(operation: string, expected: number) {
    this.#operation = operation;
    this.#most = MOST_TIMES * expected + MOST_MORE;
    this.#units = new Uint16Array(expected + 16);
    this.#origins = new Int32Array(expected + 17);
  }

  put(unit: number, origin: number): void {
    if (this.#length === this.#units.length) this.#grow();
    this.#units[this.#length] = unit;
    this.#origins[this.#length++] = origin;
  }

  endsWith(unit: number): boolean {
    return this.#length > 0 && this.#units[this.#length - 1] === unit;
  }

  /** Drops the last unit, and tells where it came from. */
  drop(): number {
    return this.#origins[--this.#length]!;
  }

  finish(end: number): Normalized {
    const origins = this.#origins.subarray(0, this.#length + 1);
    origins[this.#length] = end;
    const units = this.#units.subarray(0, this.#length);
    return { text: new TextDecoder('utf-16le', { ignoreBOM: true }).decode(units), origins };
  }

  #grow(): void {
    const length = Math.min(this.#most, 2 * this.#length);
    if (length <= this.#length) {
      throw new TokenizerError(this.#operation, `text: expected to be normalized to at most ${this.#most} code units, got more`);
    }
    const units = new Uint16Array(length);
    units.set(this.#units);
    this.#units = units;
    const origins = new Int32Array(length + 1);
    origins.set(this.#origins);
    this.#origins = origins;
  }
}
