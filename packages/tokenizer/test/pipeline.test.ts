import { fromTokenizerJson, TokenizerError, type TokenizerJson } from '@multihead/tokenizer';
import { BpeTokenizer } from '@multihead/tokenizer/bpe';
import { describe, expect, it } from 'vitest';
import { byteFallback, byteLevel, unigram, wordLevel, wordPiece } from './small-tokenizers.js';

const tokensOf = (json: TokenizerJson, text: string) => fromTokenizerJson(json).encode(text, { addSpecialTokens: false }).tokens;

describe('models', () => {
  it('BPE applies rules by rank, the leftmost first', () => {
    expect(tokensOf(byteLevel, 'the lower  the')).toEqual(['t', 'he', 'Ġ', 'l', 'ow', 'er', 'Ġ', 'Ġthe']);
    const aaa: TokenizerJson = { model: { type: 'BPE', vocab: { a: 0, aa: 1 }, merges: ['a a'] } };
    expect(tokensOf(aaa, 'aaaaa')).toEqual(['aa', 'aa', 'a']);
  });

  it('BPE: unknown characters are dropped, unknown, fused, or bytes', () => {
    const model = { type: 'BPE', vocab: { a: 0, '?': 1, '<0xC3>': 2, '<0xA9>': 3 }, merges: [] } as const;
    expect(tokensOf({ model }, 'axya')).toEqual(['a', 'a']);
    expect(tokensOf({ model: { ...model, unk_token: '?' } }, 'axya')).toEqual(['a', '?', '?', 'a']);
    expect(tokensOf({ model: { ...model, unk_token: '?', fuse_unk: true } }, 'axya')).toEqual(['a', '?', 'a']);
    expect(tokensOf({ model: { ...model, unk_token: '?', byte_fallback: true } }, 'éñ')).toEqual(['<0xC3>', '<0xA9>', '?']);
  });

  it('BPE: prefixes, suffixes, whole words, dropout', () => {
    const vocab = { a: 0, '##b': 1, 'b</w>': 2, ab: 3, '##b</w>': 4, b: 5 };
    expect(tokensOf({ model: { type: 'BPE', vocab, merges: ['a ##b'], continuing_subword_prefix: '##' } }, 'ab')).toEqual(['ab']);
    expect(tokensOf({ model: { type: 'BPE', vocab, merges: [], end_of_word_suffix: '</w>' } }, 'ab')).toEqual(['a', 'b</w>']);
    expect(tokensOf({ model: { type: 'BPE', vocab, merges: [], ignore_merges: true } }, 'ab')).toEqual(['ab']);
    expect(tokensOf({ model: { type: 'BPE', vocab, merges: ['a b'], dropout: 1 } }, 'ab')).toEqual(['a', 'b']);
    const half = fromTokenizerJson({ model: { type: 'BPE', vocab, merges: ['a b'], dropout: 0.5 } });
    expect(half.encode('ab'.repeat(20)).ids).toEqual(half.encode('ab'.repeat(20)).ids);
  });

  it('WordPiece takes the longest, and gives up a word as a whole', () => {
    expect(tokensOf(wordPiece, 'The unwanted, wanta. wantx 漢漢')).toEqual([
      'the',
      'un',
      '##want',
      '##ed',
      ',',
      'want',
      '##a',
      '.',
      '[UNK]',
      '漢',
      '漢',
    ]);
    expect(tokensOf(wordPiece, 'a'.repeat(101))).toEqual(['[UNK]']);
  });

  it('Unigram finds the greatest sum, and fuses what is unknown', () => {
    expect(tokensOf(unigram, 'abab')).toEqual(['▁ab', 'ab']);
    const { tokens, ids, offsets } = fromTokenizerJson(unigram).encode('xyab z');
    expect(tokens).toEqual(['▁', 'xy', 'ab', '▁', 'z']);
    expect(ids).toEqual([1, 0, 4, 1, 0]);
    expect(offsets).toEqual([[0, 1], [0, 2], [2, 4], [4, 5], [5, 6]]); // biome-ignore format: one row
  });

  it('words of any spelling are words', () => {
    expect(fromTokenizerJson(wordLevel).encode('__proto__ constructor toString be').ids).toEqual([3, 4, 0, 2]);
  });
});

describe('encodings', () => {
  const bert = fromTokenizerJson(wordPiece);

  it('a pair has types, sequences, words and masks', () => {
    const encoding = bert.encode('the unwanted', { pair: 'want' });
    expect(encoding.tokens).toEqual(['[CLS]', 'the', 'un', '##want', '##ed', '[SEP]', 'want', '[SEP]']);
    expect(encoding.typeIds).toEqual([0, 0, 0, 0, 0, 0, 1, 1]);
    expect(encoding.sequenceIds).toEqual([null, 0, 0, 0, 0, null, 1, null]);
    expect(encoding.wordIds).toEqual([null, 0, 1, 1, 1, null, 0, null]);
    expect(encoding.specialTokensMask).toEqual([1, 0, 0, 0, 0, 1, 0, 1]);
    expect(encoding.attentionMask).toEqual(Array(8).fill(1));
    expect(encoding.wordToTokens(1)).toEqual([2, 5]);
    expect(encoding.wordToChars(1)).toEqual([4, 12]);
    expect(encoding.charToToken(7)).toBe(3);
    expect(encoding.charToToken(1, 1)).toBe(6);
    expect(encoding.charToToken(3)).toBeUndefined();
    expect(encoding.charToWord(7)).toBe(1);
    expect(encoding.tokenToChars(6)).toEqual({ sequence: 1, offsets: [0, 4] });
    expect(encoding.tokenToChars(0)).toBeUndefined();
    expect(encoding.tokenToWord(4)).toEqual({ sequence: 0, word: 1 });
    expect(JSON.parse(JSON.stringify(encoding)).tokens).toEqual(encoding.tokens);
  });

  it('offsets count code units, and code points where they are asked for', () => {
    const { offsets, codePointOffsets } = fromTokenizerJson(wordLevel).encode('😀 to 👍🏽 be');
    expect(offsets).toEqual([[0, 2], [3, 5], [6, 10], [11, 13]]); // biome-ignore format: one row
    expect(codePointOffsets).toEqual([[0, 1], [2, 4], [5, 7], [8, 10]]); // biome-ignore format: one row
  });

  it('words given are encoded one by one', () => {
    const encoding = bert.encode(['unwanted', '', 'the.']);
    expect(encoding.wordIds).toEqual([null, 0, 0, 0, 2, 2, null]);
    expect(encoding.offsets).toEqual([[0, 0], [0, 2], [2, 6], [6, 8], [0, 3], [3, 4], [0, 0]]); // biome-ignore format: one row
  });

  it('truncation gives the rest in parts, as far as the words go that were looked at', () => {
    const encoding = bert.encode('the unwanted unwanted want', { truncation: { maxLength: 5, stride: 1 } });
    expect(encoding.tokens).toEqual(['[CLS]', 'the', 'un', '##want', '[SEP]']);
    expect(encoding.overflowing.map(({ tokens }) => tokens.join(' '))).toEqual([
      '[CLS] ##want ##ed un [SEP]',
      '[CLS] un ##want ##ed [SEP]',
    ]);
    const left = bert.encode('the want', { truncation: { maxLength: 3, direction: 'left' } });
    expect(left.tokens).toEqual(['[CLS]', 'want', '[SEP]']);
    const pair = { pair: 'want want', truncation: { maxLength: 6, strategy: 'only_first' as const } };
    expect(bert.encode('the the the', pair).tokens).toEqual(['[CLS]', 'the', '[SEP]', 'want', 'want', '[SEP]']);
    expect(() => bert.encode('the', { truncation: { maxLength: 1 } })).toThrow('expected at least 2');
    expect(() => bert.encode('the the', { truncation: { maxLength: 3, strategy: 'only_second' } })).toThrow(TokenizerError);
    expect(() => bert.encode('the the the', { truncation: { maxLength: 4, stride: 2 } })).toThrow('stride');
  });

  it('padding makes a batch equally long', () => {
    const padding = { id: 0, token: '[PAD]', multipleOf: 4 };
    const [a, b] = bert.encodeBatch(['the', { text: 'the', pair: 'want' }], { padding });
    expect(a?.tokens).toEqual(['[CLS]', 'the', '[SEP]', '[PAD]', '[PAD]', '[PAD]', '[PAD]', '[PAD]']);
    expect(a?.attentionMask).toEqual([1, 1, 1, 0, 0, 0, 0, 0]);
    expect(b?.attentionMask).toEqual([1, 1, 1, 1, 1, 0, 0, 0]);
    expect(bert.encodeBatch(['the'], { padding: { ...padding, direction: 'left', length: 4, multipleOf: 0 } })[0]?.ids).toEqual([
      0, 2, 4, 3,
    ]);
    expect(() => bert.encode('the', { padding: {} })).toThrow('pad token');
  });

  it('what the file says of truncation and padding holds, unless options say otherwise', () => {
    const tokenizer = fromTokenizerJson({
      ...wordPiece,
      truncation: { max_length: 4, strategy: 'LongestFirst', stride: 0, direction: 'Right' },
      padding: { strategy: { Fixed: 6 }, direction: 'Left', pad_id: 0, pad_type_id: 0, pad_token: '[PAD]' },
    });
    expect(tokenizer.encode('the unwanted').ids).toEqual([0, 0, 2, 4, 5, 3]);
    expect(tokenizer.encode('the unwanted', { truncation: { maxLength: 9 }, padding: { length: 7 } }).ids).toEqual([2, 4, 5, 6, 7, 3, 0]);
  });
});

describe('files beside it', () => {
  const config = { clean_up_tokenization_spaces: true, pad_token: '[PAD]', unk_token: { content: '[UNK]', __type: 'AddedToken' } };

  it('name the special tokens', () => {
    const tokenizer = fromTokenizerJson(wordPiece, {
      config,
      specialTokensMap: '{"cls_token": "[CLS]", "additional_special_tokens": ["<x>"]}',
    });
    expect(tokenizer.specialTokens).toEqual({ pad: '[PAD]', unk: '[UNK]', cls: '[CLS]' });
    expect(tokenizer.specialId('pad')).toBe(0);
    expect(() => tokenizer.specialId('eos')).toThrow('got one with pad, unk, cls');
    expect(tokenizer.encode('<x>', { addSpecialTokens: false }).ids).toEqual([15]);
    expect(tokenizer.vocabSize).toBe(16);
    expect(tokenizer.encode('the', { padding: { length: 4 } }).ids).toEqual([2, 4, 3, 0]);
  });

  it('say whether spaces are cleaned up', () => {
    const json: TokenizerJson = { model: { type: 'WordLevel', unk_token: '?', vocab: { '?': 0, a: 1, '.': 2, "n't": 3 } } };
    expect(fromTokenizerJson(json).decode([1, 3, 2])).toBe("a n't .");
    expect(fromTokenizerJson(json, { config }).decode([1, 3, 2])).toBe("an't.");
  });
});

describe('decoding', () => {
  it('leaves special tokens out, and ids that no token has', () => {
    const tokenizer = fromTokenizerJson(byteLevel);
    const { ids } = tokenizer.encode('the<|end|> é');
    expect(tokenizer.decode(ids)).toBe('the<|end|> é');
    expect(tokenizer.decode(ids, { skipSpecialTokens: true })).toBe('the é');
    expect(tokenizer.decode([...ids, 99_999])).toBe('the<|end|> é');
    expect(() => tokenizer.decode([-1])).toThrow('ids[0]');
    expect(() => tokenizer.decode([0.5])).toThrow(TokenizerError);
  });

  it('streams whole characters', () => {
    for (const json of [byteLevel, byteFallback]) {
      const tokenizer = fromTokenizerJson(json);
      const text = 'the 😀 漢字 é\u0301 \uFEFF end';
      const stream = tokenizer.decodeStream();
      const chunks = tokenizer.encode(text).ids.map((id) => stream.push(id));
      expect(chunks.join('') + stream.end()).toBe(text);
      for (const chunk of chunks) expect(chunk).not.toContain('\uFFFD');
    }
  });

  it('a stream that ends in half a character says so', () => {
    const tokenizer = fromTokenizerJson(byteLevel);
    const stream = tokenizer.decodeStream();
    const [first = 0] = tokenizer.encode('é').ids;
    expect(stream.push(first)).toBe('');
    expect(stream.end()).toBe('\uFFFD');
    expect(stream.end()).toBe('');
  });
});

describe('BpeTokenizer', () => {
  it('gives the ids of the whole pipeline', () => {
    for (const json of [byteLevel, byteFallback]) {
      const small = new BpeTokenizer(json);
      const whole = fromTokenizerJson(json);
      for (const text of ['the lower<|end|>', '  😀é', '']) {
        expect(small.encode(text)).toEqual(whole.encode(text).ids);
        expect(small.countTokens(text)).toBe(whole.countTokens(text));
        expect(small.decode(small.encode(text))).toBe(whole.decode(whole.encode(text).ids));
      }
      expect(small.vocabSize).toBe(whole.vocabSize);
    }
  });

  it('refuses what it does not read', () => {
    expect(() => new BpeTokenizer(wordPiece)).toThrow('model.type: expected one of BPE');
    const split = { type: 'Split', pattern: { Regex: 'x+' }, behavior: 'Isolated' } as const;
    expect(() => new BpeTokenizer({ ...byteLevel, pre_tokenizer: split })).toThrow('known regular expressions');
  });
});

describe('files that are refused', () => {
  const refused: [why: string, json: unknown, message: string][] = [
    ['no JSON', '{', 'json: expected JSON'],
    ['no object', [], 'json: expected an object'],
    ['no model', {}, 'model: expected an object'],
    ['another version', { ...wordLevel, version: '2.0' }, "version: expected '1.0'"],
    ['an unknown type', { ...wordLevel, normalizer: { type: 'Magic' } }, 'normalizer.type: expected one of NFC'],
    ['a type that objects have', { ...wordLevel, decoder: { type: 'constructor' } }, 'decoder.type'],
    ['ids that are none', { model: { type: 'WordLevel', vocab: { a: -1 } } }, 'model.vocab: expected ids'],
    ['merges of unknown parts', { model: { type: 'BPE', vocab: { a: 0 }, merges: ['a b'] } }, 'model.merges[0]'],
    [
      'a broken pattern',
      { ...wordLevel, pre_tokenizer: { type: 'Split', pattern: { Regex: '(' }, behavior: 'Isolated' } },
      'unclosed group',
    ],
    ['a table that is none', { ...wordLevel, normalizer: { type: 'Precompiled', precompiled_charsmap: 'AAAA' } }, 'precompiled_charsmap'],
  ];
  it.each(refused)('%s', (_why, json, message) => {
    expect(() => fromTokenizerJson(json as TokenizerJson)).toThrow(TokenizerError);
    expect(() => fromTokenizerJson(json as TokenizerJson)).toThrow(message);
  });
});
