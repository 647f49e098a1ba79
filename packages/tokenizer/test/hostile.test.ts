import { fromTokenizerJson, TokenizerError, type TokenizerJson } from '@multihead/tokenizer';
import { describe, expect, it } from 'vitest';
import { byteFallback, byteLevel, unigram, wordLevel, wordPiece } from './small-tokenizers.js';

const all: [name: string, json: TokenizerJson][] = [
  ['byte-level BPE', byteLevel],
  ['BPE with byte fallback', byteFallback],
  ['WordPiece', wordPiece],
  ['Unigram', unigram],
  ['WordLevel', wordLevel],
  ['all forms', { ...wordLevel, normalizer: { type: 'Sequence', normalizers: [{ type: 'NFKC' }, { type: 'NFD' }, { type: 'StripAccents' }] } }],
]; // biome-ignore format: rows

/** Random numbers that are the same in every run. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe('texts', () => {
  const texts: [name: string, text: string][] = [
    ['a million spaces', ' '.repeat(1e6)],
    ['one letter', 'a'.repeat(1e6)],
    ['stacked marks', `a${'\u0301\u0323'.repeat(2e5)}`],
    ['letters that become marks', '\uFF9E\u0301'.repeat(1e5)],
    ['NUL', '\0'.repeat(1e5)],
    ['halves of characters', '\uD83D'.repeat(1e5)],
    ['capitals after letters without case', `文${'A'.repeat(1e6)}`],
    ['line ends', '\n\r'.repeat(2e5)],
  ];
  // Quadratic time for any of these would be minutes.
  it.each(all)('%s takes them in linear time', (_name, json) => {
    const tokenizer = fromTokenizerJson(json);
    for (const [name, text] of texts) {
      const before = process.cpuUsage();
      const { ids } = tokenizer.encode(text);
      const { user, system } = process.cpuUsage(before);
      expect((user + system) / 1e6, name).toBeLessThan(8);
      expect(ids.every((id) => Number.isInteger(id))).toBe(true);
    }
  });

  it('are numbers and halves of characters, too', () => {
    const tokenizer = fromTokenizerJson(byteLevel);
    expect(tokenizer.decode(tokenizer.encode('a\uD800b\uDC00').ids)).toBe('a\uFFFDb\uFFFD');
    expect(() => tokenizer.encode(5 as never)).toThrow(TokenizerError);
    expect(() => tokenizer.encode(null as never)).toThrow('text: expected a string');
    expect(() => tokenizer.encodeBatch('abc' as never)).toThrow('texts: expected an array');
  });
});

describe('mutations', () => {
  const units = [..." abtheéu\u0301漢😀\0\uFFFD▁Ġ<>|\n'.,1\u00A0", '\uD83D', '<|end|>', '[UNK]', '<0xC3>', 'the', '__proto__'];

  it('200,000 texts are encoded and decoded, or refused by one of our errors', () => {
    const tokenizers = all.map(([, json]) => fromTokenizerJson(json));
    const draw = random(1);
    let text = '';
    for (let i = 0; i < 200_000; i++) {
      const at = draw(text.length + 1);
      const unit = units[draw(units.length)] as string;
      text = draw(4) === 0 ? text.slice(0, at) + text.slice(at + draw(8)) : text.slice(0, at) + unit + text.slice(at);
      if (text.length > 40) text = text.slice(draw(30));
      const tokenizer = tokenizers[i % tokenizers.length] as (typeof tokenizers)[number];
      const encoding = tokenizer.encode(text);
      const decoded = tokenizer.decode(encoding.ids);
      const problem = typeof decoded !== 'string' || (i % 8 === 0 && encoding.offsets.length !== encoding.ids.length);
      if (problem) expect.fail(JSON.stringify(text));
    }
  });

  it('20,000 files are read, or refused by one of our errors', () => {
    const draw = random(2);
    const values = [
      null,
      true,
      -1,
      0,
      2 ** 32,
      'a',
      '',
      '(',
      [],
      {},
      'BPE',
      'Sequence',
      'ByteLevel',
      '[UNK]',
      { String: '' },
      { Regex: '(a*)*' },
    ];
    const sources = all.map(([, json]) =>
      JSON.stringify(json, (_key, value) => (value instanceof Map ? Object.fromEntries(value) : value)),
    );
    const parsed = sources.map((source) => JSON.parse(source));
    for (let i = 0; i < 20_000; i++) {
      const file = structuredClone(parsed[i % parsed.length]);
      for (let changes = draw(3); changes >= 0; changes--) mutate(file, draw, values);
      try {
        const tokenizer = fromTokenizerJson(file);
        tokenizer.decode(tokenizer.encode('the ab, unwanted é').ids);
      } catch (error) {
        if (!(error instanceof TokenizerError)) expect.fail(`${JSON.stringify(file).slice(0, 300)}: ${String((error as Error).stack)}`);
      }
    }
  });
});

/** Puts another value somewhere into a file, or takes one out. */
function mutate(file: unknown, draw: (below: number) => number, values: readonly unknown[]): void {
  let node = file as Record<string, unknown>;
  for (;;) {
    const keys = Object.keys(node);
    if (keys.length === 0) return;
    const key = keys[draw(keys.length)] as string;
    const inner = node[key];
    if (typeof inner === 'object' && inner !== null && draw(3) > 0) {
      node = inner as Record<string, unknown>;
      continue;
    }
    if (draw(4) === 0) delete node[key];
    else node[key] = structuredClone(values[draw(values.length)]);
    return;
  }
}
