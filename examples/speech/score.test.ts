import { expect, test } from 'vitest';
import { align, Score } from './score.js';

test('errors are the fewest changes, and equal words are paired', () => {
  const words = (text: string) => text.split(' ').filter(Boolean);
  const cases: [string, string, number, number][] = [
    ['one two three', 'one two three', 0, 3],
    ['one two three', 'one three', 1, 2],
    ['one two', 'one two two', 1, 2],
    ['one two three', 'one four three', 1, 2],
    ['', 'one', 1, 0],
    ['one two', '', 2, 0],
  ];
  for (const [said, found, errors, pairs] of cases) {
    const result = align(words(said), words(found));
    expect([result.errors, result.pairs.length]).toEqual([errors, pairs]);
    for (const [i, j] of result.pairs) expect(words(said)[i]).toBe(words(found)[j]);
  }
});

test('a score counts words, languages, and how far words are off', () => {
  const score = new Score();
  const said = [{ text: 'one', start: 1, end: 1.5 }, { text: 'two', start: 2, end: 2.5 }]; // biome-ignore format: one row
  score.add(said, [{ text: 'one', start: 1.05, end: 1.4 }, { text: 'six', start: 9, end: 9 }], true); // biome-ignore format: one row
  score.add(said, [], false);
  expect([score.words, score.errors, score.recordings, score.languages]).toEqual([4, 3, 2, 1]);
  expect(score.wer).toBeCloseTo(0.75);
  expect(score.alignment.start).toBeCloseTo(0.05);
  expect(score.alignment.end).toBeCloseTo(0.1);
  expect(score.alignment.inner).toBeCloseTo(0.05);
  score.add([{ text: 'one', start: 1, end: 1, isFirst: true }], [{ text: 'one', start: 2, end: 1 }], true);
  expect(score.alignment.inner).toBeCloseTo(0.05);
  expect(score.alignment.start).toBeCloseTo(0.525);
});
