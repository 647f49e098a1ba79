import { CharacterTokenizer, type Encoding, WordTokenizer } from '@multihead/tokenizer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

// Any string, lone surrogates included.
const anyText = fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)) });
const text = fc.oneof(anyText, fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.string());
const replaceLone = (value: string) => Buffer.from(value, 'utf8').toString('utf8');

function expectAligned({ ids, tokens, offsets, attentionMask, specialTokensMask }: Encoding): void {
  expect([tokens, offsets, attentionMask, specialTokensMask].map((array) => array.length)).toEqual(Array(4).fill(ids.length));
}

describe('laws', () => {
  it('characters: decode after encode is the text, lone surrogates replaced', () => {
    fc.assert(
      fc.property(text, (value) => {
        const tokenizer = CharacterTokenizer.fromTexts([value], { specialTokens: {} });
        const encoding = tokenizer.encode(value);
        expectAligned(encoding);
        expect(tokenizer.decode(encoding.ids)).toBe(replaceLone(value));
        expect(encoding.offsets.map(([start, end]) => replaceLone(value).slice(start, end))).toEqual(encoding.tokens);
      }),
    );
  });

  it('words: decode after encode is the text with single spaces', () => {
    fc.assert(
      fc.property(fc.array(text), (values) => {
        const value = values.join(' ');
        const tokenizer = WordTokenizer.fromTexts([value], { specialTokens: {} });
        const encoding = tokenizer.encode(value);
        const words = replaceLone(value)
          .split(/\p{White_Space}+/u)
          .filter((word) => word !== '');
        expect(tokenizer.decode(encoding.ids)).toBe(words.join(' '));
        expect(encoding.offsets.map(([start, end]) => replaceLone(value).slice(start, end))).toEqual(encoding.tokens);
      }),
    );
  });

  it('saving and loading changes nothing', () => {
    fc.assert(
      fc.property(fc.array(text), text, (values, value) => {
        const tokenizer = CharacterTokenizer.fromTexts(values);
        const loaded = CharacterTokenizer.fromJSON(JSON.stringify(tokenizer));
        expect(loaded.encode(value)).toEqual(tokenizer.encode(value));
      }),
    );
  });

  it('a padded and truncated batch is a rectangle, and its attention mask counts the tokens', () => {
    const direction = fc.constantFrom('left' as const, 'right' as const);
    fc.assert(
      fc.property(fc.array(text, { minLength: 1 }), fc.integer({ min: 2, max: 9 }), direction, direction, (values, length, cut, fill) => {
        const tokenizer = CharacterTokenizer.fromTexts(values);
        const options = { truncation: { maxLength: length, direction: cut }, padding: { length, direction: fill } };
        for (const [index, encoding] of tokenizer.encodeBatch(values, options).entries()) {
          expectAligned(encoding);
          expect(encoding.ids).toHaveLength(length);
          const real = Math.min(length, [...(values[index] as string)].length + 2);
          expect(encoding.attentionMask.reduce((sum, bit) => sum + bit, 0)).toBe(real);
          expect(encoding.attentionMask[fill === 'right' ? 0 : length - 1]).toBe(1);
        }
      }),
    );
  });

  it('a million characters of one kind are no trouble', () => {
    const letters = new CharacterTokenizer('a');
    const words = new WordTokenizer(['a']);
    expect(letters.encode('a'.repeat(1_000_000)).ids).toHaveLength(1_000_002);
    expect(words.encode(' '.repeat(1_000_000)).ids).toEqual([1, 2]);
    expect(words.encode('b'.repeat(1_000_000)).ids).toEqual([1, 3, 2]);
  });
});
