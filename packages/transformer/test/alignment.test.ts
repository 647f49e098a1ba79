import { timeWarping } from '@multihead/transformer/speech';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { brightness, medianFilter } from '../src/speech/alignment.js';
import { wordsOfSpans } from '../src/speech/word-timing.js';
import { mergePunctuation, splitWords } from '../src/speech/words.js';
import { ids, tokenizer } from './speech-model.js';

/** The least sum of costs of all paths, by trying each. */
function least(costs: number[][], i = costs.length - 1, j = costs[0]!.length - 1): number {
  if (i < 0 || j < 0) return Number.POSITIVE_INFINITY;
  if (i === 0 && j === 0) return costs[0]![0]!;
  return costs[i]![j]! + Math.min(least(costs, i - 1, j - 1), least(costs, i - 1, j), least(costs, i, j - 1));
}

describe('timeWarping', () => {
  const matrix = fc
    .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }))
    .chain(([rows, columns]) =>
      fc.array(fc.array(fc.integer({ min: -4, max: 4 }), { minLength: columns, maxLength: columns }), { minLength: rows, maxLength: rows }),
    );

  it('no path costs less', () => {
    fc.assert(
      fc.property(matrix, (costs) => {
        const [rows, columns] = [costs.length, costs[0]!.length];
        const path = timeWarping({ data: Float64Array.from(costs.flat()), rows, columns });
        const steps = Array.from(path.rows, (row, i) => [row, path.columns[i]!] as const);
        expect(steps[0]).toEqual([0, 0]);
        expect(steps.at(-1)).toEqual([rows - 1, columns - 1]);
        for (const [i, [row, column]] of steps.slice(1).entries()) {
          expect(['0,1', '1,0', '1,1']).toContain(`${row - steps[i]![0]},${column - steps[i]![1]}`);
        }
        expect(steps.reduce((sum, [row, column]) => sum + costs[row]![column]!, 0)).toBe(least(costs));
      }),
    );
  });

  it('of equal ways the one from the left', () => {
    const path = timeWarping({ data: new Float64Array(6), rows: 2, columns: 3 });
    expect([...path.rows]).toEqual([0, 1, 1, 1]);
    expect([...path.columns]).toEqual([0, 0, 1, 2]);
  });

  it('refuses a matrix that is none', () => {
    expect(() => timeWarping({ data: new Float64Array(0), rows: 0, columns: 0 })).toThrow('timeWarping: costs: expected at least one cell');
    expect(() => timeWarping({ data: new Float64Array(5), rows: 2, columns: 3 })).toThrow('as many as 2 · 3, got 5');
  });
});

describe('attention maps', () => {
  it('the median of neighbours, with the ends mirrored', () => {
    const row = { data: Float64Array.of(5, 1, 9, 2, 2, 8), rows: 1, columns: 6 };
    expect([...medianFilter(row, 3).data]).toEqual([1, 5, 2, 2, 2, 2]);
    expect([...medianFilter(row, 1).data]).toEqual([...row.data]);
    expect([...medianFilter(row, 13).data]).toEqual([...row.data]); // longer than can be mirrored
    expect(() => medianFilter(row, 4)).toThrow('median_filter_width: expected an odd number, got 4');
  });

  it('are normed over tokens, step by step, and a step that all look at alike says nothing', () => {
    const { data } = brightness([{ data: Float64Array.of(0.9, 0.5, 0.1, 0.5), rows: 2, columns: 2 }], 1);
    expect([...data]).toEqual([1, 0, -1, 0]);
  });
});

describe('splitWords', () => {
  const split = (list: number[], language: string | null = 'en') => splitWords(list, (x) => tokenizer.decode(x), language).map(({ text, ids }) => [text, ids.length]); // biome-ignore format: one row

  it('at spaces and at punctuation', () => {
    expect(split(ids(' four', 'teen', ' one', '.', ' (', ' two', ')'))).toEqual([[' fourteen', 2], [' one', 1], ['.', 1], [' (', 1], [' two', 1], [')', 1]]); // biome-ignore format: one row
    expect(split(ids('teen', ' one'))).toEqual([['teen', 1], [' one', 1]]); // biome-ignore format: one row
  });

  it('at whole characters, where a language writes without spaces', () => {
    const list = ids(' four', 'teen', '\u{1F600}a', '\u{1F600}b', 'teen');
    expect(split(list, 'ja')).toEqual([[' four', 1], ['teen', 1], ['\u{1F600}', 2], ['teen', 1]]); // biome-ignore format: one row
    expect(split(list, null)).toEqual([[' fourteen\u{1F600}teen', 5]]);
  });

  it('half a character that is never made whole stays what it is', () => {
    expect(split(ids(' one', '\u{1F600}a', ' two'), 'ja')).toEqual([[' one', 1], ['\ufffd', 1], [' two', 1]]); // biome-ignore format: one row
    expect(split(ids(' one', '\u{1F600}a'), 'ja')).toEqual([[' one', 1], ['\ufffd', 1]]); // biome-ignore format: one row
  });

  it('punctuation goes with the word that it belongs to', () => {
    const words = splitWords(ids(' one', '.', ' (', ' two', ')', '.', ' three'), (x) => tokenizer.decode(x), 'en');
    expect(mergePunctuation(words).map(({ text, ids }) => [text, ids.length])).toEqual([[' one.', 2], [' ( two).', 4], [' three', 1]]); // biome-ignore format: one row
    expect(mergePunctuation([])).toEqual([]);
  });
});

describe('wordsOfSpans', () => {
  const word = (text: string, start: number, end: number) => ({ text, ids: [0], start, end, probability: 1 });
  const at = { offset: 10, step: 0.02, last: 10 };

  it('words go to their spans, in seconds, and spans begin and end with them', () => {
    const spans = [{ start: 10.1, end: 10.5, tokens: 2 }, { start: 10.6, end: 11, tokens: 1 }]; // biome-ignore format: one row
    const words = wordsOfSpans(spans, [word(' a', 5, 15), word(' b', 15, 24), word(' c', 32, 48)], at);
    expect(words.map((own) => own.map(({ text, start, end }) => [text, +start.toFixed(2), +end.toFixed(2)]))).toEqual([[[' a', 10.1, 10.3], [' b', 10.3, 10.48]], [[' c', 10.64, 10.96]]]); // biome-ignore format: one row
    expect(spans.map(({ start, end }) => [+start.toFixed(2), +end.toFixed(2)])).toEqual([[10.1, 10.48], [10.64, 10.96]]); // biome-ignore format: one row
  });

  it('the first word behind a pause, and what stands at the end of a sentence, are no longer than twice the usual', () => {
    const late = wordsOfSpans([{ start: 10, end: 13, tokens: 3 }], [word(' a', 0, 100), word(' b', 100, 110), word(' c', 110, 120)], at);
    expect(late[0]![0]!.start).toBeCloseTo(11.6); // ends at 12, and words last 0.2 s
    const behind = wordsOfSpans([{ start: 10, end: 13, tokens: 4 }], [word(' a', 0, 10), word('.', 10, 60), word(' b', 60, 70), word(' c', 70, 80)], at); // biome-ignore format: one row
    expect(behind[0]!.map(({ text, end }) => [text, +end.toFixed(2)])).toEqual([[' a.', 10.2], [' b', 11.4], [' c', 11.6]]); // biome-ignore format: one row
  });

  it('no words, no change', () => {
    const span = { start: 1, end: 2, tokens: 0 };
    expect(wordsOfSpans([span], [], at)).toEqual([[]]);
    expect(span).toEqual({ start: 1, end: 2, tokens: 0 });
  });
});
