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
import { type PreTokenizer, preTokenize, type Spans } from './pre-tokenizers/pre-tokenizer.js';
import { wellFormed } from './split.js';
import type {
  DecodeOptions,
  Direction,
  EncodeOptions,
  Offset,
  Padding,
  SpecialRole,
  SpecialTokens,
  Tokenizer,
  Truncation,
} from './tokenizer.js';
import { TextPlaces } from './text-places.js';
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
  readonly #bytes: { spans: ByteSpans; encode: (word: string) => number[] } | undefined;
  /** Where the model may be given parts of a piece one by one, so that the cache knows them. */
  readonly #words: Spans | undefined;
  readonly #encodePiece: (piece: string) => number[];

  constructor(pipeline: Pipeline) {
    this.#pipeline = pipeline;
    this.specialTokens = pipeline.specialTokens;
    const { model, normalizer, preTokenizer } = pipeline;
    this.#added = new AddedVocabulary(pipeline.addedTokens, model, normalizer);
    const spans = byteSpans(preTokenizer);
    this.#encodePiece = (piece) => idsOfPiece(model, piece);
    if (!(model instanceof Bpe)) return;
    this.#words = model.words;
    if (spans !== undefined && !pipeline.tracked && model.hasBytes) this.#bytes = { spans, encode: (word) => model.encodeBytes(word) };
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
    const { postProcessor, truncation, padding } = this.#pipeline;
    if (pair === undefined && (options.truncation ?? truncation ?? options.padding ?? padding) === undefined) {
      const tokenized = this.#tokenize('PipelineTokenizer.encode', 'text', text);
      const part = { segments: [wholeText(tokenized, 0)], overflowing: [] };
      const processed = postProcessor === undefined ? part : mergeParts(postProcessor.process([part], options.addSpecialTokens ?? true));
      return new PipelineEncoding(processed, [tokenized]);
    }
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
      const token = this.#added.decodedToken(id) ?? this.#pipeline.model.token(id);
      if (token !== undefined && !(skipSpecialTokens && this.#added.isSpecial(token))) tokens.push(token);
      index++;
    }
    const text = this.decodeTokens(tokens);
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

  /** What the normalizer makes of a text, without a look at added tokens. */
  normalize(text: string): string {
    const { normalizer } = this.#pipeline;
    const given = AlignedText.of(textOf('PipelineTokenizer.normalize', text), false);
    return normalizer === undefined ? given.text : normalizer(given).text;
  }

  /** The pieces that the pre-tokenizer makes of a text, and which part of the text each comes from; no normalizer, no added tokens. */
  preTokenize(text: string): { text: string; offsets: Offset }[] {
    const given = AlignedText.of(textOf('PipelineTokenizer.preTokenize', text), true);
    return preTokenize(this.#pipeline.preTokenizer, [given]).map(({ text: piece, from, to }) => ({ text: piece, offsets: [from, to] }));
  }

  /** The text of tokens, as the decoder makes it. */
  decodeTokens(tokens: readonly string[]): string {
    const { decoder } = this.#pipeline;
    return decoder === undefined ? tokens.join(' ') : decoder(tokens).join('');
  }

  #encodeAll(
    operation: string,
    inputs: readonly { text: TextInput; pair?: TextInput }[],
    options: PipelineEncodeOptions,
  ): PipelineEncoding[] {
    checkEncodeOptions(operation, options);
    const truncation = this.#truncation(operation, options);
    const encoded = inputs.map(({ text, pair }, i) => {
      const at = inputs.length > 1 ? `[${i}]` : '';
      const texts = [this.#tokenize(operation, `text${at}`, text, truncation)];
      if (pair !== undefined) texts.push(this.#tokenize(operation, `pair${at}`, pair, truncation));
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
      throw new TokenizerError(
        operation,
        `truncation.strategy: expected 'longest_first', 'only_first' or 'only_second', got ${show(strategy)}`,
      );
    }
    if (!Number.isSafeInteger(stride) || stride < 0) {
      throw new TokenizerError(operation, `truncation.stride: expected a non-negative integer, got ${show(stride)}`);
    }
    return { maxLength, direction, strategy, stride };
  }

  #postProcess(
    operation: string,
    texts: readonly TokenizedText[],
    addSpecialTokens: boolean,
    truncation: TruncationRules | undefined,
  ): Part {
    const { postProcessor } = this.#pipeline;
    let parts: readonly Part[] = texts.map((text, sequence) => ({ segments: [wholeText(text, sequence)], overflowing: [] }));
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

  #tokenize(operation: string, argument: string, given: TextInput, truncation?: TruncationRules): TokenizedText {
    if (typeof given !== 'string' && (!Array.isArray(given) || given.some((word) => typeof word !== 'string'))) {
      throw new TokenizerError(operation, `${argument}: expected a string or an array of words, got ${show(given)}`);
    }
    const areWords = typeof given !== 'string';
    const texts = areWords ? (given as readonly string[]).map(wellFormed) : [wellFormed(given as string)];
    const limit = truncation === undefined ? noLimit : { tokens: truncation.maxLength, left: truncation.direction === 'left' };
    const ids: number[] = [];
    for (const text of texts) this.#idsOf(text, limit, ids);
    let details: TokenDetails | undefined;
    return { ids, details: () => (details ??= this.#detailsOf(texts, areWords, limit)) };
  }

  #idsOf(text: string, { tokens, left }: Limit, ids: number[]): void {
    if (left) {
      for (const one of this.#tokensOf(text, { tokens, left }, idsOfPiece)) for (const id of one.tokens) ids.push(id);
      return;
    }
    const { tracked } = this.#pipeline;
    const most = ids.length + tokens;
    if (this.#bytes !== undefined && this.#added.isPlain(text)) {
      this.#addBytes(text, ids, most);
      return;
    }
    for (const section of this.#added.sections(AlignedText.of(text, tracked))) {
      if (ids.length >= most) return;
      if (section.id !== undefined) {
        ids.push(section.id);
      } else if (this.#bytes !== undefined) {
        this.#addBytes(section.text.text, ids, most);
      } else {
        for (const piece of preTokenize(this.#pipeline.preTokenizer, [section.text])) {
          if (ids.length >= most) return;
          if (this.#words === undefined) this.#cache.add(piece.text, 0, piece.text.length, this.#encodePiece, ids);
          else this.#cache.addAll(piece.text, this.#words, this.#encodePiece, ids, Number.POSITIVE_INFINITY);
        }
      }
    }
  }

  #addBytes(text: string, ids: number[], most: number): void {
    const { spans, encode } = this.#bytes as { spans: ByteSpans; encode: (word: string) => number[] };
    this.#cache.addAll(spans.prepared(text), spans.spans, encode, ids, most);
  }

  /** The pieces of a text with what `tokensOf` makes of them: all, or as many from one end as give the tokens that the limit wants. */
  #tokensOf<T>(text: string, { tokens, left }: Limit, tokensOf: (model: Model, piece: string, section: Section) => T[]): PieceTokens<T>[] {
    const { preTokenizer, model, tracked } = this.#pipeline;
    const pieces: Section[] = [];
    for (const section of this.#added.sections(AlignedText.of(text, tracked || tokensOf !== (idsOfPiece as unknown)))) {
      if (section.id !== undefined) pieces.push(section);
      else for (const piece of preTokenize(preTokenizer, [section.text])) pieces.push({ text: piece });
    }
    const found: PieceTokens<T>[] = [];
    let count = 0;
    for (let i = 0; i < pieces.length && count < tokens; i++) {
      const index = left ? pieces.length - 1 - i : i;
      const piece = pieces[index] as Section;
      const made = tokensOf(model, piece.text.text, piece);
      found.push({ piece: piece.text, index, tokens: made });
      count += made.length;
    }
    return left ? found.reverse() : found;
  }

  #detailsOf(texts: readonly string[], areWords: boolean, limit: Limit): TokenDetails {
    const tokens: string[] = [];
    const codePoints: number[] = [];
    const words: number[] = [];
    const texted: TextPlaces[] = [];
    texts.forEach((text, wordIndex) => {
      const places = new TextPlaces(text);
      for (const { piece, index, tokens: made } of this.#tokensOf(text, limit, detailsOfPiece)) {
        for (const { start, end, token } of made) {
          tokens.push(token);
          const [from, to] = piece.origin(start, end);
          codePoints.push(places.inCodePoints(from), places.inCodePoints(to));
          words.push(areWords ? wordIndex : index);
          texted.push(places);
        }
      }
    });
    return { tokens, codePoints, words, inUnits: (token, codePoint) => (texted[token] as TextPlaces).inUnits(codePoint) };
  }
}

/** How many tokens of a text are wanted at least, and from which end. Words after that are not looked at, as in Hugging Face's. */
interface Limit {
  tokens: number;
  left: boolean;
}

const noLimit: Limit = { tokens: Number.POSITIVE_INFINITY, left: false };

interface PieceTokens<T> {
  piece: AlignedText;
  /** Which piece of its text it is. */
  index: number;
  tokens: T[];
}

function wholeText({ ids }: TokenizedText, sequence: number): Segment {
  return { kind: 'text', sequence, from: 0, to: ids.length, typeId: sequence, trims: noTrims };
}

const noTrims: readonly boolean[] = [];

function textOf(operation: string, given: unknown): string {
  if (typeof given !== 'string') throw new TokenizerError(operation, `text: expected a string, got ${show(given)}`);
  return wellFormed(given);
}

function idsOfPiece(model: Model, piece: string, section?: Section): number[] {
  if (section?.id !== undefined) return [section.id];
  const ids: number[] = [];
  model.tokenize(piece, { detailed: false, add: (id) => void ids.push(id) });
  return ids;
}

function detailsOfPiece(model: Model, piece: string, section: Section): { start: number; end: number; token: string }[] {
  if (section.id !== undefined) return [{ start: 0, end: piece.length, token: piece }];
  const details: { start: number; end: number; token: string }[] = [];
  const add: TokenSink['add'] = (id, start, end, surface) =>
    void details.push({ start, end, token: surface ?? (model.token(id) as string) });
  model.tokenize(piece, { detailed: true, add });
  return details;
}

function padded(
  part: Part,
  length: number,
  direction: Direction,
  { id, token, typeId }: { id: number; token: string; typeId: number },
): Part {
  const overflowing = part.overflowing.map((overflow) => padded(overflow, length, direction, { id, token, typeId }));
  const missing = length - lengthOf(part.segments);
  if (missing <= 0) return { ...part, overflowing };
  const ids = new Array<number>(missing).fill(id);
  const padding: Segment = { kind: 'padding', ids, tokens: new Array<string>(missing).fill(token), typeId };
  return { segments: direction === 'left' ? [padding, ...part.segments] : [...part.segments, padding], overflowing };
}
