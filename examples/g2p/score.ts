/*
 * How pronunciations are scored against a dictionary that gives a word one or more of them.
 *
 * Each hypothesis is compared with the alternative nearest to it: the one at the shortest Levenshtein distance (insertion, deletion
 * and substitution each cost 1). Between alternatives equally near, the shortest is taken, since a longer one would only lower the
 * rate. Over all words,
 *
 *     WER = words whose distance is not 0 / words
 *     PER = sum of the distances / sum of the lengths of the alternatives taken
 *
 * so a word is right if and only if its hypothesis equals an alternative. PER weights words by length; it may exceed 1.
 */

export interface WordScore {
  /** Levenshtein distance to the nearest alternative. */
  errors: number;
  /** Length of that alternative. */
  length: number;
}

/**
 * Levenshtein distance: the fewest insertions, deletions and substitutions that turn `a` into `b`.
 * Items are compared with `===`. Time is |a|·|b|, memory is |b|.
 */
export function editDistance<T>(a: ArrayLike<T>, b: ArrayLike<T>): number {
  // row[j] is the distance between the first i items of a and the first j of b.
  const row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    let diagonal = row[0] as number;
    row[0] = i;
    for (let j = 1; j <= b.length; j++) {
      const above = row[j] as number;
      const substituted = diagonal + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(substituted, above + 1, (row[j - 1] as number) + 1);
      diagonal = above;
    }
  }
  return row[b.length] as number;
}

/** Compares a hypothesis with the nearest of a word's alternatives. Throws if there are none. */
export function scoreWord<T>(hypothesis: ArrayLike<T>, alternatives: readonly ArrayLike<T>[]): WordScore {
  let best: WordScore | undefined;
  for (const alternative of alternatives) {
    const errors = editDistance(hypothesis, alternative);
    const length = alternative.length;
    if (best === undefined || errors < best.errors || (errors === best.errors && length < best.length)) best = { errors, length };
  }
  if (best === undefined) throw new Error('scoreWord: alternatives: expected at least one pronunciation, got an empty list');
  return best;
}

/** Word and phoneme error rate of the words scored so far. Both are NaN while there are none. */
export class ErrorRates {
  words = 0;
  wrongWords = 0;
  phonemes = 0;
  phonemeErrors = 0;

  /** Scores one more word, and returns its own score. */
  add<T>(hypothesis: ArrayLike<T>, alternatives: readonly ArrayLike<T>[]): WordScore {
    const score = scoreWord(hypothesis, alternatives);
    this.words += 1;
    this.wrongWords += score.errors > 0 ? 1 : 0;
    this.phonemes += score.length;
    this.phonemeErrors += score.errors;
    return score;
  }

  /** Word error rate: 0.36 is 36 %. */
  get wer(): number {
    return this.wrongWords / this.words;
  }

  /** Phoneme error rate: 0.095 is 9.5 %. */
  get per(): number {
    return this.phonemeErrors / this.phonemes;
  }
}
