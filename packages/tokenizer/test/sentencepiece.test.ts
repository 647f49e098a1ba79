import { TokenizerError } from '@multihead/tokenizer';
import { SentencePieceTokenizer } from '@multihead/tokenizer/sentencepiece';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytePieces, type ModelFile, modelFile, type PieceRow } from './sentencepiece-file.js';

const special: readonly PieceRow[] = [['<unk>', 0, 2], ['<s>', 0, 3], ['</s>', 0, 3], ['<pad>', 0, 3]]; // biome-ignore format: one row
const letters: readonly PieceRow[] = [...'abcdehlorw▁'].map((letter, i): PieceRow => [letter, -5 - i / 10]);
const whole: readonly PieceRow[] = [['▁hello', -2], ['▁w', -3], ['or', -3.5], ['ld', -3.5], ['hell', -4]]; // biome-ignore format: one row
const make = (file: Partial<ModelFile>) => new SentencePieceTokenizer(modelFile({ pieces: [...special, ...letters, ...whole], ...file }));
const tokensOf = (tokenizer: SentencePieceTokenizer, text: string) => tokenizer.encode(text).tokens.join(' ');

describe('models', () => {
  it('unigram: the best sum of scores', () => {
    const tokenizer = make({});
    expect(tokensOf(tokenizer, 'hello world')).toBe('▁hello ▁w or ld');
    expect(tokenizer.decode(tokenizer.encode('hello  world ').ids)).toBe('hello world');
  });

  it('unigram: sums are rounded to float32 at each piece, as SentencePiece rounds them', () => {
    const pieces: PieceRow[] = [...special, ['a', -4], ['b', -2e-7], ['c', -2e-7], ['d', -2e-7], ['abcd', -4.00000048]];
    expect(tokensOf(make({ pieces, addDummyPrefix: false }), 'abcd')).toBe('a b c d');
  });

  it('BPE: the best pair first, and the leftmost of equal ones', () => {
    const pieces: PieceRow[] = [...special, ...letters, ['he', -1], ['el', -0.5], ['ll', -2], ['ello', -3], ['lo', -2.5], ['aa', -1]];
    const tokenizer = make({ type: 2, pieces });
    expect(tokensOf(tokenizer, 'hello')).toBe('▁ h ello');
    expect(tokensOf(tokenizer, 'aaaaa')).toBe('▁ aa aa a');
  });

  it('BPE: unused pieces fall apart into what they were made of', () => {
    const pieces: PieceRow[] = [...special, ...letters, ['he', -1], ['hel', -2, 5]];
    expect(tokensOf(make({ type: 2, pieces }), 'helhel')).toBe('▁ he l he l');
    expect(tokensOf(make({ pieces: [...special, ...letters, ['hel', -1, 5]] }), 'hel')).toBe('▁ h e l');
  });

  it('words and characters', () => {
    const pieces: PieceRow[] = [...special, ['▁hello', -1], ['▁', -2], ['a', -3]];
    expect(make({ type: 3, pieces }).encode('hello a').ids).toEqual([4, 0]);
    expect(make({ type: 4, pieces }).encode('a b').ids).toEqual([5, 6, 5, 0]);
  });

  it('bytes in place of unknown characters, and back, U+FFFD for each that is none', () => {
    const tokenizer = make({ byteFallback: true, pieces: [...special, ...letters, ...bytePieces()] });
    expect(tokensOf(tokenizer, 'é')).toBe('▁ <0xC3> <0xA9>');
    expect(tokenizer.encode('aé').offsets).toEqual([[0, 0], [0, 1], [1, 2], [1, 2]]); // biome-ignore format: one row
    expect(tokenizer.decode(tokenizer.encode('日🙂 é').ids)).toBe('日🙂 é');
    const ids = ['a', '<0xE6>', '<0x97>', 'b', '<0x80>', '<0xC3>', '<0xA9>'].map((token) => tokenizer.tokenToId(token) as number);
    expect(tokenizer.decode(ids)).toBe('a\ufffd\ufffdb\ufffdé');
  });

  it('user-defined symbols are found before everything else and never merged; control pieces in a text are text', () => {
    const pieces: PieceRow[] = [...special, ...letters, ['he', -1], ['<x>', 0, 4], ['or', -1, 4]];
    expect(tokensOf(make({ type: 2, pieces }), 'hor<x>e')).toBe('▁ h or <x> e');
    expect(tokensOf(make({ pieces }), 'a<x>or')).toBe('▁ a <x> or');
    expect(make({ pieces }).encode('</s>').ids).not.toContain(2);
  });

  it('unknown neighbours are one token, and have a surface of their own', () => {
    const tokenizer = make({ unkSurface: '[?]' });
    const { ids, tokens, offsets } = tokenizer.encode('aXYb');
    expect(ids.map((id) => tokenizer.idToToken(id))).toEqual(['▁', 'a', '<unk>', 'b']);
    expect(tokens).toEqual(['▁', 'a', 'XY', 'b']);
    expect(offsets).toEqual([[0, 0], [0, 1], [1, 3], [3, 4]]); // biome-ignore format: one row
    expect(tokenizer.decode(ids)).toBe('a[?]b');
    expect(tokenizer.decode(ids, { skipSpecialTokens: true })).toBe('ab');
  });
});

describe('white space', () => {
  it('is shortened, or kept, and shown as ▁', () => {
    expect(tokensOf(make({}), '  a   b ')).toBe('▁ a ▁ b');
    expect(tokensOf(make({ removeExtraWhitespaces: false }), ' a  b')).toBe('▁ ▁ a ▁ ▁ b');
    expect(tokensOf(make({ addDummyPrefix: false }), 'a b')).toBe('a ▁ b');
    expect(tokensOf(make({ treatWhitespaceAsSuffix: true }), 'a b')).toBe('a ▁ b ▁');
    expect(make({}).encode('   ').ids).toEqual([]);
  });

  it('offsets are places in the text that was given', () => {
    const text = '  hello   world 🙂';
    const { tokens, offsets } = make({}).encode(text);
    expect(tokens).toEqual(['▁hello', '▁w', 'or', 'ld', '▁', '🙂']);
    expect(offsets.map(([start, end]) => text.slice(start, end))).toEqual(['hello', '   w', 'or', 'ld', ' ', '🙂'].map((part) => part));
  });
});

describe('the interface', () => {
  it('adds bos and eos where it is told to, truncates and pads', () => {
    const tokenizer = new SentencePieceTokenizer(modelFile({ pieces: [...special, ...letters] }), { addBos: true, addEos: true });
    expect(tokenizer.encode('ab').tokens).toEqual(['<s>', '▁', 'a', 'b', '</s>']);
    expect(tokenizer.encode('ab', { addSpecialTokens: false }).ids).toHaveLength(3);
    const [short, long] = tokenizer.encodeBatch(['a', 'abcd'], { truncation: { maxLength: 5 }, padding: {} });
    expect(short?.tokens).toEqual(['<s>', '▁', 'a', '</s>', '<pad>']);
    expect(long?.tokens).toEqual(['<s>', '▁', 'a', 'b', '</s>']);
    expect(tokenizer.specialTokens).toEqual({ pad: '<pad>', bos: '<s>', eos: '</s>', unk: '<unk>' });
  });

  it('says what it was given that it cannot use', () => {
    const tokenizer = make({});
    expect(() => tokenizer.decode([99])).toThrow('ids[0]: expected an integer from 0 to 19, got 99');
    expect(() => tokenizer.encode(1 as never)).toThrow('text: expected a string, got 1');
    expect(() => tokenizer.specialId('mask')).toThrow(TokenizerError);
    expect(() => new SentencePieceTokenizer(modelFile({ pieces: [['<unk>', 0, 2]] }), { addEos: true })).toThrow(
      'expected a model with a "eos" piece',
    );
  });

  it('takes lone surrogates for U+FFFD, and is steady under a million characters of a kind', () => {
    const models = [1, 2, 4].map((type) => make({ type }));
    for (const tokenizer of models) {
      expect(tokenizer.encode('a\ud800b')).toEqual(tokenizer.encode('a\ufffdb'));
      for (const text of ['a', ' ', 'X', 'he', '\u0301', '🙂'])
        expect(tokenizer.encode(text.repeat(200_000)).ids.length).toBeLessThan(400_002);
    }
  });
});

describe('files', () => {
  const refuses = (file: Partial<ModelFile>) => expect(() => make(file));

  it('skips fields that it does not know', () => {
    expect(
      make({ extra: [0x9a, 0x0c, 2, 1, 2, 0xa0, 0x0c, 5, 0xad, 0x0c, 0, 0, 0, 0, 0xb1, 0x0c, 0, 0, 0, 0, 0, 0, 0, 0] }).vocabSize,
    ).toBe(20);
  });

  it('refuses broken messages', () => {
    refuses({ extra: Array(11).fill(0xff) }).toThrow('a number of at most ten bytes');
    refuses({ extra: [0x0b] }).toThrow('a field of wire type 0, 1, 2 or 5, got type 3');
    refuses({ extra: [0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f] }).toThrow('bytes, got 0');
    refuses({ extra: [0x0a] }).toThrow('got the end of the file');
    expect(() => new SentencePieceTokenizer(new TextEncoder().encode('<!doctype html>'))).toThrow(TokenizerError);
    expect(() => new SentencePieceTokenizer(new Uint8Array(0))).toThrow('expected an unknown piece among them');
  });

  it('refuses vocabularies that SentencePiece refuses', () => {
    refuses({ pieces: [...special, ['a', 1], ['a', 2]] }).toThrow('expected a piece that is not there yet');
    refuses({ pieces: [...special, ['', 1]] }).toThrow('expected a piece that is not empty');
    refuses({ pieces: [...special, ['<u>', 0, 2]] }).toThrow('expected one unknown piece only');
    refuses({ pieces: [...special, ['<0x41>', 0, 6]] }).toThrow('since byte_fallback is false');
    refuses({ byteFallback: true }).toThrow('expected all 256 bytes');
    refuses({ pieces: [...special, ['a', Number.NaN]] }).toThrow('score: expected a finite number, got NaN');
    refuses({ type: 7 }).toThrow('model_type: expected 1, 2, 3 or 4, got 7');
    refuses({ charsmap: Uint8Array.of(1, 2, 3) }).toThrow('precompiled_charsmap');
  });

  it('a damaged table of replacements gives other text at worst, and no more than it may', () => {
    // One unit that is its own child for every byte, with a value: whatever comes is replaced by what lies at 0.
    const charsmap = new Uint8Array(4 + 4 * 256 + 3000);
    const view = new DataView(charsmap.buffer);
    view.setUint32(0, 4 * 256, true);
    for (let i = 0; i < 256; i++) view.setUint32(4 + 4 * i, 0x100 | i, true);
    charsmap.fill(0x61, 4 + 4 * 256, charsmap.length - 1);
    const tokenizer = make({ charsmap });
    try {
      tokenizer.encode('aé日'.repeat(2000));
    } catch (error) {
      expect(error).toBeInstanceOf(TokenizerError);
    }
  });

  it('whatever the bytes: a tokenizer or a TokenizerError, and so for texts', () => {
    const valid = [1, 2, 3, 4].flatMap((type) => [modelFile({ pieces: [...special, ...letters, ...whole], type }), modelFile({ pieces: [...special.slice(0, 3), ...bytePieces()], byteFallback: true, type })]); // biome-ignore format: one row
    let state = 7;
    const next = (below: number) => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return (state >> 8) % below;
    };
    let accepted = 0;
    for (let i = 0; i < 30_000; i++) {
      const bytes = valid[next(valid.length)]!.slice();
      for (let changes = 1 + next(3); changes > 0; changes--) bytes[next(bytes.length)] = next(256);
      try {
        new SentencePieceTokenizer(next(8) === 0 ? bytes.subarray(0, next(bytes.length)) : bytes).encode('hello  wörld 🙂');
        accepted++;
      } catch (error) {
        if (!(error instanceof TokenizerError)) throw error;
      }
    }
    expect(accepted).toBeGreaterThan(3000);
  });
});

describe('laws', () => {
  it('a stream gives what decoding gives, and never half a character', () => {
    const tokenizer = make({ byteFallback: true, pieces: [...special, ...letters, ...whole, ...bytePieces()] });
    const id = fc.oneof(fc.nat(tokenizer.vocabSize - 1), fc.constantFrom(...tokenizer.encode('é日🙂 a').ids));
    fc.assert(
      fc.property(fc.array(id, { maxLength: 12 }), (ids) => {
        const stream = tokenizer.decodeStream();
        expect(ids.map((one) => stream.push(one)).join('') + stream.end()).toBe(tokenizer.decode(ids));
      }),
    );
    const stream = tokenizer.decodeStream();
    expect(tokenizer.encode('a🙂').ids.map((one) => stream.push(one))).toEqual(['', 'a', '', '', '', '🙂']);
    expect(tokenizer.countTokens('a🙂')).toBe(6);
  });

  const text = fc.string({ unit: fc.constantFrom(...'abhelo  wrdXé日🙂▁\n'), maxLength: 30 });

  it('bytes keep every text, in each model type', () => {
    const exact = { removeExtraWhitespaces: false, byteFallback: true, pieces: [...special, ...letters, ...whole, ...bytePieces()] };
    for (const type of [1, 2]) {
      const tokenizer = make({ ...exact, type });
      fc.assert(
        fc.property(text, (value) => {
          const encoding = tokenizer.encode(value);
          expect(tokenizer.decode(encoding.ids)).toBe(value.replaceAll('▁', ' '));
          for (const [start, end] of encoding.offsets) expect([start <= end, end <= value.length]).toEqual([true, true]);
        }),
      );
    }
  });
});
