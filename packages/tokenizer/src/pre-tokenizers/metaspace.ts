import type { AlignedText } from '../aligned-text.js';
import { literalMatcher } from '../patterns/pattern.js';
import { cut, type PieceSplitter, splitSpans } from './pre-tokenizer.js';

export interface MetaspaceRules {
  replacement: string;
  prependScheme: 'always' | 'never' | 'first';
  split: boolean;
}

/** SentencePiece's way with spaces: they become a visible character, which one more may be put before, and words begin with it. */
export function metaspaceSplitter({ replacement, prependScheme, split }: MetaspaceRules): PieceSplitter {
  const spaces = literalMatcher(' ');
  const words = splitSpans(literalMatcher(replacement), 'MergedWithNext', false);
  return (given) => {
    let piece = given.replaceAll(spaces(given.text), replacement);
    const prepends = prependScheme === 'always' || (prependScheme === 'first' && given.from === 0);
    if (prepends && !piece.text.startsWith(replacement)) piece = piece.prepend(replacement);
    if (!split) return [piece];
    const pieces: AlignedText[] = [];
    cut(piece, words(piece.text), pieces);
    return pieces;
  };
}
