import { type Splitter, WordTokenizer } from '@multihead/tokenizer';
import { describe, expect, it } from 'vitest';

describe('WordTokenizer', () => {
  it('finds words between white space of any kind', () => {
    const tokenizer = new WordTokenizer(['to', 'be', 'or']);
    const text = ' to\tbe \n or\u2003to\u0085be\u3000';
    const { ids, tokens, offsets } = tokenizer.encode(text);
    expect(ids).toEqual([1, 4, 5, 6, 4, 5, 2]);
    expect(tokens).toEqual(['<s>', 'to', 'be', 'or', 'to', 'be', '</s>']);
    expect(offsets.slice(1, -1).map(([start, end]) => text.slice(start, end))).toEqual(['to', 'be', 'or', 'to', 'be']);
    expect(tokenizer.decode(ids, { skipSpecialTokens: true })).toBe('to be or to be');
  });

  it('takes words like __proto__ and constructor for words', () => {
    const words = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '0', 'length'];
    const tokenizer = new WordTokenizer(words, { specialTokens: {} });
    expect(tokenizer.encode(words.join(' ')).ids).toEqual([0, 1, 2, 3, 4, 5]);
    expect(WordTokenizer.fromJSON(JSON.stringify(tokenizer)).decode([0, 1])).toBe('__proto__ constructor');
    const other = new WordTokenizer(['a']);
    for (const word of words) {
      expect(other.tokenToId(word)).toBeUndefined();
      expect(other.encode(word, { addSpecialTokens: false }).ids).toEqual([3]);
    }
    expect(WordTokenizer.fromTexts([words.join(' '), 'constructor']).vocabulary[0]).toBe('constructor');
  });

  it('never takes a word for a special token', () => {
    const tokenizer = new WordTokenizer(['a']);
    expect(tokenizer.encode('a <pad> </s>', { addSpecialTokens: false }).tokens).toEqual(['a', '<unk>', '<unk>']);
    expect(() => new WordTokenizer(['a'], { unknown: 'throw' }).encode('a <pad>')).toThrow(
      'WordTokenizer.encode: text: unknown word "<pad>" at position 2 of "a <pad>"; the vocabulary has 1: a',
    );
  });

  it('splits where it is told to', () => {
    const onCommas: Splitter = (text) => [...text.matchAll(/[^,]+/g)].map(({ 0: piece, index }) => [index, index + piece.length] as const);
    const tokenizer = new WordTokenizer(['new york', 'rome'], { split: onCommas });
    expect(tokenizer.encode('rome,new york,', { addSpecialTokens: false }).tokens).toEqual(['rome', 'new york']);
    const saved = JSON.stringify(tokenizer);
    expect(WordTokenizer.fromJSON(saved, { split: onCommas }).encode('rome').ids).toEqual(tokenizer.encode('rome').ids);
    expect(() => WordTokenizer.fromJSON(saved)).toThrow(`split: expected 'whitespace', got "given"`);
    expect(() => WordTokenizer.fromJSON(JSON.stringify(new WordTokenizer(['a'])), { split: onCommas })).toThrow(
      `split: expected 'given', got "whitespace"`,
    );
    expect(() => new WordTokenizer(['a'], { split: /,/ as never })).toThrow(
      'split: expected a function from a text to spans of it, got an object',
    );
  });

  it('refuses vocabularies that no text could reach', () => {
    expect(() => new WordTokenizer(['new york'])).toThrow('vocabulary: expected words without white space, got "new york"');
    expect(() => new WordTokenizer('abc' as never)).toThrow('new WordTokenizer: vocabulary: expected an array of words, got "abc"');
  });
});

describe('fromTexts', () => {
  it('orders by frequency, then by code points, whatever the order of the texts', () => {
    const texts = ['b a c', 'a \u{1F642} \uFFFD', 'a b'];
    const expected = ['a', 'b', 'c', '\uFFFD', '\u{1F642}'];
    expect(WordTokenizer.fromTexts(texts).vocabulary).toEqual(expected);
    expect(WordTokenizer.fromTexts([...texts].reverse()).vocabulary).toEqual(expected);
    expect(WordTokenizer.fromTexts(['ab a', 'abc', '\u{1F642}\u{1F643} \u{1F642}']).vocabulary).toEqual([
      'a',
      'ab',
      'abc',
      '\u{1F642}',
      '\u{1F642}\u{1F643}',
    ]);
  });

  it('keeps what is frequent, up to a size that counts the special tokens', () => {
    const texts = ['a a a b b c'];
    expect(WordTokenizer.fromTexts(texts, { minFrequency: 2 }).vocabulary).toEqual(['a', 'b']);
    expect(WordTokenizer.fromTexts(texts, { size: 5 })).toMatchObject({ vocabSize: 5, vocabulary: ['a'] });
    expect(WordTokenizer.fromTexts(texts, { size: 4 }).vocabulary).toEqual([]);
    expect(WordTokenizer.fromTexts(texts, { size: 1, specialTokens: {} }).vocabulary).toEqual(['a']);
    expect(WordTokenizer.fromTexts([]).vocabSize).toBe(4);
  });

  it('leaves out words that are spelled like a special token', () => {
    expect(WordTokenizer.fromTexts(['<pad> <pad> a'], { size: 5 }).vocabulary).toEqual(['a']);
  });

  it('refuses options and texts that make no sense', () => {
    expect(() => WordTokenizer.fromTexts([], { size: 3 })).toThrow('WordTokenizer.fromTexts: size: expected an integer of at least 4');
    expect(() => WordTokenizer.fromTexts([], { minFrequency: 0 })).toThrow('minFrequency: expected an integer of at least 1, got 0');
    expect(() => WordTokenizer.fromTexts('abc')).toThrow('texts: expected an array or another iterable of strings, got "abc"');
    expect(() => WordTokenizer.fromTexts(['a', null as never])).toThrow('texts[1]: expected a string, got null');
    expect(() => WordTokenizer.fromTexts([], { split: 1 as never })).toThrow('WordTokenizer.fromTexts: split: expected a function');
  });
});
