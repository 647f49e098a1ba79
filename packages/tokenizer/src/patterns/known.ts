import type { Matcher } from './pattern.js';
import { cl100kScanner, gpt2Scanner, o200kScanner, type Scanner } from './scanners.js';

/** The matcher of a pattern that matches every character of any text. */
export function scanningMatcher(scan: Scanner): Matcher {
  const matcher = (text: string): number[] => {
    const matches: number[] = [];
    for (let at = 0; at < text.length; ) {
      const end = scan(text, at);
      matches.push(at, end);
      at = end;
    }
    return matches;
  };
  return Object.assign(matcher, { scan });
}

const contractions = "'s|'t|'re|'ve|'m|'ll|'d";
const spaces = String.raw`\s*[\r\n]+|\s+(?!\S)|\s+`;
const words = String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+C|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*C`;

/** The patterns for which there are scanners. */
export function knownPatterns(): [source: string, scanner: Scanner][] {
  const patterns: [string, Scanner][] = [[String.raw`${contractions}| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`, gpt2Scanner]];
  for (const digits of [1, 3]) {
    const number = digits === 1 ? String.raw`\p{N}` : String.raw`\p{N}{1,3}`;
    const cl100k = String.raw`(?i:${contractions})|[^\r\n\p{L}\p{N}]?\p{L}+|${number}| ?[^\s\p{L}\p{N}]+[\r\n]*|${spaces}`;
    const o200k = (suffix: string) => String.raw`${words.replaceAll('C', suffix)}|${number}| ?[^\s\p{L}\p{N}]+[\r\n/]*|${spaces}`;
    patterns.push([cl100k, cl100kScanner(digits)]);
    patterns.push([o200k(`(?i:${contractions})?`), o200kScanner(digits, true)], [o200k(''), o200kScanner(digits, false)]);
  }
  return patterns;
}

/** The hand-written scanner of a pattern that real models use; undefined for another one. */
export function knownMatcher(source: string): Matcher | undefined {
  const known = knownPatterns().find(([pattern]) => pattern === source);
  return known === undefined ? undefined : scanningMatcher(known[1]);
}
