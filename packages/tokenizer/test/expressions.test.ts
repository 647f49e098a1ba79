import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TokenizerError } from '../src/errors.js';
import { knownPatterns, scanningMatcher } from '../src/patterns/known.js';
import { expressionMatcher } from '../src/patterns/search.js';

const found = (pattern: string, text: string) => {
  const matches = expressionMatcher('test', pattern)(text);
  return Array.from({ length: matches.length / 2 }, (_, i) => text.slice(matches[i * 2], matches[i * 2 + 1]));
};

describe('regular expressions', () => {
  const cases: [pattern: string, text: string, matches: string[]][] = [
    ['a|ab', 'abab', ['a', 'a']],
    ['a+?b', 'aab', ['aab']],
    ['a{2}|b{,2}c', 'aabbc', ['aa', 'bbc']],
    ['x*+x', 'xxx', []],
    ['(?>x*)x|y', 'xxy', ['y']],
    ['(a)(b)?\\1', 'aba aa', ['aba', 'aa']],
    ['(?<q>[\'"]).*?\\k<q>', '\'a"b\' "c"', ["'a\"b'", '"c"']],
    ['(?<=\\$)\\d+', '$12 34', ['12']],
    ['(?<!\\d)\\d{2}(?!\\d)', '12 345 67', ['12', '67']],
    ['^b$', 'a\nb\nc', ['b']],
    ['\\Aa|c\\z', 'a\na c', ['a', 'c']],
    ['(?i)straße|K', 'STRAßE k \u212A', ['STRAßE', 'k', '\u212A']],
    ['(?i:a)b', 'Ab AB', ['Ab']],
    ['a(?m:.)b|.', 'a\nb', ['a\nb']],
    ['[a-c&&[^b]]+', 'abca', ['a', 'ca']],
    ['[[:alpha:]]+|[^\\W\\d_]', 'é1_', ['é']],
    ['\\p{Han}+|\\P{L}', '漢字a!', ['漢字', '!']],
    ['\\x{1F600}|\\u0041|\\t', '😀A\t', ['😀', 'A', '\t']],
    ['\\w+', 'a½² ⅓', ['a½²']],
    ['\\bto\\b', 'to tot to', ['to', 'to']],
    ['\\R', '\r\n\n', ['\r\n', '\n']],
    ['(?x) a  b # c\n| d', 'abd', ['ab', 'd']],
    ['', 'ab', ['', '', '']],
    ['(a*)*', 'aab', ['aa', '']],
  ];
  it.each(cases)('%s in %j', (pattern, text, matches) => {
    expect(found(pattern, text)).toEqual(matches);
  });

  it.each(['(', '[a', 'a**(', '*', '\\', '(?<=a+)b', '\\p{Nonsense}', '\\g<1>', '(?~a)', '\\1', 'a{3,2}', '[b-a]', '('.repeat(999)])(
    '%s is refused',
    (pattern) => {
      expect(() => expressionMatcher('test', pattern)('aaa')).toThrow(TokenizerError);
    },
  );

  it('agree with the engine where both have the same', () => {
    const atom = fc.constantFrom(
      'a',
      'b',
      '[ab]',
      '[^a]',
      '.',
      '\\d',
      '(?:a|b)',
      '(?:ab|a)',
      '(a)',
      '(?=b)',
      '(?!a)',
      '(?<=a)',
      '\\b',
      '^',
    );
    const quantifier = fc.constantFrom('', '', '*', '+', '?', '*?', '+?', '{2}', '{1,3}');
    const piece = fc.tuple(atom, quantifier).map(([a, q]) => (/^\(\?[=!<]|^\\b|^\^/.test(a) ? a : a + q));
    const pattern = fc.array(fc.array(piece, { maxLength: 4 }).map((pieces) => pieces.join('')), { minLength: 1, maxLength: 3 }).map((all) => all.join('|')); // biome-ignore format: one row
    fc.assert(
      fc.property(pattern, fc.string({ unit: fc.constantFrom('a', 'b', '1', ' '), maxLength: 12 }), (source, value) => {
        const ours = expressionMatcher('test', source)(value);
        // The engine finds an empty match right after another one, Oniguruma does not.
        const theirs: number[] = [];
        for (const { index, 0: match } of value.matchAll(new RegExp(source, 'gu'))) {
          if (match !== '' || theirs.at(-1) !== index) theirs.push(index, index + match.length);
        }
        expect(ours).toEqual(theirs);
      }),
      { numRuns: 2000 },
    );
  });

  it.each(['(a+)+$', '(a|a)*b', '(a|aa)+$', '(.*)*x', '((a*)*)*b'])('%s gives up instead of hanging', (pattern) => {
    const search = expressionMatcher('test', pattern);
    try {
      search(`${'a'.repeat(5000)}!`);
    } catch (error) {
      expect((error as Error).message).toContain('steps');
    }
  });

  it('a million characters of one kind need neither stack nor patience', () => {
    expect(expressionMatcher('test', '\\s+(?!\\S)|\\s+')(`${' '.repeat(1e6)}a`)).toEqual([0, 1e6 - 1, 1e6 - 1, 1e6]);
    expect(expressionMatcher('test', '(?:a|b)+')('a'.repeat(200_000))).toEqual([0, 200_000]);
  });
});

describe('scanners', () => {
  const unit = fc.constantFrom(
    ..."abZSs''\u017FlLerRvVmtd   \n\r\t\u0085\u00A0\u3000123\u00BD\u0661!/.-\u0301\u0903\u01C5\u02B0文աß😀𝐀𝐚𞤀\0\uFEFF_€",
  );
  it.each(knownPatterns())('do what %s does', (source, scan) => {
    const slow = expressionMatcher('test', source);
    const fast = scanningMatcher(scan);
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 16 }), (value) => {
        expect(fast(value)).toEqual(slow(value));
      }),
      { numRuns: 1000 },
    );
  });
});
