import type { AlignedText, Change } from '../aligned-text.js';
import { byteCharacters } from '../byte-characters.js';
import { cut, type PreTokenizer, type Spans } from './pre-tokenizer.js';

export interface ByteLevelRules {
  addPrefixSpace: boolean;
  /** Where to cut before bytes become characters. */
  spans: Spans | undefined;
}

/** GPT-2's: a space before the text, words with the space before them, and each byte a visible character. */
export function byteLevelPreTokenizer({ addPrefixSpace, spans }: ByteLevelRules): PreTokenizer {
  const split = (given: AlignedText): AlignedText[] => {
    const piece = addPrefixSpace && !given.text.startsWith(' ') ? given.prepend(' ') : given;
    const pieces: AlignedText[] = [];
    if (spans === undefined) pieces.push(piece);
    else cut(piece, spans(piece.text), pieces);
    return pieces.map(toBytes);
  };
  return { kind: 'bytes', addPrefixSpace, spans, split };
}

/** Each character replaced by the characters of its bytes. */
export function toBytes(text: AlignedText): AlignedText {
  if (!text.tracked) return text.replacedBy(byteCharacters(text.text));
  const changes: Change[] = [];
  for (const character of text.text) {
    let change = 0;
    for (const byte of byteCharacters(character)) {
      changes.push([byte, change]);
      change = 1;
    }
  }
  return text.transform(changes);
}
