import { type AddedToken, checkEncodeOptions, frame, pad, truncate } from '../encoding.js';
import { show, TokenizerError } from '../errors.js';
import { wellFormed } from '../split.js';
import type { DecodeOptions, EncodeOptions, Encoding, Offset, SpecialRole, SpecialTokens, Tokenizer } from '../tokenizer.js';
import { Trie } from '../models/trie.js';
import { byMerging } from './sentencepiece-bpe.js';
import { PieceStream } from './sentencepiece-decode.js';
import { PieceType, readSentencePieceModel, type SentencePieceModel } from './sentencepiece-model.js';
import { SentencePieceNormalizer } from './sentencepiece-normalizer.js';
import { characters, type Segmenter, words } from './sentencepiece-segment.js';
import { byLikelihood } from './sentencepiece-unigram.js';

export interface SentencePieceOptions {
  /** Put the bos piece before a text, where special tokens are asked for. The file does not say; Llama's tokenizers do. Default false. */
  addBos?: boolean;
  /** Put the eos piece after a text, where special tokens are asked for. The file does not say; T5's tokenizers do. Default false. */
  addEos?: boolean;
}

export type { PieceStream } from './sentencepiece-decode.js';

/**
 * A tokenizer from a SentencePiece `.model` file, identical to SentencePiece: unigram, BPE, word and character models, with byte fallback,
 * user-defined symbols and the file's own normalization.
 *
 * Time is linear in the text, and memory too. Control pieces written out in a text are text; only ids make them. Throws `TokenizerError`
 * for a file that is damaged or lacks what it must have.
 *
 * ```ts
 * import { readFileSync } from 'node:fs';
 * import { SentencePieceTokenizer } from '@multihead/tokenizer/sentencepiece';
 *
 * const tokenizer = new SentencePieceTokenizer(readFileSync('spiece.model'), { addEos: true });
 * tokenizer.encode('Hello, world!').ids;
 * ```
 *
 * Kudo & Richardson, 2018: SentencePiece.
 */
export class SentencePieceTokenizer implements Tokenizer {
  readonly specialTokens: SpecialTokens;
  readonly #model: SentencePieceModel;
  readonly #ids: ReadonlyMap<string, number>;
  readonly #normalizer: SentencePieceNormalizer;
  readonly #denormalizer: SentencePieceNormalizer | undefined;
  readonly #segment: Segmenter;
  readonly #frame: { bos: AddedToken | undefined; eos: AddedToken | undefined };

  constructor(bytes: Uint8Array, { addBos = false, addEos = false }: SentencePieceOptions = {}) {
    const operation = 'new SentencePieceTokenizer';
    const model = readSentencePieceModel(operation, bytes);
    this.#model = model;
    this.#ids = new Map(model.pieces.map(({ piece }, id) => [piece, id]));
    const control = (piece: string) => model.pieces[this.#ids.get(piece) ?? -1]?.type === PieceType.control;
    const roles = { pad: model.padPiece, bos: model.bosPiece, eos: model.eosPiece };
    const found = Object.entries(roles).filter(([, piece]) => control(piece));
    this.specialTokens = Object.freeze({ ...Object.fromEntries(found), unk: model.pieces[model.unkId]!.piece });
    const symbols = symbolsOf(model);
    this.#normalizer = new SentencePieceNormalizer(operation, model.normalizer, model.treatWhitespaceAsSuffix, symbols);
    this.#denormalizer = model.denormalizer && new SentencePieceNormalizer(operation, model.denormalizer, false, undefined);
    this.#segment = segmenterOf(model, symbols);
    this.#frame = { bos: this.#added(operation, 'bos', addBos), eos: this.#added(operation, 'eos', addEos) };
  }

  #added(operation: string, role: SpecialRole, wanted: boolean): AddedToken | undefined {
    return wanted ? { id: this.#specialId(operation, role), token: this.specialTokens[role]! } : undefined;
  }

  get vocabSize(): number {
    return this.#model.pieces.length;
  }

  specialId(role: SpecialRole): number {
    return this.#specialId('SentencePieceTokenizer.specialId', role);
  }

  #specialId(operation: string, role: SpecialRole): number {
    const token = Object.hasOwn(this.specialTokens, role) ? this.specialTokens[role] : undefined;
    if (token !== undefined) return this.#ids.get(token)!;
    const present = Object.keys(this.specialTokens).join(', ');
    throw new TokenizerError(operation, `expected a model with a ${show(role)} piece, got one with ${present}`);
  }

  tokenToId(token: string): number | undefined {
    return this.#ids.get(token);
  }

  idToToken(id: number): string | undefined {
    return typeof id === 'number' ? this.#model.pieces[id]?.piece : undefined;
  }

  encode(text: string, options: EncodeOptions = {}): Encoding {
    return this.#encodeAll('SentencePieceTokenizer.encode', [['text', text]], options)[0]!;
  }

  encodeBatch(texts: readonly string[], options: EncodeOptions = {}): Encoding[] {
    const operation = 'SentencePieceTokenizer.encodeBatch';
    if (!Array.isArray(texts)) throw new TokenizerError(operation, `texts: expected an array of strings, got ${show(texts)}`);
    const named = texts.map((text, index) => [`texts[${index}]`, text] as const);
    return this.#encodeAll(operation, named, options);
  }

  decode(ids: Iterable<number>, { skipSpecialTokens = false }: DecodeOptions = {}): string {
    const operation = 'SentencePieceTokenizer.decode';
    if (typeof ids === 'string' || typeof ids?.[Symbol.iterator] !== 'function') {
      throw new TokenizerError(operation, `ids: expected an array or another iterable of numbers, got ${show(ids)}`);
    }
    const checked = [...ids];
    const wrong = checked.findIndex((id) => this.idToToken(id) === undefined);
    if (wrong >= 0) {
      throw new TokenizerError(
        operation,
        `ids[${wrong}]: expected an integer from 0 to ${this.vocabSize - 1}, got ${show(checked[wrong])}`,
      );
    }
    const stream = new PieceStream(this.#model, skipSpecialTokens);
    const text = checked.map((id) => stream.push(id)).join('') + stream.end();
    return this.#denormalizer?.normalize(text).text ?? text;
  }

  /** How many tokens `encode` gives for this text. */
  countTokens(text: string, options: Pick<EncodeOptions, 'addSpecialTokens'> = {}): number {
    return this.#encodeAll('SentencePieceTokenizer.countTokens', [['text', text]], options)[0]!.ids.length;
  }

  /**
   * Decodes ids as they come, for text that is shown while it is made. What `push` returns never ends in half a character, and all of it
   * together is what `decode` gives, but that a denormalizer of the file, which few have, is left out.
   */
  decodeStream({ skipSpecialTokens = false }: DecodeOptions = {}): PieceStream {
    return new PieceStream(this.#model, skipSpecialTokens);
  }

  #encodeAll(operation: string, texts: readonly (readonly [argument: string, text: string])[], options: EncodeOptions): Encoding[] {
    checkEncodeOptions(operation, options);
    const { addSpecialTokens = true, truncation, padding } = options;
    const { bos, eos } = addSpecialTokens ? this.#frame : { bos: undefined, eos: undefined };
    const added = Number(bos !== undefined) + Number(eos !== undefined);
    const encodings = texts.map(([argument, text]) => {
      if (typeof text !== 'string') throw new TokenizerError(operation, `${argument}: expected a string, got ${show(text)}`);
      const encoding = this.#encodeText(text);
      return frame(truncation === undefined ? encoding : truncate(operation, encoding, truncation, added), bos, eos);
    });
    if (padding === undefined) return encodings;
    return pad(encodings, padding, { id: this.#specialId(operation, 'pad'), token: this.specialTokens.pad! });
  }

  #encodeText(given: string): Encoding {
    const { pieces, unkId, byteIds } = this.#model;
    const { text, origins } = this.#normalizer.normalize(wellFormed(given));
    const ids: number[] = [];
    const tokens: string[] = [];
    const offsets: Offset[] = [];
    let afterUnknown = false;
    const segments = this.#segment(text);
    for (let i = 0; i < segments.length; i += 3) {
      const [start, end, id] = [segments[i]!, segments[i + 1]!, segments[i + 2]!];
      const token = text.slice(start, end);
      const offset: Offset = [origins[start]!, origins[end]!];
      const unknown = id === unkId;
      if (unknown && byteIds !== undefined) {
        for (const byte of new TextEncoder().encode(token)) {
          ids.push(byteIds[byte]!);
          tokens.push(pieces[byteIds[byte]!]!.piece);
          offsets.push(offset);
        }
      } else if (unknown && afterUnknown) {
        tokens.push(tokens.pop() + token);
        offsets.push([offsets.pop()![0], offset[1]]);
      } else {
        ids.push(id);
        tokens.push(token);
        offsets.push(offset);
      }
      afterUnknown = unknown;
    }
    return { ids, tokens, offsets, attentionMask: new Array(ids.length).fill(1), specialTokensMask: new Array(ids.length).fill(0) };
  }
}

/** How a model divides text, by its type. */
function segmenterOf(model: SentencePieceModel, symbols: Trie | undefined): Segmenter {
  if (model.type === 'unigram') return byLikelihood(model);
  if (model.type === 'bpe') return byMerging(model, symbols);
  const ids = new Map(model.pieces.map(({ piece }, id) => [piece, id]));
  const divide = model.type === 'char' ? (text: string) => characters(text, symbols) : words;
  return (text) => {
    const parts = divide(text);
    for (let i = 0; i < parts.length; i += 3) parts[i + 2] = ids.get(text.slice(parts[i], parts[i + 1])) ?? model.unkId;
    return parts;
  };
}

/** The user-defined symbols, which are found in a text before anything else happens to it. */
function symbolsOf({ pieces }: SentencePieceModel): Trie | undefined {
  const symbols = new Trie();
  pieces.forEach(({ piece, type }, id) => {
    if (type === PieceType.userDefined) symbols.insert(piece, id);
  });
  return pieces.some(({ type }) => type === PieceType.userDefined) ? symbols : undefined;
}
