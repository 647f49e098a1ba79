import type { AlignedWord } from './alignment.js';
import { mergePunctuation } from './words.js';

/*
 * Aligned words become those of segments. The place of a word at a pause is uncertain, since attention may look anywhere in it: what lasts too long there is
 * shortened, by the same rules as in openai/whisper.
 */

/** A word, in seconds. */
export interface SpokenWord {
  /** With the space before it. */
  text: string;
  start: number;
  end: number;
  /** From 0 to 1. */
  probability: number;
}

/** A segment as far as its words matter. */
export interface Span {
  start: number;
  end: number;
  /** How many text ids it has. */
  readonly tokens: number;
}

/** How long words usually are, and what is too long, in seconds. */
interface Durations {
  readonly usual: number;
  readonly most: number;
}

/**
 * The words of each span, which then begins with its first word and ends with its last one. `offset` is where the window begins, `step` what a step of its times lasts, `last` where the
 * words before it end; all in seconds.
 */
export function wordsOfSpans(
  spans: readonly Span[],
  aligned: readonly AlignedWord[],
  { offset, step, last }: { offset: number; step: number; last: number },
): SpokenWord[][] {
  const timed = aligned.map((word) => ({ ...word, start: word.start * step, end: word.end * step }));
  const durations = durationsOf(timed);
  const words = mergePunctuation(shortenedAtSentences(timed, durations));
  let lastSpeech = last;
  let next = 0;
  return spans.map((span) => {
    const own: SpokenWord[] = [];
    for (let tokens = 0; next < words.length && tokens < span.tokens; next++) {
      const { text, ids, start, end, probability } = words[next]!;
      tokens += ids.length;
      own.push({ text, start: offset + start, end: offset + end, probability });
    }
    if (own.length > 0) {
      shortenAfterPause(own, lastSpeech, durations);
      settle(span, own, durations.usual);
      lastSpeech = span.end;
    }
    return own;
  });
}

function durationsOf(words: readonly { start: number; end: number }[]): Durations {
  const lengths = words.map(({ start, end }) => end - start).filter((length) => length > 0);
  lengths.sort((a, b) => a - b);
  const n = lengths.length;
  const median = n === 0 ? 0 : (lengths[Math.floor((n - 1) / 2)]! + lengths[Math.floor(n / 2)]!) / 2;
  const usual = Math.min(0.7, median);
  return { usual, most: 2 * usual };
}

const sentenceEnds = '.。!！?？';

/** The mark that ends a sentence, and the word behind it, are no longer than `most`. */
function shortenedAtSentences<T extends { text: string; start: number; end: number }>(words: readonly T[], { most }: Durations): T[] {
  const isEnd = (word: T | undefined) => word !== undefined && word.text !== '' && sentenceEnds.includes(word.text);
  return words.map((word, i) => {
    if (i === 0 || most === 0 || word.end - word.start <= most) return word;
    if (isEnd(word)) return { ...word, end: word.start + most };
    return isEnd(words[i - 1]) ? { ...word, start: word.end - most } : word;
  });
}

/** The first words behind a long pause. */
function shortenAfterPause(words: SpokenWord[], lastSpeech: number, { usual, most }: Durations): void {
  const [first, second] = words as [SpokenWord, SpokenWord | undefined];
  const isAfterPause = first.end - lastSpeech > 4 * usual;
  const isLong = first.end - first.start > most || (second !== undefined && second.end - first.start > 2 * most);
  if (!isAfterPause || !isLong) return;
  if (second && second.end - second.start > most) {
    first.end = Math.max(second.end / 2, second.end - most);
    second.start = first.end;
  }
  first.start = Math.max(0, first.end - most);
}

/** A span and its words agree about where they begin and end: the one that is nearer. */
function settle(span: Span, words: SpokenWord[], usual: number): void {
  const [first, last] = [words[0]!, words.at(-1)!];
  if (span.start < first.end && span.start - 0.5 > first.start) first.start = Math.max(0, Math.min(first.end - usual, span.start));
  else span.start = first.start;
  if (span.end > last.start && span.end + 0.5 < last.end) last.end = Math.max(last.start + usual, span.end);
  else span.end = last.end;
}
