import { show, TokenizerError } from './errors.js';
import { checkSplitter, type Splitter, wellFormed } from './split.js';
import type { SpecialTokens } from './tokenizer.js';
import { defaultSpecialTokens, Vocabulary } from './vocabulary.js';

export interface TrainOptions {
  /** Leave out what occurs less often than this. Default 1: keep everything. */
  minFrequency?: number;
  /** The most ids the tokenizer may have, special tokens included; the most frequent are kept. Default: no limit. */
  size?: number;
}

/**
 * The pieces of these texts, most frequent first; equally frequent ones in the order of their code points. The order of the texts
 * has no influence, so the same corpus gives the same ids. Pieces that are spelled like a special token are left out.
 */
export function trainVocabulary(
  operation: string,
  texts: Iterable<string>,
  split: Splitter,
  options: TrainOptions & { specialTokens?: SpecialTokens },
): string[] {
  const { minFrequency = 1, size = Number.POSITIVE_INFINITY, specialTokens = defaultSpecialTokens } = options;
  checkSplitter(operation, split);
  const special = new Vocabulary(operation, [], specialTokens);
  if (!Number.isSafeInteger(minFrequency) || minFrequency < 1) {
    throw new TokenizerError(operation, `minFrequency: expected an integer of at least 1, got ${show(minFrequency)}`);
  }
  if (size !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(size) && size >= special.specialCount)) {
    throw new TokenizerError(
      operation,
      `size: expected an integer of at least ${special.specialCount} (the special tokens), got ${show(size)}`,
    );
  }

  const ranked = [...countPieces(operation, texts, split)].filter(
    ([piece, count]) => count >= minFrequency && special.id(piece) === undefined,
  );
  ranked.sort(([a, countA], [b, countB]) => countB - countA || compareCodePoints(a, b));
  return ranked.slice(0, size - special.specialCount).map(([piece]) => piece);
}

function countPieces(operation: string, texts: Iterable<string>, split: Splitter): Map<string, number> {
  if (typeof texts === 'string' || typeof texts?.[Symbol.iterator] !== 'function') {
    throw new TokenizerError(operation, `texts: expected an array or another iterable of strings, got ${show(texts)}`);
  }
  const counts = new Map<string, number>();
  let index = 0;
  for (const given of texts) {
    if (typeof given !== 'string') throw new TokenizerError(operation, `texts[${index}]: expected a string, got ${show(given)}`);
    const text = wellFormed(given);
    for (const [start, end] of split(text)) {
      const piece = text.slice(start, end);
      counts.set(piece, (counts.get(piece) ?? 0) + 1);
    }
    index++;
  }
  return counts;
}

/** Order by code points. `<` on strings orders by code units, which puts U+1F642 before U+FFFD. */
function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    if (a.charCodeAt(i) !== b.charCodeAt(i)) return (a.codePointAt(i) as number) - (b.codePointAt(i) as number);
  }
  return a.length - b.length;
}
