import { fromTokenizerJson, type PipelineEncoding, type TokenizerJson } from '@multihead/tokenizer';
import { BpeTokenizer } from '@multihead/tokenizer/bpe';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byteFallback, byteLevel, unigram, wordLevel, wordPiece } from './small-tokenizers.js';

// Any string, lone surrogates included, and strings of what these vocabularies have.
const anyText = fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)) });
const familiar = fc.string({
  unit: fc.constantFrom('the', 'un', 'want', 'ab', 'a', ' ', '  ', 'l', 'o', 'w', '.', 'é', 'e\u0301', '漢', '😀', '▁', '\n'),
});
const text = fc.oneof(anyText, familiar, fc.string({ unit: 'grapheme' }), fc.string());
const wellFormed = (value: string) => Buffer.from(value, 'utf8').toString('utf8');

/** Offsets are in order, inside the text, and never inside a character. */
function expectOffsets(value: string, { offsets, codePointOffsets, ids, tokens, wordIds }: PipelineEncoding): void {
  expect([tokens.length, offsets.length, codePointOffsets.length, wordIds.length]).toEqual(Array(4).fill(ids.length));
  const places = [0];
  for (const character of wellFormed(value)) places.push((places.at(-1) as number) + character.length);
  offsets.forEach(([start, end], i) => {
    expect([places[codePointOffsets[i]?.[0] as number], places[codePointOffsets[i]?.[1] as number]]).toEqual([start, end]);
    expect(start).toBeLessThanOrEqual(end);
  });
}

describe('decode after encode', () => {
  const lossless: [name: string, json: TokenizerJson, expected: (value: string) => string][] = [
    ['byte-level BPE', byteLevel, (value) => value],
    // A visible space in the text is taken for one that stands for a space.
    ['BPE with byte fallback', byteFallback, (value) => value.replaceAll('▁', ' ')],
  ];
  it.each(lossless)('%s: is the text', (_name, json, expected) => {
    const tokenizer = fromTokenizerJson(json);
    fc.assert(
      fc.property(text, (value) => {
        const encoding = tokenizer.encode(value);
        expect(tokenizer.decode(encoding.ids)).toBe(expected(wellFormed(value)));
        expectOffsets(value, encoding);
      }),
    );
  });

  it.each([
    ['WordPiece', wordPiece],
    ['Unigram', unigram],
    ['WordLevel', wordLevel],
  ])('%s: what is decoded is encoded alike, if nothing was unknown', (_name, json) => {
    const tokenizer = fromTokenizerJson(json);
    const options = { addSpecialTokens: false };
    fc.assert(
      fc.property(text, (value) => {
        const encoding = tokenizer.encode(value, options);
        expectOffsets(value, encoding);
        // A visible space is taken for a space, and one space before the text for the one that is put there.
        fc.pre(!/\u2581|^ /.test(value));
        fc.pre(!encoding.tokens.some((token, i) => token !== tokenizer.idToToken(encoding.ids[i] as number) || /\[UNK\]|\?/.test(token)));
        const { ids } = tokenizer.encode(tokenizer.decode(encoding.ids), options);
        expect(ids).toEqual(encoding.ids);
      }),
    );
  });
});

describe('one encoding', () => {
  it('is the same by the short way of bytes and by the long one', () => {
    const short = fromTokenizerJson(byteLevel);
    const small = new BpeTokenizer(byteLevel);
    fc.assert(
      fc.property(text, (value) => {
        const encoding = short.encode(value);
        // Tokens are found with their offsets, which is the long way.
        expect(encoding.tokens.map((token) => short.tokenToId(token))).toEqual(encoding.ids);
        expect(small.encode(value)).toEqual(encoding.ids);
      }),
    );
  });

  it('slices the text to what its tokens are, where nothing is normalized', () => {
    const tokenizer = fromTokenizerJson({ ...wordLevel, pre_tokenizer: { type: 'BertPreTokenizer' } });
    fc.assert(
      fc.property(text, (value) => {
        const { offsets, wordIds } = tokenizer.encode(value);
        const pieces = tokenizer.preTokenize(value);
        expect(offsets.map(([start, end]) => wellFormed(value).slice(start, end))).toEqual(pieces.map((piece) => piece.text));
        expect(wordIds).toEqual(pieces.map((_, i) => i));
      }),
    );
  });

  it('falls into parts when it is cut, which overlap by the stride', () => {
    const tokenizer = fromTokenizerJson({ ...byteLevel, pre_tokenizer: null, post_processor: null, decoder: null });
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', 'c')), fc.integer({ min: 1, max: 9 }), fc.nat(8), (letters, maxLength, stride) => {
        fc.pre(stride < maxLength);
        const whole = tokenizer.encode(letters.join('')).ids;
        const cut = tokenizer.encode(letters.join(''), { truncation: { maxLength, stride } });
        const parts = [cut, ...cut.overflowing].map(({ ids }) => ids);
        expect(parts.flatMap((ids, i) => (i === 0 ? ids : ids.slice(stride)))).toEqual(whole);
      }),
    );
  });
});

/** Byte pair encoding as the paper has it: the best pair of all, again and again. */
function merged(word: string, rules: readonly string[]): string[] {
  let parts = [...word];
  for (;;) {
    let best = -1;
    let rank = Number.POSITIVE_INFINITY;
    for (let i = 0; i + 1 < parts.length; i++) {
      const found = rules.indexOf(`${parts[i]} ${parts[i + 1]}`);
      if (found >= 0 && found < rank) [rank, best] = [found, i];
    }
    if (best < 0) return parts;
    parts = [...parts.slice(0, best), `${parts[best]}${parts[best + 1]}`, ...parts.slice(best + 2)];
  }
}

it('rules are applied as the paper has it, to short words and to long ones', () => {
  const part = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 3 });
  const rules = fc.uniqueArray(fc.tuple(part, part), { maxLength: 12, selector: ([a, b]) => a + b });
  fc.assert(
    fc.property(rules, fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 150 }), (pairs, word) => {
      const tokens = new Set(['a', 'b', 'c', ...pairs.flatMap(([a, b]) => [a, b, a + b])]);
      const vocab = new Map([...tokens].map((token, id) => [token, id]));
      const merges = pairs.map((pair) => pair.join(' '));
      const tokenizer = fromTokenizerJson({ model: { type: 'BPE', vocab, merges } });
      expect(tokenizer.encode(word).tokens).toEqual(merged(word, merges));
    }),
  );
});
