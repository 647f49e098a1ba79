import { show, TokenizerError } from '../errors.js';
import { type Field, fields } from './protobuf.js';

/** What a piece is, by the number that the file has for it. */
export const PieceType = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

export interface SentencePiece {
  piece: string;
  score: number;
  type: number;
}

/** How text is normalized before it is divided. */
export interface NormalizerSpec {
  charsmap: Uint8Array;
  addDummyPrefix: boolean;
  removeExtraWhitespaces: boolean;
  escapeWhitespaces: boolean;
}

/** What a SentencePiece `.model` file says, as far as it matters after training. */
export interface SentencePieceModel {
  type: 'unigram' | 'bpe' | 'word' | 'char';
  /** Ids are the places in this list. */
  pieces: SentencePiece[];
  unkId: number;
  /** The ids of `<0x00>` to `<0xFF>`, if unknown characters become bytes. */
  byteIds: number[] | undefined;
  treatWhitespaceAsSuffix: boolean;
  /** What an unknown piece becomes in a decoded text. */
  unkSurface: string;
  bosPiece: string;
  eosPiece: string;
  padPiece: string;
  normalizer: NormalizerSpec;
  /** Applied to decoded texts. */
  denormalizer: NormalizerSpec | undefined;
}

/** A piece of this many bytes or more is refused, as SentencePiece does. */
const LONGEST_PIECE = 8000;

const modelTypes = ['unigram', 'bpe', 'word', 'char'] as const;

/**
 * Reads a SentencePiece `.model` file. Fields that it does not know are skipped; everything else that is wrong throws `TokenizerError`.
 *
 * The format is `sentencepiece_model.proto` of SentencePiece.
 */
export function readSentencePieceModel(operation: string, bytes: Uint8Array): SentencePieceModel {
  if (!(bytes instanceof Uint8Array)) throw new TokenizerError(operation, `bytes: expected a Uint8Array, got ${show(bytes)}`);
  const pieces: SentencePiece[] = [];
  let trainer: Field[] = [];
  let normalizer: Field[] = [];
  let denormalizer: Field[] | undefined;
  for (const [number, value] of fields(operation, bytes)) {
    if (number === 1) pieces.push(readPiece(operation, message(operation, 'pieces', value), pieces.length));
    else if (number === 2) trainer = trainer.concat([...fields(operation, message(operation, 'trainer_spec', value))]);
    else if (number === 3) normalizer = normalizer.concat([...fields(operation, message(operation, 'normalizer_spec', value))]);
    else if (number === 5) {
      denormalizer = (denormalizer ?? []).concat([...fields(operation, message(operation, 'denormalizer_spec', value))]);
    }
  }
  const spec = new Message(operation, trainer);
  const type = modelTypes[spec.integer(3, 1) - 1];
  if (type === undefined) throw new TokenizerError(operation, `model_type: expected 1, 2, 3 or 4, got ${spec.integer(3, 1)}`);
  const byteFallback = spec.boolean(35, false);
  const denormalize = denormalizer === undefined ? undefined : readNormalizer(operation, denormalizer);
  return {
    type,
    pieces,
    ...checkPieces(operation, pieces, byteFallback),
    treatWhitespaceAsSuffix: spec.boolean(24, false),
    unkSurface: spec.text(44, ' \u2047 '),
    bosPiece: spec.text(46, '<s>'),
    eosPiece: spec.text(47, '</s>'),
    padPiece: spec.text(48, '<pad>'),
    normalizer: readNormalizer(operation, normalizer),
    denormalizer: denormalize !== undefined && denormalize.charsmap.length > 0 ? denormalize : undefined,
  };
}

function readPiece(operation: string, bytes: Uint8Array, id: number): SentencePiece {
  const spec = new Message(operation, [...fields(operation, bytes)]);
  const raw = spec.bytes(1);
  if (raw.length >= LONGEST_PIECE)
    throw new TokenizerError(operation, `pieces[${id}]: expected less than ${LONGEST_PIECE} bytes, got ${raw.length}`);
  const score = spec.float(2, 0);
  if (!Number.isFinite(score)) throw new TokenizerError(operation, `pieces[${id}].score: expected a finite number, got ${score}`);
  return { piece: spec.text(1, ''), score, type: spec.integer(3, PieceType.normal) };
}

function readNormalizer(operation: string, given: Field[]): NormalizerSpec {
  const spec = new Message(operation, given);
  return {
    charsmap: spec.bytes(2),
    addDummyPrefix: spec.boolean(3, true),
    removeExtraWhitespaces: spec.boolean(4, true),
    escapeWhitespaces: spec.boolean(5, true),
  };
}

/** What SentencePiece demands of a vocabulary; the unknown piece and the bytes in it. */
function checkPieces(
  operation: string,
  pieces: readonly SentencePiece[],
  byteFallback: boolean,
): Pick<SentencePieceModel, 'unkId' | 'byteIds'> {
  const seen = new Set<string>();
  const byteIds = new Array<number>(256).fill(-1);
  let unkId = -1;
  pieces.forEach(({ piece, type }, id) => {
    const wrong = (problem: string) => new TokenizerError(operation, `pieces[${id}]: ${problem}, got ${show(piece)}`);
    if (piece === '') throw wrong('expected a piece that is not empty');
    if (seen.has(piece)) throw wrong('expected a piece that is not there yet');
    seen.add(piece);
    if (type === PieceType.unknown) {
      if (unkId >= 0) throw wrong('expected one unknown piece only');
      unkId = id;
    }
    if (type !== PieceType.byte) return;
    if (!byteFallback) throw wrong('expected no byte, since byte_fallback is false');
    const byte = /^<0x([0-9A-F]{2})>$/.exec(piece);
    if (byte === null) throw wrong('expected a byte from <0x00> to <0xFF>');
    byteIds[Number.parseInt(byte[1]!, 16)] = id;
  });
  if (unkId < 0) throw new TokenizerError(operation, `pieces: expected an unknown piece among them, got ${pieces.length} without one`);
  if (!byteFallback) return { unkId, byteIds: undefined };
  const missing = byteIds.indexOf(-1);
  if (missing >= 0) {
    throw new TokenizerError(operation, `pieces: expected all 256 bytes, since byte_fallback is true, got none for ${missing}`);
  }
  return { unkId, byteIds };
}

function message(operation: string, name: string, value: number | Uint8Array): Uint8Array {
  if (typeof value !== 'number') return value;
  throw new TokenizerError(operation, `${name}: expected a message, got the number ${value}`);
}

/** The fields of a message by number; of a field that is there twice the last counts. */
class Message {
  readonly #operation: string;
  readonly #values: Map<number, number | Uint8Array>;

  constructor(operation: string, given: readonly Field[]) {
    this.#operation = operation;
    this.#values = new Map(given);
  }

  integer(number: number, missing: number): number {
    const value = this.#values.get(number);
    if (value === undefined) return missing;
    if (typeof value === 'number') return value;
    throw this.#wrong(number, 'an integer');
  }

  boolean(number: number, missing: boolean): boolean {
    return this.integer(number, Number(missing)) !== 0;
  }

  float(number: number, missing: number): number {
    const value = this.#values.get(number);
    if (value === undefined) return missing;
    if (typeof value === 'number' || value.length !== 4) throw this.#wrong(number, 'a float of 4 bytes');
    return new DataView(value.buffer, value.byteOffset, 4).getFloat32(0, true);
  }

  bytes(number: number): Uint8Array {
    const value = this.#values.get(number);
    if (typeof value === 'number') throw this.#wrong(number, 'bytes');
    return value ?? new Uint8Array(0);
  }

  text(number: number, missing: string): string {
    const value = this.#values.get(number);
    if (value === undefined) return missing;
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.bytes(number));
    } catch (error) {
      if (error instanceof TokenizerError) throw error;
      throw this.#wrong(number, 'text in UTF-8');
    }
  }

  #wrong(number: number, expected: string): TokenizerError {
    const value = this.#values.get(number);
    const got = typeof value === 'number' ? `the number ${value}` : `${value?.length} bytes`;
    return new TokenizerError(this.#operation, `bytes: expected ${expected} in field ${number}, got ${got}`);
  }
}
