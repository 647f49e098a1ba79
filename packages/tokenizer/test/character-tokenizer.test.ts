import { CharacterTokenizer, TokenizerError } from '@multihead/tokenizer';
import { describe, expect, it } from 'vitest';

const letters = new CharacterTokenizer('abc');

describe('CharacterTokenizer', () => {
  it('gives special tokens the first ids, in the order pad, bos, eos, unk', () => {
    expect(letters.vocabSize).toBe(7);
    expect([0, 1, 2, 3, 4, 5, 6, 7].map((id) => letters.idToToken(id))).toEqual([
      '<pad>',
      '<s>',
      '</s>',
      '<unk>',
      'a',
      'b',
      'c',
      undefined,
    ]);
    expect(['<pad>', 'c', 'd'].map((token) => letters.tokenToId(token))).toEqual([0, 6, undefined]);
    expect(letters.specialTokens).toEqual({ pad: '<pad>', bos: '<s>', eos: '</s>', unk: '<unk>' });
    expect(letters.specialId('eos')).toBe(2);
    expect(letters.vocabulary).toEqual(['a', 'b', 'c']);
  });

  it('encodes a text with every field', () => {
    expect(letters.encode('cab')).toEqual({
      ids: [1, 6, 4, 5, 2],
      tokens: ['<s>', 'c', 'a', 'b', '</s>'],
      offsets: [
        [0, 0],
        [0, 1],
        [1, 2],
        [2, 3],
        [0, 0],
      ],
      attentionMask: [1, 1, 1, 1, 1],
      specialTokensMask: [1, 0, 0, 0, 1],
    });
    expect(letters.encode('', { addSpecialTokens: false }).ids).toEqual([]);
    expect(letters.encode('').ids).toEqual([1, 2]);
  });

  it('splits by code point and counts offsets in UTF-16 code units', () => {
    const { ids, tokens, offsets } = new CharacterTokenizer('a🙂', { specialTokens: {} }).encode('🙂a🙂');
    expect(ids).toEqual([1, 0, 1]);
    expect(tokens).toEqual(['🙂', 'a', '🙂']);
    expect(offsets).toEqual([
      [0, 2],
      [2, 3],
      [3, 5],
    ]);
  });

  it('takes a lone surrogate as U+FFFD', () => {
    const tokenizer = new CharacterTokenizer('a\uFFFD', { specialTokens: {} });
    for (const lone of ['\uD83D', '\uDE42']) {
      expect(tokenizer.encode(`a${lone}a`)).toMatchObject({
        ids: [0, 1, 0],
        tokens: ['a', '\uFFFD', 'a'],
        offsets: [
          [0, 1],
          [1, 2],
          [2, 3],
        ],
      });
    }
    expect(CharacterTokenizer.fromTexts(['\uD83D\uD83D', '\uDE42'], { specialTokens: {} }).vocabulary).toEqual(['\uFFFD']);
    expect(() => tokenizer.encode('\uD83D\uDE42')).toThrow('unknown character "🙂" (U+1F642)');
  });

  it('puts the unk token for an unknown character, or says which one and where', () => {
    expect(letters.encode('aéb', { addSpecialTokens: false })).toMatchObject({
      ids: [4, 3, 5],
      tokens: ['a', '<unk>', 'b'],
      specialTokensMask: [0, 0, 0],
    });
    const strict = new CharacterTokenizer('abc', { unknown: 'throw' });
    const error = thrown(() => strict.encode('aébx'));
    expect(error.message).toBe(
      'CharacterTokenizer.encode: text: unknown character "é" (U+00E9) at position 1 of "aébx"; the vocabulary has 3: abc',
    );
    expect(error).toMatchObject({ name: 'TokenizerError', operation: 'CharacterTokenizer.encode', token: 'é', position: 1 });
    expect(() => strict.encodeBatch(['a', 'ab!'])).toThrow(
      'CharacterTokenizer.encodeBatch: texts[1]: unknown character "!" (U+0021) at position 2',
    );
    expect(thrown(() => strict.encode(`${'a'.repeat(1000)}!${'b'.repeat(1000)}`)).message).toContain(
      `at position 1000 of "…${'a'.repeat(30)}!${'b'.repeat(29)}…"`,
    );
    expect(new CharacterTokenizer('abc', { specialTokens: { pad: '_' } }).unknown).toBe('throw');
  });

  it('never takes text for a special token', () => {
    const tokenizer = new CharacterTokenizer('ab', { specialTokens: { pad: '_', unk: '?' } });
    expect(tokenizer.encode('a_?b').tokens).toEqual(['a', '?', '?', 'b']);
    expect(tokenizer.encode('a_?b').specialTokensMask).toEqual([0, 0, 0, 0]);
  });

  it('lets roles share a token', () => {
    const tokenizer = new CharacterTokenizer('ab', { specialTokens: { pad: '|', bos: '|', eos: '|' } });
    expect(tokenizer.vocabSize).toBe(3);
    expect(tokenizer.encode('ab').ids).toEqual([0, 1, 2, 0]);
  });

  it('decodes', () => {
    expect(letters.decode([1, 6, 4, 5, 2, 0])).toBe('<s>cab</s><pad>');
    expect(letters.decode([1, 6, 4, 5, 2, 0], { skipSpecialTokens: true })).toBe('cab');
    expect(letters.decode(Int32Array.of(6, 4))).toBe('ca');
    for (const id of [7, -1, 0.5, Number.NaN, '4' as never, 4n as never]) {
      expect(() => letters.decode([4, id])).toThrow(/^CharacterTokenizer.decode: ids\[1\]: expected an integer from 0 to 6, got /);
    }
    expect(() => letters.decode(4 as never)).toThrow('ids: expected an array or another iterable of numbers, got 4');
  });

  it('refuses vocabularies that no text could reach', () => {
    expect(() => new CharacterTokenizer(['a', 'bc'])).toThrow('vocabulary: expected single characters, got "bc"');
    expect(() => new CharacterTokenizer(['a', ''])).toThrow('vocabulary[1]: expected a string that is not empty, got ""');
    expect(() => new CharacterTokenizer('aba')).toThrow('vocabulary[2]: expected a token not yet there, got "a", which is vocabulary[0]');
    expect(() => new CharacterTokenizer('ab_', { specialTokens: { pad: '_' } })).toThrow('got "_", which is a special token');
    expect(() => new CharacterTokenizer(['\uD83D'])).toThrow('expected well-formed text');
    expect(() => new CharacterTokenizer(undefined as never)).toThrow('new CharacterTokenizer: vocabulary: expected an array');
    expect(() => new CharacterTokenizer('ab', { specialTokens: { mask: 'm' } as never })).toThrow(
      'expected the roles pad, bos, eos, unk, got "mask"',
    );
    expect(() => new CharacterTokenizer('ab', { specialTokens: { pad: '' } })).toThrow(
      'specialTokens.pad: expected a string that is not empty',
    );
    expect(() => new CharacterTokenizer('ab', { specialTokens: 'x' as never })).toThrow('specialTokens: expected an object');
    expect(() => new CharacterTokenizer('ab', { unknown: 'skip' as never })).toThrow(`unknown: expected 'token' or 'throw', got "skip"`);
    expect(() => new CharacterTokenizer('ab', { specialTokens: {}, unknown: 'token' })).toThrow("unknown: 'token' needs an unk token");
  });

  it('refuses what is not text', () => {
    expect(() => letters.encode(undefined as never)).toThrow('CharacterTokenizer.encode: text: expected a string, got undefined');
    expect(() => letters.encodeBatch('ab' as never)).toThrow(
      'CharacterTokenizer.encodeBatch: texts: expected an array of strings, got "ab"',
    );
    expect(() => letters.encodeBatch(['a', 1 as never])).toThrow('texts[1]: expected a string, got 1');
    expect(() => new CharacterTokenizer('ab', { specialTokens: { pad: '_' } }).specialId('bos')).toThrow(
      'CharacterTokenizer.specialId: expected a tokenizer with a "bos" token among its specialTokens, got one with pad',
    );
    expect(() => letters.specialId('constructor' as never)).toThrow(TokenizerError);
  });
});

function thrown(run: () => unknown): TokenizerError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(TokenizerError);
    return error as TokenizerError;
  }
  throw new Error('expected a TokenizerError');
}
