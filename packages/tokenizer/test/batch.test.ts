import { CharacterTokenizer } from '@multihead/tokenizer';
import { describe, expect, it } from 'vitest';

const letters = new CharacterTokenizer('abc');

describe('padding', () => {
  it('fills up to the longest of the batch, at the right', () => {
    const [long, short] = letters.encodeBatch(['abc', 'a'], { padding: {} });
    expect(long).toEqual(letters.encode('abc'));
    expect(short).toEqual({
      ids: [1, 4, 2, 0, 0],
      tokens: ['<s>', 'a', '</s>', '<pad>', '<pad>'],
      offsets: [
        [0, 0],
        [0, 1],
        [0, 0],
        [0, 0],
        [0, 0],
      ],
      attentionMask: [1, 1, 1, 0, 0],
      specialTokensMask: [1, 0, 1, 1, 1],
    });
  });

  it('fills at the left when asked', () => {
    const [, short] = letters.encodeBatch(['abc', 'a'], { padding: { direction: 'left' } });
    expect(short).toMatchObject({
      ids: [0, 0, 1, 4, 2],
      attentionMask: [0, 0, 1, 1, 1],
      offsets: [
        [0, 0],
        [0, 0],
        [0, 0],
        [0, 1],
        [0, 0],
      ],
    });
  });

  it('fills to a fixed length and leaves longer texts alone', () => {
    const batch = letters.encodeBatch(['', 'abcabc'], { padding: { length: 4 }, addSpecialTokens: false });
    expect(batch.map(({ ids }) => ids)).toEqual([
      [0, 0, 0, 0],
      [4, 5, 6, 4, 5, 6],
    ]);
    expect(letters.encode('a', { padding: { length: 4 } }).ids).toEqual([1, 4, 2, 0]);
    expect(letters.encode('a', { padding: {} }).ids).toEqual([1, 4, 2]);
    expect(letters.encodeBatch([], { padding: {} })).toEqual([]);
  });

  it('needs a pad token and a length', () => {
    const bare = new CharacterTokenizer('abc', { specialTokens: {} });
    expect(() => bare.encodeBatch(['a'], { padding: {} })).toThrow(
      'encodeBatch: expected a tokenizer with a "pad" token among its specialTokens, got one with none',
    );
    for (const length of [-1, 1.5, 'max']) {
      expect(() => letters.encode('a', { padding: { length: length as never } })).toThrow(
        "padding.length: expected 'longest' or a non-negative integer",
      );
    }
    expect(() => letters.encode('a', { padding: { direction: 'top' as never } })).toThrow(
      `padding.direction: expected 'right' or 'left', got "top"`,
    );
  });
});

describe('truncation', () => {
  it('cuts the end of the text, and keeps bos and eos', () => {
    const cut = letters.encode('abcabc', { truncation: { maxLength: 4 } });
    expect(cut).toMatchObject({
      ids: [1, 4, 5, 2],
      offsets: [
        [0, 0],
        [0, 1],
        [1, 2],
        [0, 0],
      ],
      attentionMask: [1, 1, 1, 1],
      specialTokensMask: [1, 0, 0, 1],
    });
    expect(letters.encode('abcabc', { truncation: { maxLength: 2 } }).ids).toEqual([1, 2]);
    expect(letters.encode('abc', { truncation: { maxLength: 5 } }).ids).toEqual([1, 4, 5, 6, 2]);
  });

  it('cuts the beginning when asked', () => {
    const options = { truncation: { maxLength: 2, direction: 'left' }, addSpecialTokens: false } as const;
    expect(letters.encode('abca', options)).toMatchObject({
      ids: [6, 4],
      offsets: [
        [2, 3],
        [3, 4],
      ],
    });
    expect(letters.encode('abca', { ...options, truncation: { maxLength: 0, direction: 'left' } }).ids).toEqual([]);
  });

  it('comes before padding', () => {
    const batch = letters.encodeBatch(['abcabc', 'a'], { truncation: { maxLength: 4 }, padding: {} });
    expect(batch.map(({ ids }) => ids)).toEqual([
      [1, 4, 5, 2],
      [1, 4, 2, 0],
    ]);
  });

  it('needs room for the special tokens', () => {
    expect(() => letters.encode('a', { truncation: { maxLength: 1 } })).toThrow(
      'CharacterTokenizer.encode: truncation.maxLength: expected at least 2, the special tokens added, got 1',
    );
    expect(() => letters.encode('a', { truncation: { maxLength: -1 } })).toThrow(
      'truncation.maxLength: expected a non-negative integer, got -1',
    );
    expect(() => letters.encode('a', { truncation: { maxLength: 3, direction: 1 as never } })).toThrow(
      "truncation.direction: expected 'right' or 'left', got 1",
    );
  });
});
