import { PieceType, type SentencePieceModel } from './sentencepiece-model.js';

/** The text of pieces, before it is denormalized: control pieces are nothing, ▁ is a space, but at the beginning, and bytes become characters. */
export function decodePieces(model: SentencePieceModel, ids: Iterable<number>, skipUnknown: boolean): string {
  const { addDummyPrefix, removeExtraWhitespaces } = model.normalizer;
  const stripped = addDummyPrefix || removeExtraWhitespaces;
  const parts: string[] = [];
  let begins = true; // nothing but white space that does not count has been written
  let spaceSeen = false;
  let empty = true;
  let bytes: number[] = [];
  const write = (part: string) => {
    parts.push(part);
    if (part !== '') empty = false;
  };

  for (const id of ids) {
    const { piece, type } = model.pieces[id]!;
    if (type === PieceType.byte) {
      bytes.push(Number.parseInt(piece.slice(3, 5), 16));
      continue;
    }
    if (bytes.length > 0) write(textOfBytes(bytes));
    bytes = [];
    if (spaceSeen || !empty) begins = false;
    spaceSeen = false;
    if (type === PieceType.control) continue;
    if (type === PieceType.unknown) {
      if (!skipUnknown) write(model.unkSurface);
      continue;
    }
    const strip = begins && stripped && piece.startsWith('▁');
    spaceSeen = strip && !removeExtraWhitespaces; // else all of the leading white space goes
    write((strip ? piece.slice(1) : piece).replaceAll('▁', ' '));
  }
  if (bytes.length > 0) write(textOfBytes(bytes));
  return parts.join('');
}

/** UTF-8; every byte that is not part of a character becomes U+FFFD, each by itself. */
export function textOfBytes(bytes: readonly number[]): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = characterLength(bytes, at);
    if (length === 0) {
      text += '\ufffd';
      at++;
      continue;
    }
    let point = length === 1 ? bytes[at]! : bytes[at]! & (0x7f >> length);
    for (let i = 1; i < length; i++) point = (point << 6) | (bytes[at + i]! & 0x3f);
    text += String.fromCodePoint(point);
    at += length;
  }
  return text;
}

/** How many bytes the character has that begins here; 0 if none does. */
function characterLength(bytes: readonly number[], at: number): number {
  const lead = bytes[at]!;
  if (lead < 0x80) return 1;
  const length = lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
  const second = bytes[at + 1] ?? 0;
  if (lead === 0xe0 && second < 0xa0) return 0; // longer than needed
  if (lead === 0xed && second > 0x9f) return 0; // surrogates
  if (lead === 0xf0 && second < 0x90) return 0;
  if (lead === 0xf4 && second > 0x8f) return 0; // above U+10FFFF
  for (let i = 1; i < length; i++) if (((bytes[at + i] ?? 0) & 0xc0) !== 0x80) return 0;
  return length;
}
