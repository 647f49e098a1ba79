/* How wrong a text is, and how far its words are from where they were said. */

/** The least number of words to change, put in or leave out: Levenshtein's distance, with the pairs of equal words on its way. */
export function align(
  said: readonly string[],
  found: readonly string[],
): { errors: number; pairs: (readonly [said: number, found: number])[] } {
  const table = Array.from({ length: said.length + 1 }, (_, i) => Array.from({ length: found.length + 1 }, (_, j) => (i === 0 ? j : i)));
  for (let i = 1; i <= said.length; i++) {
    for (let j = 1; j <= found.length; j++) {
      const isSame = said[i - 1] === found[j - 1];
      table[i]![j] = Math.min(table[i - 1]![j - 1]! + (isSame ? 0 : 1), table[i - 1]![j]! + 1, table[i]![j - 1]! + 1);
    }
  }
  const pairs: (readonly [number, number])[] = [];
  for (let i = said.length, j = found.length; i > 0 && j > 0; ) {
    const isSame = said[i - 1] === found[j - 1];
    const here = table[i]![j]!;
    if (here === table[i - 1]![j - 1]! + (isSame ? 0 : 1)) {
      if (isSame) pairs.push([i - 1, j - 1]);
      i--;
      j--;
    } else if (here === table[i - 1]![j]! + 1) i--;
    else j--;
  }
  return { errors: table[said.length]![found.length]!, pairs: pairs.reverse() };
}

export interface TimedWord {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Behind a pause: attention may look anywhere in it before the word. */
  readonly isFirst?: boolean;
}

/** Counts over recordings. */
export class Score {
  words = 0;
  errors = 0;
  recordings = 0;
  /** Recordings whose language was found. */
  languages = 0;
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  /** Of words that follow another one at once. */
  readonly #inner: number[] = [];

  add(said: readonly TimedWord[], found: readonly TimedWord[], isLanguageRight: boolean): void {
    const { errors, pairs } = align(said.map(({ text }) => text), found.map(({ text }) => text)); // biome-ignore format: one call
    this.words += said.length;
    this.errors += errors;
    this.recordings++;
    if (isLanguageRight) this.languages++;
    for (const [i, j] of pairs) {
      const off = Math.abs(said[i]!.start - found[j]!.start);
      this.#starts.push(off);
      if (!said[i]!.isFirst) this.#inner.push(off);
      this.#ends.push(Math.abs(said[i]!.end - found[j]!.end));
    }
  }

  /** Errors by words that were said. */
  get wer(): number {
    return this.errors / Math.max(1, this.words);
  }

  /** Seconds between where words begin, and where they are found to; the same for those that begin no segment, and for ends. Of words that were heard rightly. */
  get alignment(): { start: number; inner: number; end: number } {
    const mean = (list: readonly number[]) => list.reduce((sum, x) => sum + x, 0) / Math.max(1, list.length);
    return { start: mean(this.#starts), inner: mean(this.#inner), end: mean(this.#ends) };
  }
}
