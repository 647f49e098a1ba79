import { dictionary } from 'cmu-pronouncing-dictionary';
import { describe, expect, it } from 'vitest';
import { fnv1a, letters, loadDictionary, parseDictionary, phonemes, splitEntries, splitOf, trainingPairs } from './data.js';

const entries = await loadDictionary();
const parts = splitEntries(entries);
const find = (word: string) => entries.find((entry) => entry.word === word)?.pronunciations.map((phones) => phones.join(' '));

describe('the dictionary', () => {
  it('has 126,046 words and leaves none out', () => {
    expect(Object.keys(dictionary)).toHaveLength(135_155);
    expect(entries).toHaveLength(126_046);
    expect(new Set(entries.map(({ word }) => word)).size).toBe(126_046);
    expect(parseDictionary(dictionary).leftOut).toEqual([]);
  });

  it('has 134,852 pronunciations; 8,175 words have more than one', () => {
    expect(trainingPairs(entries)).toHaveLength(134_852);
    expect(entries.filter(({ pronunciations }) => pronunciations.length > 1)).toHaveLength(8_175);
    for (const { pronunciations } of entries) {
      expect(new Set(pronunciations.map((phones) => phones.join(' '))).size).toBe(pronunciations.length);
    }
  });

  it('uses exactly the 39 phonemes and the 29 letters', () => {
    expect([...new Set(entries.flatMap(({ pronunciations }) => pronunciations.flat()))].sort()).toEqual(phonemes);
    expect(phonemes).toHaveLength(39);
    expect([...new Set(entries.flatMap(({ word }) => [...word]))].sort()).toEqual(letters);
    expect(letters).toHaveLength(29);
  });

  it('reads variants, comments, abbreviations and a word that objects inherit', () => {
    expect(find('abbe')).toEqual(['AE B IY', 'AE B EY']);
    expect(find('aalborg')).toEqual(['AO L B AO R G', 'AA L B AO R G']);
    expect(find('a.d.')).toEqual(['EY D IY']);
    expect(find('constructor')).toEqual(['K AH N S T R AH K T ER']);
  });

  it('gives 121,312 training pairs, and 28 letters and 28 phonemes at most', () => {
    expect(trainingPairs(parts.train)).toHaveLength(121_312);
    const longest = (lengths: number[]) => lengths.reduce((most, length) => Math.max(most, length), 0);
    expect(longest(entries.map(({ word }) => word.length))).toBe(28);
    expect(longest(trainingPairs(entries).map((pair) => pair.phonemes.length))).toBe(28);
  });
});

describe('the split', () => {
  it('is 113,400 train, 6,376 valid and 6,270 test words', () => {
    expect([parts.train.length, parts.valid.length, parts.test.length]).toEqual([113_400, 6_376, 6_270]);
  });

  it('has no word in two parts', () => {
    const words = [parts.train, parts.valid, parts.test].map((part) => new Set(part.map(({ word }) => word)));
    expect(words.reduce((sum, { size }) => sum + size, 0)).toBe(entries.length);
    expect(new Set(words.flatMap((set) => [...set])).size).toBe(entries.length);
  });

  it('depends on the spelling alone, by FNV-1a', () => {
    expect([fnv1a(''), fnv1a('a'), fnv1a('foobar')]).toEqual([0x811c9dc5, 0xe40c292c, 0xbf9cf968]); // the published test vectors
    expect([fnv1a('a') % 100, splitOf('a')]).toEqual([20, 'train']); // 0xe40c292c is 3,826,002,220
    for (const { word } of parts.valid.slice(0, 100)) expect([90, 91, 92, 93, 94]).toContain(fnv1a(word) % 100);
    for (const { word } of parts.test.slice(0, 100)) expect([95, 96, 97, 98, 99]).toContain(fnv1a(word) % 100);
  });
});

describe('parseDictionary', () => {
  it('merges variants that differ in stress alone, and leaves out other spellings', () => {
    const { entries: read, leftOut } = parseDictionary({
      ab: 'AE1 B # comment (2)',
      'ab(2)': 'AE0 B',
      'ab(3)': 'EY1 B IY1',
      b2b: 'B IY1',
      'b2b(2)': 'B IY0',
      é: 'EY1',
    });
    expect(read).toEqual([
      {
        word: 'ab',
        pronunciations: [
          ['AE', 'B'],
          ['EY', 'B', 'IY'],
        ],
      },
    ]);
    expect(leftOut).toEqual(['b2b', 'é']);
    expect(trainingPairs(read)).toEqual([
      { word: 'ab', phonemes: ['AE', 'B'] },
      { word: 'ab', phonemes: ['EY', 'B', 'IY'] },
    ]);
  });

  it('refuses other phonemes', () => {
    expect(() => parseDictionary({ ab: 'AE1 BB' })).toThrow('parseDictionary: ab: expected one of the 39 phonemes, got "BB"');
    expect(() => parseDictionary({ ab: '# nothing' })).toThrow('got ""');
  });
});
