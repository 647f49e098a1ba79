import { fromTokenizerJson, TokenizerError } from '@multihead/tokenizer';
import { tiktokenPatterns, tokenizerJsonFromBert, tokenizerJsonFromGpt2, tokenizerJsonFromTiktoken } from '@multihead/tokenizer/formats';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const base64 = (text: string) => btoa(text);
const bytes = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));
const ranked = (tokens: readonly string[]) => [...bytes, ...tokens].map((token, rank) => `${base64(token)} ${rank}`).join('\n');
const pattern = tiktokenPatterns.cl100k_base;

describe('tiktoken', () => {
  const tokens = ['ab', 'bc', 'aa', 'abc', 'aaa', 'bcab', 'abcbcab', 'cc', 'aab'];

  it('gives the ids that merging by rank gives', () => {
    const tokenizer = fromTokenizerJson(tokenizerJsonFromTiktoken(ranked(tokens), { pattern }));
    const ranks = new Map([...bytes, ...tokens].map((token, rank) => [token, rank]));
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 20 }), (text) => {
        expect(tokenizer.encode(text).ids).toEqual(byRank(text, ranks));
      }),
      { numRuns: 2000 },
    );
  });

  it('cuts as the pattern says, decodes, and knows special tokens', () => {
    const options = { pattern, specialTokens: { '<|end|>': 1000 } };
    const tokenizer = fromTokenizerJson(tokenizerJsonFromTiktoken(`${ranked(['he', 'hey'])}\n`, options));
    expect(tokenizer.encode('hey<|end|>é').ids).toEqual([257, 1000, 0xc3, 0xa9]);
    expect(tokenizer.decode([257, 0xc3, 0xa9])).toBe('heyé');
  });

  it('refuses files that are none, and says where', () => {
    expect(() => tokenizerJsonFromTiktoken(`${ranked([])}\nnot base64`, { pattern })).toThrow('in line 257');
    expect(() => tokenizerJsonFromTiktoken('YQ== 0', { pattern })).toThrow('expected all 256 bytes');
    expect(() => tokenizerJsonFromTiktoken(`${ranked([])}\nYQ== 300`, { pattern })).toThrow('expected each token once');
    expect(() => tokenizerJsonFromTiktoken(ranked([]), {} as never)).toThrow('pattern: expected a regular expression');
  });
});

/** tiktoken's algorithm: the neighbours whose union has the least rank become one. */
function byRank(text: string, ranks: ReadonlyMap<string, number>): number[] {
  if (ranks.has(text)) return [ranks.get(text)!];
  const parts = [...text];
  for (;;) {
    const unions = parts.slice(1).map((part, i) => ranks.get(parts[i]! + part) ?? Number.POSITIVE_INFINITY);
    const least = Math.min(...unions);
    if (least === Number.POSITIVE_INFINITY) return parts.map((part) => ranks.get(part)!);
    const at = unions.indexOf(least);
    parts.splice(at, 2, parts[at]! + parts[at + 1]!);
  }
}

describe('GPT-2', () => {
  it('reads vocab.json and merges.txt', () => {
    const vocab = JSON.stringify({ h: 0, i: 1, Ġ: 2, hi: 3, Ġhi: 4, '<|endoftext|>': 5 });
    const tokenizer = fromTokenizerJson(tokenizerJsonFromGpt2(vocab, '#version: 0.2\r\nh i\r\nĠ hi\r\n'));
    expect(tokenizer.encode('hi hi<|endoftext|>').ids).toEqual([3, 4, 5]);
    expect(tokenizer.decode([3, 4])).toBe('hi hi');
  });

  it('reads words that are no ordinary keys', () => {
    const json = tokenizerJsonFromGpt2('{"__proto__": 0, "constructor": 1}', '');
    expect(fromTokenizerJson(json).tokenToId('__proto__')).toBe(0);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  it('refuses what is malformed', () => {
    expect(() => tokenizerJsonFromGpt2('[]', '')).toThrow('vocabJson: expected an object');
    expect(() => tokenizerJsonFromGpt2('{"a": -1}', '')).toThrow('expected an id for "a"');
    expect(() => tokenizerJsonFromGpt2('{"a": 0}', 'a b c')).toThrow('in merge 1, got "a b c"');
    expect(() => tokenizerJsonFromGpt2('{"a": 0}', '', { specialTokens: ['b'] })).toThrow(TokenizerError);
  });
});

describe('BERT', () => {
  const file = '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhead\n##s\nmulti\n';

  it('reads vocab.txt', () => {
    const tokenizer = fromTokenizerJson(tokenizerJsonFromBert(file));
    expect(tokenizer.encode('Multi heads [MASK]', { pair: 'head' }).tokens).toEqual(
      '[CLS] multi head ##s [MASK] [SEP] head [SEP]'.split(' '),
    );
    expect(tokenizer.decode([7, 5, 6])).toBe('multi heads');
  });

  it('keeps capitals where it is asked to', () => {
    const tokenizer = fromTokenizerJson(tokenizerJsonFromBert(file, { lowercase: false }));
    expect(tokenizer.encode('Head head', { addSpecialTokens: false }).tokens).toEqual(['[UNK]', 'head']);
  });

  it('wants its special tokens', () => {
    expect(() => tokenizerJsonFromBert('a\nb\n')).toThrow('vocabTxt: expected a line "[UNK]"');
  });
});
