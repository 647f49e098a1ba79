import { checkEncodeOptions, frame, pad, truncate, type AddedToken } from './encoding.js';
import { show, showAround, TokenizerError } from './errors.js';
import { type Splitter, wellFormed } from './split.js';
import type { DecodeOptions, EncodeOptions, Encoding, Offset, SpecialRole, SpecialTokens, Tokenizer } from './tokenizer.js';
import { defaultSpecialTokens, Vocabulary } from './vocabulary.js';

/** What becomes of text that the vocabulary lacks: the `unk` token, or a `TokenizerError` that names it and its place. */
export type UnknownPolicy = 'token' | 'throw';

export interface LookupOptions {
  /** The special tokens by role; only those named here exist. Default `<pad>`, `<s>`, `</s>`, `<unk>`. */
  specialTokens?: SpecialTokens;
  /** Default: `token` if there is an `unk` token, else `throw`. */
  unknown?: UnknownPolicy;
}

/** How a text falls into pieces and is put together again. */
export interface LookupRule {
  /** The class's name, for messages. */
  name: string;
  /** What a piece is called in messages. */
  piece: 'character' | 'word';
  split: Splitter;
  /** What `decode` puts between two tokens. */
  separator: string;
}

/**
 * Cut the text into pieces, look each one up, add the special tokens: what characters and words have in common. Not for use by
 * itself; see `CharacterTokenizer` and `WordTokenizer`.
 */
export class LookupTokenizer implements Tokenizer {
  readonly unknown: UnknownPolicy;
  readonly #rule: LookupRule;
  readonly #vocabulary: Vocabulary;

  constructor(rule: LookupRule, vocabulary: Iterable<string>, options: LookupOptions) {
    const operation = `new ${rule.name}`;
    const { specialTokens = defaultSpecialTokens } = options;
    this.#rule = rule;
    this.#vocabulary = new Vocabulary(operation, vocabulary, specialTokens);
    const { unk } = this.#vocabulary.specialTokens;
    this.unknown = options.unknown ?? (unk === undefined ? 'throw' : 'token');
    if (this.unknown !== 'token' && this.unknown !== 'throw') {
      throw new TokenizerError(operation, `unknown: expected 'token' or 'throw', got ${show(this.unknown)}`);
    }
    if (this.unknown === 'token' && unk === undefined) {
      throw new TokenizerError(operation, "unknown: 'token' needs an unk token among the specialTokens, and there is none");
    }
  }

  get vocabSize(): number {
    return this.#vocabulary.tokens.length;
  }

  get specialTokens(): SpecialTokens {
    return this.#vocabulary.specialTokens;
  }

  /** The tokens that are not special, in the order of their ids. */
  get vocabulary(): readonly string[] {
    return this.#vocabulary.words;
  }

  specialId(role: SpecialRole): number {
    return this.#vocabulary.specialId(`${this.#rule.name}.specialId`, role);
  }

  tokenToId(token: string): number | undefined {
    return this.#vocabulary.id(token);
  }

  idToToken(id: number): string | undefined {
    return this.#vocabulary.token(id);
  }

  encode(text: string, options: EncodeOptions = {}): Encoding {
    return this.#encodeAll(`${this.#rule.name}.encode`, [['text', text]], options)[0] as Encoding;
  }

  encodeBatch(texts: readonly string[], options: EncodeOptions = {}): Encoding[] {
    const operation = `${this.#rule.name}.encodeBatch`;
    if (!Array.isArray(texts)) throw new TokenizerError(operation, `texts: expected an array of strings, got ${show(texts)}`);
    const named = texts.map((text, index) => [`texts[${index}]`, text] as const);
    return this.#encodeAll(operation, named, options);
  }

  decode(ids: Iterable<number>, { skipSpecialTokens = false }: DecodeOptions = {}): string {
    const operation = `${this.#rule.name}.decode`;
    if (typeof ids === 'string' || typeof ids?.[Symbol.iterator] !== 'function') {
      throw new TokenizerError(operation, `ids: expected an array or another iterable of numbers, got ${show(ids)}`);
    }
    const tokens: string[] = [];
    let index = 0;
    for (const id of ids) {
      const token = this.#vocabulary.token(id);
      if (token === undefined) {
        throw new TokenizerError(operation, `ids[${index}]: expected an integer from 0 to ${this.vocabSize - 1}, got ${show(id)}`);
      }
      if (!skipSpecialTokens || !this.#vocabulary.isSpecial(id)) tokens.push(token);
      index++;
    }
    return tokens.join(this.#rule.separator);
  }

  #encodeAll(operation: string, texts: readonly (readonly [argument: string, text: string])[], options: EncodeOptions): Encoding[] {
    checkEncodeOptions(operation, options);
    const { addSpecialTokens = true, truncation, padding } = options;
    const bos = addSpecialTokens ? this.#special('bos') : undefined;
    const eos = addSpecialTokens ? this.#special('eos') : undefined;
    const addedCount = Number(bos !== undefined) + Number(eos !== undefined);
    const encodings = texts.map(([argument, text]) => {
      const encoding = this.#lookUp(operation, argument, text);
      return frame(truncation === undefined ? encoding : truncate(operation, encoding, truncation, addedCount), bos, eos);
    });
    if (padding === undefined) return encodings;
    const id = this.#vocabulary.specialId(operation, 'pad');
    return pad(encodings, padding, { id, token: this.#vocabulary.token(id) as string });
  }

  #lookUp(operation: string, argument: string, given: string): Encoding {
    if (typeof given !== 'string') throw new TokenizerError(operation, `${argument}: expected a string, got ${show(given)}`);
    const text = wellFormed(given);
    const unk = this.unknown === 'token' ? this.#special('unk') : undefined;
    const ids: number[] = [];
    const tokens: string[] = [];
    const offsets: Offset[] = [];
    for (const offset of this.#rule.split(text)) {
      const piece = text.slice(offset[0], offset[1]);
      const id = this.#vocabulary.wordId(piece);
      if (id === undefined && unk === undefined) throw this.#unknownPiece(operation, argument, text, piece, offset[0]);
      ids.push(id ?? (unk as AddedToken).id);
      tokens.push(id === undefined ? (unk as AddedToken).token : piece);
      offsets.push(offset);
    }
    const count = ids.length;
    return { ids, tokens, offsets, attentionMask: new Array(count).fill(1), specialTokensMask: new Array(count).fill(0) };
  }

  #special(role: SpecialRole): AddedToken | undefined {
    const token = this.#vocabulary.specialTokens[role];
    return token === undefined ? undefined : { id: this.#vocabulary.id(token) as number, token };
  }

  #unknownPiece(operation: string, argument: string, text: string, piece: string, position: number): TokenizerError {
    const { piece: kind, separator } = this.#rule;
    const code = kind === 'character' ? ` (U+${(piece.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')})` : '';
    const words = this.#vocabulary.words;
    const sample = words.slice(0, 40).join(separator) + (words.length > 40 ? `${separator}…` : '');
    const known = words.length > 0 ? `the vocabulary has ${words.length}: ${sample}` : 'the vocabulary is empty';
    const problem = `${argument}: unknown ${kind} ${show(piece)}${code} at position ${position} of ${showAround(text, position)}; ${known}`;
    return new TokenizerError(operation, problem, { token: piece, position });
  }
}
