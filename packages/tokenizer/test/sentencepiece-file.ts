/*
 * Writes SentencePiece `.model` files, for tests: the protocol buffer by hand, with whatever a test wants to be in it.
 */

export type PieceRow = readonly [piece: string, score: number, type?: number];

export interface ModelFile {
  pieces: readonly PieceRow[];
  /** 1 unigram, 2 BPE, 3 word, 4 character. */
  type?: number;
  byteFallback?: boolean;
  treatWhitespaceAsSuffix?: boolean;
  unkSurface?: string;
  charsmap?: Uint8Array;
  addDummyPrefix?: boolean;
  removeExtraWhitespaces?: boolean;
  escapeWhitespaces?: boolean;
  /** Bytes that follow. */
  extra?: readonly number[];
}

const encoder = new TextEncoder();

export function modelFile(file: ModelFile): Uint8Array {
  const normalizer: number[] = [];
  if (file.charsmap !== undefined) normalizer.push(...bytesField(2, file.charsmap));
  const flags: readonly [number, boolean | undefined][] = [[3, file.addDummyPrefix], [4, file.removeExtraWhitespaces], [5, file.escapeWhitespaces]]; // biome-ignore format: one row
  for (const [number, value] of flags) if (value !== undefined) normalizer.push(...varintField(number, Number(value)));
  const trainer = [...varintField(3, file.type ?? 1), ...varintField(35, Number(file.byteFallback ?? false))];
  trainer.push(...varintField(24, Number(file.treatWhitespaceAsSuffix ?? false)));
  if (file.unkSurface !== undefined) trainer.push(...bytesField(44, encoder.encode(file.unkSurface)));
  const pieces = file.pieces.flatMap(([piece, score, type]) => bytesField(1, pieceMessage(piece, score, type)));
  return Uint8Array.from([...pieces, ...bytesField(2, trainer), ...bytesField(3, normalizer), ...(file.extra ?? [])]);
}

/** The pieces `<0x00>` to `<0xFF>`. */
export function bytePieces(): PieceRow[] {
  return Array.from({ length: 256 }, (_, byte): PieceRow => [`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, 0, 6]);
}

function pieceMessage(piece: string, score: number, type: number | undefined): number[] {
  const float = new Uint8Array(new Float32Array([score]).buffer);
  return [...bytesField(1, encoder.encode(piece)), ...varint((2 << 3) | 5), ...float, ...(type === undefined ? [] : varintField(3, type))];
}

function varintField(number: number, value: number): number[] {
  return [...varint(number << 3), ...varint(value)];
}

function bytesField(number: number, bytes: ArrayLike<number>): number[] {
  return [...varint((number << 3) | 2), ...varint(bytes.length), ...Array.from(bytes)];
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}
