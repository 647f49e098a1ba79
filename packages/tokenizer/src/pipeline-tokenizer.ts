import { type AddedToken, AddedVocabulary, type Section } from './added-tokens.js';
import { AlignedText } from './aligned-text.js';
import { DecodeStream } from './decode-stream.js';
import { cleanUpSpaces, type Decoder } from './decoders/decoder.js';
import { checkEncodeOptions } from './encoding.js';
import { show, TokenizerError } from './errors.js';
import { Bpe } from './models/bpe.js';
import type { Model, TokenSink } from './models/model.js';
import type { Normalizer } from './normalizers/normalizer.js';
import { PipelineEncoding, type TokenDetails, type TokenizedText } from './pipeline-encoding.js';
import { lengthOf, mergeParts, type Part, type PostProcessor, type Segment } from './post-processors/post-processor.js';
import { truncateParts, type TruncationRules, type TruncationStrategy } from './post-processors/truncate.js';
import { byteSpans, type ByteSpans } from './pre-tokenizers/byte-spans.js';
import { type PreTokenizer, preTokenize } from './pre-tokenizers/pre-tokenizer.js';
import { wellFormed } from './split.js';
import type { DecodeOptions, Direction, EncodeOptions, Padding, SpecialRole, SpecialTokens, Tokenizer, Truncation } from './tokenizer.js';
import { WordCache } from './word-cache.js';

/** A text, or one that is cut into words already. */
export type TextInput = string | readonly string[];

/** A text or a pair of texts, for `encodeBatch`. */
export type EncodeInput = TextInput | { text: TextInput; pair?: TextInput };

export interface PipelineTruncation extends Truncation {
  /** Of a pair, which text is cut. Default `longest_first`. */
  strategy?: TruncationStrategy;
  /** How many tokens the parts that are cut off share with the one before. Default 0. */
  stride?: number;
}

export interface PipelinePadding extends Padding {
  /** Pad to a multiple of this many tokens. */
  multipleOf?: number;
  /** The padding's id, token and type. Default: those of the file, else of the `pad` token. */
  id?: number;
  token?: string;
  typeId?: number;
}

export interface PipelineEncodeOptions extends EncodeOptions {
  /** The second text of a pair. */
  pair?: TextInput;
  /** Default: what the file says. `null` is none. */
  truncation?: PipelineTruncation;
  /** Default: what the file says. `null` is none. */
  padding?: PipelinePadding;
}

export interface PipelineDecodeOptions extends DecodeOptions {
  /** No spaces before punctuation and English endings. Default: what `tokenizer_config.json` says. */
  cleanUpTokenizationSpaces?: boolean;
}

/** What a tokenizer is made of. `fromTokenizerJson` reads it from a file. */
export interface Pipeline {
  model: Model;
  addedTokens: readonly AddedToken[];
  normalizer: Normalizer | undefined;
  preTokenizer: PreTokenizer | undefined;
  postProcessor: PostProcessor | undefined;
  decoder: Decoder | undefined;
  /** Whether ids depend on where pieces come from, so that all texts have to be tracked. */
  tracked: boolean;
  truncation: Required<PipelineTruncation> | undefined;
  padding: PipelinePadding | undefined;
  specialTokens: SpecialTokens;
  cleanUpTokenizationSpaces: boolean;
}

/**
 * Hugging Face's pipeline: added tokens, normalizer, pre-tokenizer, model, post-processor, and the decoder back. Made by `fromTokenizerJson`.
 *
 * ```ts
 * import { fromTokenizerJson } from '@multihead/tokenizer';
 *
 * const tokenizer = fromTokenizerJson({
 *   pre_tokenizer: { type: 'Whitespace' },
 *   model: { type: 'WordLevel', unk_token: '?', vocab: { '?': 0, to: 1, be: 2 } },
 * });
 * const { ids, offsets } = tokenizer.encode('to  be!');
 * ids; // [1, 2, 0]
 * offsets; // [[0, 2], [4, 6], [6, 7]]
 * tokenizer.countTokens('to be'); // 2
 * ```
 */
export class PipelineTokenizer implements Tokenizer {
  readonly specialTokens: SpecialTokens;
  readonly #pipeline: Pipeline;
  readonly #added: AddedVocabulary;
  readonly #cache = new WordCache();
  /** The way of byte-level BPE, by which text need not become characters of bytes. */
  readonly #bytes: { model: Bpe; spans: ByteSpans } | undefined;

  constructor(pipeline: Pipeline) {
    this.#pipeline = pipeline;
    this.specialTokens = pipeline.specialTokens;
    const { model, normalizer, preTokenizer } = pipeline;
    this.#added = new AddedVocabulary(pipeline.addedTokens, model, normalizer);
    const spans = byteSpans(preTokenizer);
    if (spans !== undefined && !pipeline.tracked && model instanceof Bpe && model.hasBytes) this.#bytes = { model, spans };
  }

  get vocabSize(): number {
    let size = this.#pipeline.model.size;
    for (const [, { content }] of this.#added.entries()) if (this.#pipeline.model.id(content) === undefined) size++;
    return size;
  }

  specialId(role: SpecialRole): number {
    const token = this.specialTokens[role];
    const id = token === undefined ? undefined : this.tokenToId(token);
    if (id !== undefined) return id;
    const present = Object.keys(this.specialTokens).join(', ') || 'none';
    throw new TokenizerError('PipelineTokenizer.specialId', `expected a tokenizer with a ${show(role)} token, got one with ${present}`);
  }

  tokenToId(token: string): number | undefined {
    return this.#added.id(token) ?? this.#pipeline.model.id(token);
  }

  idToToken(id: number): string | undefined {
    return this.#added.token(id) ?? this.#pipeline.model.token(id);
  }

  encode(text: TextInput, options: PipelineEncodeOptions = {}): PipelineEncoding {
    const { pair } = options;
    return this.#encodeAll('PipelineTokenizer.encode', [pair === undefined ? { text } : { text, pair }], options)[0] as PipelineEncoding;
  }

  encodeBatch(texts: readonly EncodeInput[], options: Omit<PipelineEncodeOptions, 'pair'> = {}): PipelineEncoding[] {
    const operation = 'PipelineTokenizer.encodeBatch';
    if (!Array.isArray(texts)) throw new TokenizerError(operation, `texts: expected an array of texts, got ${show(texts)}`);
    const inputs = texts.map((input) => (typeof input === 'string' || Array.isArray(input) ? { text: input } : input));
    return this.#encodeAll(operation, inputs as { text: TextInput; pair?: TextInput }[], options);
  }

  /** How many tokens `encode` gives for this text without truncation and padding. */
  countTokens(text: TextInput, { pair, addSpecialTokens = true }: Pick<PipelineEncodeOptions, 'pair' | 'addSpecialTokens'> = {}): number {
    const operation = 'PipelineTokenizer.countTokens';
    const added = addSpecialTokens ? (this.#pipeline.postProcessor?.added(pair !== undefined) ?? 0) : 0;
    const texts = pair === undefined ? [text] : [text, pair];
    return texts.reduce((sum, one, i) => sum + this.#tokenize(operation, i === 0 ? 'text' : 'pair', one).ids.length, added);
  }

  /** The text of these ids. Ids that no token has are left out, as in Hugging Face's. Throws `TokenizerError` for what is no id. */
  decode(ids: Iterable<number>, options: PipelineDecodeOptions = {}): string {
    const operation = 'PipelineTokenizer.decode';
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
      const token = this.idToToken(id);
      if (token !== undefined && !(skipSpecialTokens && this.#added.isSpecial(token))) tokens.push(token);
      index++;
    }
    const { decoder } = this.#pipeline;
    const text = decoder === undefined ? tokens.join(' ') : decoder(tokens).join('');
    return cleanUpTokenizationSpaces ? cleanUpSpaces(text) : text;
  }

  /**
   * Decodes ids as they come, for text that is shown while it is made. What `push` returns never ends in half a character.
   *
   * ```ts
   * import { fromTokenizerJson } from '@multihead/tokenizer';
   *
   * const tokenizer = fromTokenizerJson({
   *   decoder: { type: 'ByteLevel' },
   *   model: { type: 'BPE', vocab: { Hi: 0, Ġ: 1, 'ðŁ': 2, 'ĳ': 3, 'ĭ': 4 }, merges: [] },
   * });
   * const stream = tokenizer.decodeStream();
   * [0, 1, 2, 3, 4].map((id) => stream.push(id)); // ['Hi', ' ', '', '', '👋']
   * stream.end(); // ''
   * ```
   */
  decodeStream(options: PipelineDecodeOptions = {}): DecodeStream {
    return new DecodeStream((ids) => this.decode(ids, options));
  }

  #encodeAll(operation: string, inputs: readonly { text: TextInput; pair?: TextInput }[], options: PipelineEncodeOptions): PipelineEncoding[] {
    checkEncodeOptions(operation, options);
    const truncation = this.#truncation(operation, options);
    const encoded = inputs.map(({ text, pair }, i) => {
      const at = inputs.length > 1 ? `[${i}]` : '';
      const texts = [this.#tokenize(operation, `text${at}`, text)];
      if (pair !== undefined) texts.push(this.#tokenize(operation, `pair${at}`, pair));
      return { part: this.#postProcess(operation, texts, options.addSpecialTokens ?? true, truncation), texts };
    });
    const padding = options.padding === undefined ? this.#pipeline.padding : (options.padding ?? undefined);
    const parts = encoded.map(({ part }) => part);
    const padded = padding === undefined ? parts : this.#pad(operation, parts, padding);
    return encoded.map(({ texts }, i) => new PipelineEncoding(padded[i] as Part, texts));
  }

  #truncation(operation: string, { truncation: given }: PipelineEncodeOptions): TruncationRules | undefined {
    if (given === undefined) return this.#pipeline.truncation;
    if (given === null) return undefined;
    const { maxLength, direction = 'right', strategy = 'longest_first', stride = 0 } = given;
    if (!['longest_first', 'only_first', 'only_second'].includes(strategy)) {
      throw new TokenizerError(operation, `truncation.strategy: expected 'longest_first', 'only_first' or 'only_second', got ${show(strategy)}`);
    }
    if (!Number.isSafeInteger(stride) || stride < 0) {
      throw new TokenizerError(operation, `truncation.stride: expected a non-negative integer, got ${show(stride)}`);
    }
    return { maxLength, direction, strategy, stride };
  }

  #postProcess(operation: string, texts: readonly TokenizedText[], addSpecialTokens: boolean, truncation: TruncationRules | undefined): Part {
    const { postProcessor } = this.#pipeline;
    let parts: readonly Part[] = texts.map(({ ids }, sequence) => ({
      segments: [{ kind: 'text', sequence, from: 0, to: ids.length, typeId: sequence, trims: [] }],
      overflowing: [],
    }));
    if (truncation !== undefined) {
      const added = addSpecialTokens ? (postProcessor?.added(texts.length > 1) ?? 0) : 0;
      const maxLength = truncation.maxLength - added;
      if (maxLength < 0) {
        const { maxLength: got } = truncation;
        throw new TokenizerError(operation, `truncation.maxLength: expected at least ${added}, the special tokens added, got ${got}`);
      }
      parts = truncateParts(operation, parts, { ...truncation, maxLength });
    }
    return mergeParts(postProcessor === undefined ? parts : postProcessor.process(parts, addSpecialTokens));
  }

  #pad(operation: string, parts: readonly Part[], padding: PipelinePadding): Part[] {
    const { direction = 'right', multipleOf = 0 } = padding;
    if (!Number.isSafeInteger(multipleOf) || multipleOf < 0) {
      throw new TokenizerError(operation, `padding.multipleOf: expected a non-negative integer, got ${show(multipleOf)}`);
    }
    const { length: wanted = 'longest' } = padding;
    let length = wanted === 'longest' ? parts.reduce((most, { segments }) => Math.max(most, lengthOf(segments)), 0) : wanted;
    if (multipleOf > 0) length = Math.ceil(length / multipleOf) * multipleOf;
    const token = this.#padToken(operation, padding);
    return parts.map((part) => padded(part, length, direction, token));
  }

  #padToken(operation: string, padding: PipelinePadding): { id: number; token: string; typeId: number } {
    const file = this.#pipeline.padding;
    const token = padding.token ?? file?.token ?? this.specialTokens.pad;
    const id = padding.id ?? file?.id ?? (token === undefined ? undefined : this.tokenToId(token));
    if (id === undefined || token === undefined) {
      throw new TokenizerError(operation, 'padding: expected a tokenizer with a pad token, or padding.id and padding.token');
    }
    return { id, token, typeId: padding.typeId ?? file?.typeId ?? 0 };
  }

  #tokenize(operation: string, argument: string, given: TextInput): TokenizedText {
    if (typeof given === 'string') {
      const text = wellFormed(given);
      const ids: number[] = [];
      this.#idsOf(text, ids);
      let details: TokenDetails | undefined;
      return { ids, details: () => (details ??= this.#detailsOf([text], false)) };
    }
    if (!Array.isArray(given) || given.some((word) => typeof word !== 'string')) {
      throw new TokenizerError(operation, `${argument}: expected a string or an array of words, got ${show(given)}`);
    }
    const words = (given as readonly string[]).map(wellFormed);
    const ids: number[] = [];
    for (const word of words) this.#idsOf(word, ids);
    let details: TokenDetails | undefined;
    return { ids, details: () => (details ??= this.#detailsOf(words, true)) };
  }

  #idsOf(text: string, ids: number[]): void {
    const { tracked } = this.#pipeline;
    for (const section of this.#added.sections(AlignedText.of(text, tracked))) {
      if (section.id !== undefined) ids.push(section.id);
      else if (this.#bytes !== undefined) this.#encodeBytes(section.text.text, ids);
      else this.#encodePieces(section, ids);
    }
  }

  #encodeBytes(text: string, ids: number[]): void {
    const { model, spans } = this.#bytes as { model: Bpe; spans: ByteSpans };
    this.#cache.encode(spans.prepared(text), spans, (word) => model.encodeBytes(word), ids);
  }

  #encodePieces(section: Section, ids: number[]): void {
    const { preTokenizer, model } = this.#pipeline;
    for (const { text } of preTokenize(preTokenizer, [section.text])) {
      this.#cache.add(text, (word) => idsOfPiece(model, word), ids);
    }
  }

  #detailsOf(texts: readonly string[], areWords: boolean): TokenDetails {
    const ids: number[] = [];
    const tokens: string[] = [];
    const units: number[] = [];
    const codePoints: number[] = [];
    const words: number[] = [];
    const { preTokenizer, model } = this.#pipeline;
    texts.forEach((text, wordIndex) => {
      const begin = units.length;
      let index = 0;
      const put = (piece: AlignedText, id: number, start: number, end: number, token: string): void => {
        ids.push(id);
        tokens.push(token);
        units.push(...piece.origin(start, end));
        words.push(areWords ? wordIndex : index);
      };
      for (const section of this.#added.sections(AlignedText.of(text, true))) {
        if (section.id !== undefined) {
          put(section.text, section.id, 0, section.text.text.length, section.text.text);
          index++;
          continue;
        }
        for (const piece of preTokenize(preTokenizer, [section.text])) {
          const add: TokenSink['add'] = (id, start, end, surface) => put(piece, id, start, end, surface ?? (model.token(id) as string));
          if (piece.text !== '') model.tokenize(piece.text, { detailed: true, add });
          index++;
        }
      }
      addCodePoints(text, units, begin, codePoints);
    });
    return { ids, tokens, units, codePoints, words };
  }
}

function idsOfPiece(model: Model, piece: string): number[] {
  const ids: number[] = [];
  model.tokenize(piece, { detailed: false, add: (id) => void ids.push(id) });
  return ids;
}

function padded(part: Part, length: number, direction: Direction, { id, token, typeId }: { id: number; token: string; typeId: number }): Part {
  const overflowing = part.overflowing.map((overflow) => padded(overflow, length, direction, { id, token, typeId }));
  const missing = length - lengthOf(part.segments);
  if (missing <= 0) return { ...part, overflowing };
  const ids = new Array<number>(missing).fill(id);
  const padding: Segment = { kind: 'padding', ids, tokens: new Array<string>(missing).fill(token), typeId };
  return { segments: direction === 'left' ? [padding, ...part.segments] : [...part.segments, padding], overflowing };
}

/** Positions in code units from `begin` on, as positions in code points. */
function addCodePoints(text: string, units: readonly number[], begin: number, into: number[]): void {
  if (!/[\uD800-\uDFFF]/.test(text)) {
    for (let i = begin; i < units.length; i++) into.push(units[i] as number);
    return;
  }
  const places = new Int32Array(text.length + 1);
  let count = 0;
  for (let at = 0; at < text.length; ) {
    const width = (text.codePointAt(at) as number) > 0xffff ? 2 : 1;
    places.fill(count++, at, at + width);
    at += width;
  }
  places[text.length] = count;
  for (let i = begin; i < units.length; i++) into.push(places[units[i] as number] as number);
}
