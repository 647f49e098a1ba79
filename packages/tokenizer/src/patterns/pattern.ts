/*
 * What a file says to look for, as a function that finds all of it.
 */

/** Where matches are in a text: starts and ends in turn, in reading order, without overlap. */
export type Matcher = (text: string) => number[];

/** Finds a literal text; an empty one is never found. */
export function literalMatcher(wanted: string): Matcher {
  return (text) => {
    const matches: number[] = [];
    if (wanted === '') return matches;
    for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) matches.push(at, at + wanted.length);
    return matches;
  };
}

/** Finds each character of a set by itself. */
export function characterMatcher(test: (codePoint: number) => boolean): Matcher {
  return (text) => {
    const matches: number[] = [];
    for (let at = 0; at < text.length; ) {
      const codePoint = text.codePointAt(at) as number;
      const end = at + (codePoint > 0xffff ? 2 : 1);
      if (test(codePoint)) matches.push(at, end);
      at = end;
    }
    return matches;
  };
}
