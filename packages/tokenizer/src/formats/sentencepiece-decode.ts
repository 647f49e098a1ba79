import { show, TokenizerError } from '../errors.js';
import { PieceType, type SentencePiece, type SentencePieceModel } from './sentencepiece-model.js';

/**
 * Pieces to text, one by one: control pieces are nothing, ▁ is a space, but at the beginning, and bytes become characters, each that belongs
 * to none U+FFFD. Made by `decodeStream`.
 */
export class PieceStream {
  readonly #model: SentencePieceModel;
  readonly #skipUnknown: boolean;
  /** Nothing but white space that does not count has been written. */
  #begins = true;
  #spaceSeen = false;
  #empty = true;
  /** The beginning of a character. */
  #bytes: number[] = [];

  constructor(model: SentencePieceModel, skipUnknown: boolean) {
    this.#model = model;
    this.#skipUnknown = skipUnknown;
  }

  /** The text that this id completes; empty while a character is not complete. Throws `TokenizerError` for what is no id of a piece. */
  push(id: number): string {
    const found = typeof id === 'number' ? this.#model.pieces[id] : undefined;
    if (found === undefined) {
      throw new TokenizerError('PieceStream.push', `id: expected an integer from 0 to ${this.#model.pieces.length - 1}, got ${show(id)}`);
    }
    if (found.type !== PieceType.byte) return this.end() + this.#textOf(found);
    this.#bytes.push(Number.parseInt(found.piece.slice(3, 5), 16));
    return this.#written(this.#characters(false));
  }

  /** What is left of a character that is not complete. */
  end(): string {
    return this.#written(this.#characters(true));
  }

  #textOf({ piece, type }: SentencePiece): string {
    const { addDummyPrefix, removeExtraWhitespaces } = this.#model.normalizer;
    if (this.#spaceSeen || !this.#empty) this.#begins = false;
    this.#spaceSeen = false;
    if (type === PieceType.control) return '';
    if (type === PieceType.unknown) return this.#skipUnknown ? '' : this.#written(this.#model.unkSurface);
    const strip = this.#begins && (addDummyPrefix || removeExtraWhitespaces) && piece.startsWith('▁');
    this.#spaceSeen = strip && !removeExtraWhitespaces; // else all of the leading white space goes
    return this.#written((strip ? piece.slice(1) : piece).replaceAll('▁', ' '));
  }

  #written(text: string): string {
    if (text !== '') this.#empty = false;
    return text;
  }

  /** The characters of the bytes so far; those of the last one wait for more, unless these are `all`. */
  #characters(all: boolean): string {
    const bytes = this.#bytes;
    let text = '';
    let at = 0;
    while (at < bytes.length && (all || bytes.length - at >= lengthBy(bytes[at]!))) {
      const length = characterLength(bytes, at);
      text += length === 0 ? '\ufffd' : characterOf(bytes, at, length);
      at += Math.max(1, length);
    }
    this.#bytes = bytes.slice(at);
    return text;
  }
}

/** UTF-8, `length` bytes of it. */
function characterOf(bytes: readonly number[], at: number, length: number): string {
  let point = length === 1 ? bytes[at]! : bytes[at]! & (0x7f >> length);
  for (let i = 1; i < length; i++) point = (point << 6) | (bytes[at + i]! & 0x3f);
  return String.fromCodePoint(point);
}

/** How many bytes a character has that begins with this one; 1 for a byte that begins none. */
function lengthBy(lead: number): number {
  return lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xf0 && lead < 0xf5 ? 4 : 1;
}

/** How many bytes the character has that begins here; 0 if none does. */
function characterLength(bytes: readonly number[], at: number): number {
  const lead = bytes[at]!;
  if (lead < 0x80) return 1;
  const length = lengthBy(lead);
  if (length === 1) return 0;
  const second = bytes[at + 1] ?? 0;
  if (lead === 0xe0 && second < 0xa0) return 0; // longer than needed
  if (lead === 0xed && second > 0x9f) return 0; // surrogates
  if (lead === 0xf0 && second < 0x90) return 0;
  if (lead === 0xf4 && second > 0x8f) return 0; // above U+10FFFF
  for (let i = 1; i < length; i++) if (((bytes[at + i] ?? 0) & 0xc0) !== 0x80) return 0;
  return length;
}
