import { AddedVocabulary } from './added-tokens.js';
import { AlignedText } from './aligned-text.js';
import { DecodeStream } from './decode-stream.js';
import { cleanUpSpaces } from './decoders/decoder.js';
import { show, TokenizerError } from './errors.js';
import { Bpe } from './models/bpe.js';
import type { Model } from './models/model.js';
import type { Pipeline, PipelineDecodeOptions } from './pipeline.js';
import { byteSpans } from './pre-tokenizers/byte-spans.js';
import { preTokenize, type Spans } from './pre-tokenizers/pre-tokenizer.js';
import { WordCache } from './word-cache.js';

interface ByteWay {
  spans: Spans;
  prepared(text: string): string;
  encode(word: string): number[];
}

/** What a pipeline does with ids alone: the ids of a text, and the text of ids. */
export class TextToIds {
  readonly added: AddedVocabulary;
  readonly #pipeline: Pipeline;
  readonly #cache = new WordCache();
  /** The way of byte-level BPE, by which text need not become characters of bytes. */
  readonly #bytes: ByteWay | undefined;
  /** Where the model may be given parts of a piece one by one, so that the cache knows them. */
  readonly #words: Spans | undefined;
  readonly #encodePiece: (piece: string) => number[];

  constructor(pipeline: Pipeline) {
    this.#pipeline = pipeline;
    const { model, normalizer, preTokenizer } = pipeline;
    this.added = new AddedVocabulary(pipeline.addedTokens, model, normalizer);
    this.#encodePiece = (piece) => idsOfPiece(model, piece);
    if (!(model instanceof Bpe)) return;
    this.#words = model.words;
    const spans = byteSpans(preTokenizer);
    if (spans !== undefined && !pipeline.tracked && model.hasBytes) this.#bytes = { ...spans, encode: (word) => model.encodeBytes(word) };
  }

  get vocabSize(): number {
    let size = this.#pipeline.model.size;
    for (const [, { content }] of this.added.entries()) if (this.#pipeline.model.id(content) === undefined) size++;
    return size;
  }

  tokenToId(token: string): number | undefined {
    return this.added.id(token) ?? this.#pipeline.model.id(token);
  }

  idToToken(id: number): string | undefined {
    return this.added.token(id) ?? this.#pipeline.model.token(id);
  }

  /** Adds the ids of a well-formed text; once there are `most`, no further word is looked at. */
  add(text: string, ids: number[], most = Number.POSITIVE_INFINITY): void {
    if (this.#bytes !== undefined && this.added.isPlain(text)) {
      this.#addBytes(text, ids, most);
      return;
    }
    for (const section of this.added.sections(AlignedText.of(text, this.#pipeline.tracked))) {
      if (ids.length >= most) return;
      if (section.id !== undefined) ids.push(section.id);
      else if (this.#bytes !== undefined) this.#addBytes(section.text.text, ids, most);
      else this.#addPieces(section.text, ids, most);
    }
  }

  #addPieces(text: AlignedText, ids: number[], most: number): void {
    for (const { text: piece } of preTokenize(this.#pipeline.preTokenizer, [text])) {
      if (ids.length >= most) return;
      if (this.#words === undefined) this.#cache.add(piece, 0, piece.length, this.#encodePiece, ids);
      else this.#cache.addAll(piece, this.#words, this.#encodePiece, ids, Number.POSITIVE_INFINITY);
    }
  }

  #addBytes(text: string, ids: number[], most: number): void {
    const { prepared, spans, encode } = this.#bytes as ByteWay;
    this.#cache.addAll(prepared(text), spans, encode, ids, most);
  }

  /** The text of these ids. Ids that no token has are left out, as in Hugging Face's. */
  decode(operation: string, ids: Iterable<number>, options: PipelineDecodeOptions): string {
    if (typeof ids === 'string' || typeof ids?.[Symbol.iterator] !== 'function') {
      throw new TokenizerError(operation, `ids: expected an array or another iterable of numbers, got ${show(ids)}`);
    }
    const { skipSpecialTokens = false, cleanUpTokenizationSpaces = this.#pipeline.cleanUpTokenizationSpaces } = options;
    const tokens: string[] = [];
    let index = 0;
    for (const id of ids) {
      if (!Number.isInteger(id) || id < 0) {
        throw new TokenizerError(operation, `ids[${index}]: expected an integer of at least 0, got ${show(id)}`);
      }
      const token = this.added.decodedToken(id) ?? this.#pipeline.model.token(id);
      if (token !== undefined && !(skipSpecialTokens && this.added.isSpecial(token))) tokens.push(token);
      index++;
    }
    const text = this.decodeTokens(tokens);
    return cleanUpTokenizationSpaces ? cleanUpSpaces(text) : text;
  }

  decodeTokens(tokens: readonly string[]): string {
    const { decoder } = this.#pipeline;
    return decoder === undefined ? tokens.join(' ') : decoder(tokens).join('');
  }

  decodeStream(operation: string, options: PipelineDecodeOptions): DecodeStream {
    return new DecodeStream((ids) => this.decode(operation, ids, options));
  }
}

export function idsOfPiece(model: Model, piece: string): number[] {
  const ids: number[] = [];
  model.tokenize(piece, { detailed: false, add: (id) => void ids.push(id) });
  return ids;
}
