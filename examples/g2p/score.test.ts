import { describe, expect, it } from 'vitest';
import { ErrorRates, editDistance, scoreWord } from './score.js';

const phones = (text: string) => text.split(' ').filter((phoneme) => phoneme !== '');

describe('editDistance', () => {
  it.each([
    ['kitten', 'sitting', 3],
    ['saturday', 'sunday', 3],
    ['intention', 'execution', 5],
    ['', 'abc', 3],
    ['abc', '', 3],
    ['', '', 0],
    ['abc', 'abc', 0],
    ['ab', 'ba', 2], // a transposition is two edits
    ['abcdef', 'bcdefg', 2],
  ])('%j, %j: %i', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
    expect(editDistance(b, a)).toBe(distance);
  });

  it('compares items of any kind', () => {
    expect(editDistance(phones('K AE T'), phones('K AH T S'))).toBe(2);
    expect(editDistance(Int32Array.of(1, 2, 3), [1, 3])).toBe(1);
  });

  it('agrees with the recursive definition', () => {
    const defined = (a: string, b: string): number => {
      if (a === '' || b === '') return a.length + b.length;
      if (a[0] === b[0]) return defined(a.slice(1), b.slice(1));
      return 1 + Math.min(defined(a.slice(1), b), defined(a, b.slice(1)), defined(a.slice(1), b.slice(1)));
    };
    const words = [''];
    for (let length = 1; length <= 4; length++)
      words.push(...words.filter((word) => word.length === length - 1).flatMap((word) => [`${word}a`, `${word}b`]));
    for (const a of words) for (const b of words) expect(editDistance(a, b), `${a}, ${b}`).toBe(defined(a, b));
  });
});

describe('scoreWord', () => {
  it('takes the nearest alternative, wherever it stands', () => {
    const alternatives = [phones('AE B IY'), phones('AE B EY')];
    expect(scoreWord(phones('AE B EY'), alternatives)).toEqual({ errors: 0, length: 3 });
    expect(scoreWord(phones('AE B EY'), [...alternatives].reverse())).toEqual({ errors: 0, length: 3 });
    expect(scoreWord(phones('EH B EY Z'), alternatives)).toEqual({ errors: 2, length: 3 });
  });

  it('takes the shorter of two that are equally near', () => {
    const alternatives = [phones('K AE T S'), phones('K AE'), phones('K AH T')];
    for (const list of [alternatives, [...alternatives].reverse()])
      expect(scoreWord(phones('K AE T'), list)).toEqual({ errors: 1, length: 2 });
  });

  it('prefers the nearer to the shorter', () => {
    expect(scoreWord(phones('K AE T S'), [phones('K'), phones('K AE T Z')])).toEqual({ errors: 1, length: 4 });
  });

  it('counts every phoneme of an empty hypothesis, and needs an alternative', () => {
    expect(scoreWord([], [phones('K AE T'), phones('K T')])).toEqual({ errors: 2, length: 2 });
    expect(() => scoreWord(phones('K'), [])).toThrow('scoreWord: alternatives: expected at least one pronunciation');
  });
});

describe('ErrorRates', () => {
  it('adds up distances, lengths and wrong words', () => {
    const rates = new ErrorRates();
    rates.add(phones('K AE T'), [phones('K AE T')]); // right: 0 of 3
    rates.add(phones('AE B EY'), [phones('AE B IY'), phones('AE B EY')]); // right by its second alternative: 0 of 3
    expect(rates.add(phones('D AO G Z'), [phones('D AO G')])).toEqual({ errors: 1, length: 3 }); // one insertion: 1 of 3
    rates.add(phones('HH EH'), [phones('HH AH L OW'), phones('HH EH L OW W')]); // 3 (one changed, two missing) of 4; 3 of 5: the shorter
    expect(rates).toMatchObject({ words: 4, wrongWords: 2, phonemes: 13, phonemeErrors: 4 });
    expect(rates.wer).toBe(0.5);
    expect(rates.per).toBe(4 / 13);
  });

  it('is NaN before the first word, and may exceed 1', () => {
    const rates = new ErrorRates();
    expect([rates.wer, rates.per]).toEqual([Number.NaN, Number.NaN]);
    rates.add(phones('K AE T S'), [phones('P')]);
    expect([rates.wer, rates.per]).toEqual([1, 4]);
  });
});
