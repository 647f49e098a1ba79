/*
 * Decoders make text of tokens: each is a function from texts to texts, and what the last one leaves is put together without anything between.
 */
import { byteOfCharacter } from '../byte-characters.js';
import type { Matcher } from '../patterns/pattern.js';

export type Decoder = (tokens: readonly string[]) => readonly string[];

export function sequenceDecoder(decoders: readonly Decoder[]): Decoder {
  return (tokens) => decoders.reduce((parts, decode) => decode(parts), tokens);
}

/** Bytes as characters become the text that the bytes are; what is no UTF-8 becomes U+FFFD. */
export function byteLevelDecoder(tokens: readonly string[]): string[] {
  let bytes = new Uint8Array(64 + tokens.length * 4);
  let count = 0;
  const encoder = new TextEncoder();
  for (const token of tokens) {
    const most = count + token.length * 3;
    if (most > bytes.length) {
      const larger = new Uint8Array(most * 2);
      larger.set(bytes);
      bytes = larger;
    }
    const begin = count;
    for (const character of token) {
      const byte = byteOfCharacter(character);
      if (byte === undefined) {
        count = begin + encoder.encodeInto(token, bytes.subarray(begin)).written;
        break;
      }
      bytes[count++] = byte;
    }
  }
  return [new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, count))];
}

/** `##` joins a token to the one before, others are put after a space. */
export function wordPieceDecoder(prefix: string, cleanup: boolean): Decoder {
  return (tokens) =>
    tokens.map((token, i) => {
      const joined = i === 0 ? token : token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
      return cleanup ? cleanUpWordPiece(joined) : joined;
    });
}

function cleanUpWordPiece(text: string): string {
  return replaceInTurn(text, [...endings.slice(0, 7), [' do not', " don't"], ...endings.slice(7)]);
}

const endings: readonly (readonly [from: string, to: string])[] = [
  [' .', '.'],
  [' ?', '?'],
  [' !', '!'],
  [' ,', ','],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
];

/** Spaces before punctuation and English endings left out, where `clean_up_tokenization_spaces` is set. */
export function cleanUpSpaces(text: string): string {
  return replaceInTurn(text, endings);
}

function replaceInTurn(text: string, pairs: readonly (readonly [from: string, to: string])[]): string {
  return pairs.reduce((changed, [from, to]) => changed.replaceAll(from, to), text);
}

/** The visible character becomes a space, but for the one that was put before the text. */
export function metaspaceDecoder(replacement: string, prepended: boolean): Decoder {
  return (tokens) => tokens.map((token, i) => token.replaceAll(replacement, i === 0 && prepended ? '' : ' '));
}

/** The mark at the end of a word becomes a space. */
export function bpeDecoder(suffix: string): Decoder {
  return (tokens) => tokens.map((token, i) => replaceEach(token, suffix, i === tokens.length - 1 ? '' : ' '));
}

/** As Rust replaces: an empty text is found at every boundary of characters. */
function replaceEach(text: string, from: string, to: string): string {
  if (from !== '') return text.replaceAll(from, to);
  return `${to}${[...text].map((character) => character + to).join('')}`;
}

/** `<0xE2>` and its like become bytes; those in a row that are no UTF-8 become a U+FFFD each. */
export function byteFallbackDecoder(tokens: readonly string[]): string[] {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const parts: string[] = [];
  let bytes: number[] = [];
  const flush = (): void => {
    if (bytes.length === 0) return;
    try {
      parts.push(decoder.decode(Uint8Array.from(bytes)));
    } catch {
      for (const _ of bytes) parts.push('\uFFFD');
    }
    bytes = [];
  };
  for (const token of tokens) {
    const byte = /^<0x(\+[0-9A-Fa-f]|[0-9A-Fa-f]{2})>$/.exec(token);
    if (byte !== null) {
      bytes.push(Number.parseInt(byte[1] as string, 16));
      continue;
    }
    flush();
    parts.push(token);
  }
  flush();
  return parts;
}

export function fuseDecoder(tokens: readonly string[]): string[] {
  return [tokens.join('')];
}

/** Up to `start` and `stop` characters at the ends of each token, if they are `content`. */
export function stripDecoder(content: string, start: number, stop: number): Decoder {
  return (tokens) =>
    tokens.map((token) => {
      const characters = [...token];
      let from = 0;
      while (from < start && characters[from] === content) from++;
      let to = characters.length;
      while (characters.length - to < stop && to > from && characters[to - 1] === content) to--;
      return characters.slice(from, to).join('');
    });
}

export function replaceDecoder(find: Matcher, content: string): Decoder {
  return (tokens) =>
    tokens.map((token) => {
      const matches = find(token);
      let text = '';
      let last = 0;
      for (let i = 0; i < matches.length; i += 2) {
        text += token.slice(last, matches[i]) + content;
        last = matches[i + 1] as number;
      }
      return text + token.slice(last);
    });
}

/** Connectionist temporal classification: repetitions count once, padding goes, the delimiter becomes a space. */
export function ctcDecoder(padding: string, delimiter: string, cleanup: boolean): Decoder {
  return (tokens) =>
    tokens
      .filter((token, i) => token !== tokens[i - 1])
      .map((token) => {
        const text = replaceEach(token, padding, '');
        return cleanup ? replaceEach(cleanUpWordPiece(text), delimiter, ' ') : text;
      })
      .filter((text) => text !== '');
}
