import { CharacterTokenizer, TokenizerError, WordTokenizer } from '@multihead/tokenizer';
import { describe, expect, it } from 'vitest';

const saved = () => JSON.parse(JSON.stringify(new CharacterTokenizer('abc', { unknown: 'throw' })));

describe('saving and loading', () => {
  it('writes everything the ids depend on', () => {
    expect(saved()).toEqual({
      format: 'multihead-tokenizer',
      version: 1,
      split: 'characters',
      specialTokens: { pad: '<pad>', bos: '<s>', eos: '</s>', unk: '<unk>' },
      unknown: 'throw',
      vocabulary: ['a', 'b', 'c'],
    });
  });

  it('reads text and parsed values alike', () => {
    for (const value of [saved(), JSON.stringify(saved())]) {
      const loaded = CharacterTokenizer.fromJSON(value);
      expect(JSON.parse(JSON.stringify(loaded))).toEqual(saved());
      expect(loaded.encode('cab').ids).toEqual([1, 6, 4, 5, 2]);
      expect(() => loaded.encode('d')).toThrow(TokenizerError);
    }
    const words = WordTokenizer.fromTexts(['to be or not to be'], { specialTokens: { unk: '?' } });
    expect(JSON.stringify(WordTokenizer.fromJSON(JSON.stringify(words)))).toBe(JSON.stringify(words));
  });

  it('lists everything that is wrong at once', () => {
    const { format: _, ...wrong } = saved();
    expect(() => CharacterTokenizer.fromJSON({ ...wrong, version: 2, vocabulary: ['a', 1], vocab: [] })).toThrow(
      "CharacterTokenizer.fromJSON: saved: format is missing (expected 'multihead-tokenizer'); version: expected 1, got 2; " +
        'vocabulary: expected an array of strings, got an array of length 2; "vocab" is unexpected',
    );
  });

  it('refuses other files, other kinds and other values', () => {
    expect(() => WordTokenizer.fromJSON(saved())).toThrow(`split: expected 'whitespace', got "characters"`);
    expect(() => CharacterTokenizer.fromJSON('{"format":')).toThrow('CharacterTokenizer.fromJSON: saved: expected JSON, got');
    for (const value of [undefined, null, 1, [], '[]', 'null', '"text"'])
      expect(() => CharacterTokenizer.fromJSON(value)).toThrow(TokenizerError);
    expect(() => CharacterTokenizer.fromJSON({ ...saved(), vocabulary: ['a', 'a'] })).toThrow('expected a token not yet there');
    expect(() => CharacterTokenizer.fromJSON({ ...saved(), specialTokens: { pad: 1 } })).toThrow('specialTokens.pad: expected a string');
    expect(() => CharacterTokenizer.fromJSON({ ...saved(), specialTokens: [] })).toThrow('specialTokens: expected an object');
    expect(() => CharacterTokenizer.fromJSON({ ...saved(), unknown: 'maybe' })).toThrow("unknown: expected 'token' or 'throw'");
  });

  it('takes keys like __proto__ for data', () => {
    const text = JSON.stringify(saved()).replace('{', '{"__proto__":{"polluted":1},');
    expect(() => CharacterTokenizer.fromJSON(text)).toThrow('"__proto__" is unexpected');
    const roles = JSON.stringify(saved()).replace('"pad"', '"__proto__"');
    expect(() => CharacterTokenizer.fromJSON(roles)).toThrow('expected the roles pad, bos, eos, unk, got "__proto__"');
    expect(() => CharacterTokenizer.fromJSON(`${'['.repeat(100_000)}`)).toThrow(TokenizerError);
  });
});
